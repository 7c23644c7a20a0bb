"""Nets of rectifiers as spiking nets: scales by hand, rates against activations, and accuracy by T on digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import snn
from autograd import Tensor, nn, ops, optim, value_and_grad
from autograd.errors import ArgumentError, CellError, DTypeError, NonFiniteError, ShapeError


def two_layers():
    """Return a net of 2-2-1 whose activations are worked out by hand."""
    return nn.SequentialCell(
        nn.Dense(2, 2, weight_init=np.array([[1.0, 0.0], [0.0, 4.0]]), bias_init=np.array([0.5, 0.0])), nn.ReLU(),
        nn.Dense(2, 1, weight_init=np.array([[3.0, -1.0]]), bias_init="zeros"),
    )  # fmt: skip


DATA = np.array([[0.5, 0.25], [1.5, 0.5], [-2.0, 1.0], [0.0, -1.0]], np.float32)
# Its activations: [1, 1], [2, 2], [0, 4], [.5, 0].


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        ({"balance": "max"}, [2.0, 4.0]),
        ({"balance": "max", "per": "layer"}, [4.0]),
        ({"percentile": 50}, [1.0, 2.0]),
        ({"percentile": 50, "per": "layer"}, [1.5]),
    ],
)
def test_scales_by_hand(options, scale):
    made = snn.convert(two_layers(), DATA, **options)
    np.testing.assert_allclose(made.scales["1"], scale)
    s = np.broadcast_to(scale, 2)
    np.testing.assert_allclose(made.net["0"].weight.asnumpy(), np.diag([1, 4]) / s[:, None], rtol=1e-6)
    np.testing.assert_allclose(made.net["0"].bias.asnumpy(), np.array([0.5, 0]) / s, rtol=1e-6)
    np.testing.assert_allclose(made.net["2"].weight.asnumpy(), np.array([[3, -1]]) * s, rtol=1e-6)
    np.testing.assert_allclose(made.ann(Tensor(DATA)).asnumpy(), two_layers()(Tensor(DATA)).asnumpy(), rtol=1e-6)


@pytest.mark.parametrize(("start", "rounded"), [(0.0, lambda a: np.ceil(a) - 1), (0.5, lambda a: np.ceil(a - 0.5))])
def test_a_neuron_counts_its_activation(start, rounded):
    """After T steps it has fired T times its activation by the scale: cut off, or rounded."""
    made, steps = snn.convert(two_layers(), DATA, balance="max", start=start), 10
    x = np.broadcast_to(DATA, (steps, *DATA.shape))
    counts = snn.run(made.net, x, record=["spike"], mode="eager").record["1.spike"].asnumpy().sum(0)
    share = np.array([[1, 1], [2, 2], [0, 4], [0.5, 0]]) / [2.0, 4.0]
    np.testing.assert_array_equal(counts, np.maximum(0, rounded(np.minimum(share, 1) * steps)))
    assert counts.max() == steps - (start == 0)


def grown(kind=2):
    """Return a convolutional net with norms that have seen data, pooling in both places, and a nested chain."""
    rng, relu = np.random.default_rng(3), ops.relu if kind == 1 else "relu"
    conv, norm, pool, shape = {
        1: (nn.Conv1d, nn.BatchNorm1d, nn.AvgPool1d, (8,)), 2: (nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d, (8, 8)),
    }[kind]  # fmt: skip
    ann = nn.SequentialCell(
        conv(2, 4, 3, rng=rng), norm(4), nn.ReLU(), pool(2, 2),
        nn.SequentialCell(conv(4, 6, 3, group=2, has_bias=True, rng=rng), pool(2, 2), nn.ReLU()),
        nn.Flatten(), nn.Dropout(0.5, rng=0), nn.Dense(6 * 2**kind, 10, activation=relu, rng=rng), nn.Dense(10, 4, rng=rng),
    )  # fmt: skip
    x = rng.random((40, 2, *shape)).astype(np.float32)
    ann.set_train()
    for _ in range(30):
        ann(Tensor(x))
    for _, parameter in ann[1].parameters_and_names():
        parameter.set_data(parameter.asnumpy() * rng.uniform(0.5, 1.5, parameter.shape))
    return ann.set_train(False), x


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("per", ["channel", "layer"])
def test_a_convolutional_net_approaches_its_outputs(kind, per):
    ann, x = grown(kind)
    expected = ann(Tensor(x)).asnumpy()
    made = snn.convert(ann, x, balance="max", per=per)
    np.testing.assert_allclose(made.ann(Tensor(x)).asnumpy(), expected, rtol=1e-3, atol=1e-5)
    out = np.cumsum(snn.run(made.net, np.broadcast_to(x, (256, *x.shape)), mode="eager").out.asnumpy(), 0)
    errors = [np.abs(out[t - 1] / t - expected).max() / np.abs(expected).max() for t in (16, 256)]
    assert errors[1] < 0.03
    assert errors[1] < errors[0] / 4
    assert [len(scale) for scale in made.scales.values()] == ([4, 6, 10] if per == "channel" else [1, 1, 1])


def test_the_net_that_is_converted_stays_as_it_was():
    ann, x = grown()
    before, names = {k: v.copy() for k, v in ann.state_dict().items()}, [p.name for p in ann.get_parameters()]
    snn.convert(ann, x)
    assert [p.name for p in ann.get_parameters()] == names
    for name, value in ann.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def trained_on_digits():
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    ann = nn.SequentialCell(nn.Dense(64, 96, rng=0), nn.ReLU(), nn.Dense(96, 48, rng=1), nn.ReLU(), nn.Dense(48, 10, rng=2))
    optimizer, rng = optim.Adam(ann.trainable_params(), 3e-3), np.random.default_rng(0)
    batch = [images[:64], labels[:64]]
    step = value_and_grad(lambda: snn.losses.cross_entropy(ann(batch[0]), batch[1]), None, optimizer.parameters)
    for _ in range(500):
        chosen = rng.integers(0, 1400, 64)
        batch[:] = images[chosen], labels[chosen]
        optimizer(step()[1])
    return ann, images, labels


def test_digits_within_a_percent_of_the_net_and_accuracy_by_time():
    ann, images, labels = trained_on_digits()
    x, y = images[1400:], labels[1400:]
    found = {
        (balance, per, start): snn.convert(ann, images[:500], balance=balance, per=per, start=start).accuracy(
            x, y, 64, mode="eager"
        )
        for balance, per, start in (("percentile", "channel", 0.5), ("max", "layer", 0.0))
    }
    by_time = found["percentile", "channel", 0.5]
    assert by_time.ann == snn.metrics.accuracy(ann(Tensor(x)), y) > 0.9
    assert by_time[64] > by_time.ann - 0.01
    assert by_time[1] < by_time.ann - 0.02
    slow = found["max", "layer", 0.0]
    assert slow[64] > slow.ann - 0.02
    assert slow[4] < by_time[4]
    lines = str(by_time).splitlines()
    assert [line.split()[0] for line in lines] == ["T", "1", "2", "4", "8", "16", "32", "64", "ANN"]
    assert lines[-1].split()[1] == f"{by_time.ann:.4f}"


@pytest.mark.parametrize("behind", [[], [nn.Identity()], ["pool"]])
def test_a_rectifier_at_the_end_has_one_scale_for_all_its_scores(behind):
    """By hand: activations 1 and 4 at most, so that [1, 3] is class 1; scales [1, 4] would make class 0 of it."""
    ann = nn.SequentialCell(
        nn.Dense(2, 2, weight_init=np.eye(2), has_bias=False), nn.ReLU(),
        nn.Dense(2, 2, weight_init=np.diag([1.0, 4.0]), has_bias=False), nn.ReLU(),
    )  # fmt: skip
    x = np.array([[1.0, 0.75], [0.5, 1.0], [1.0, 0.125]], np.float32)
    if behind == ["pool"]:
        ann = nn.SequentialCell(
            nn.Conv1d(2, 2, 1, weight_init=np.eye(2)[..., None]), nn.ReLU(),
            nn.Conv1d(2, 2, 1, weight_init=np.diag([1.0, 4.0])[..., None]), nn.ReLU(), nn.AvgPool1d(2, 2), nn.Flatten(),
        )  # fmt: skip
        x = np.repeat(x[..., None], 2, axis=-1)
    elif behind:
        ann = nn.SequentialCell(*ann, *behind)
    made = snn.convert(ann, x, balance="max", per="channel")
    assert [scale.tolist() for scale in made.scales.values()] == [[1.0, 1.0], [4.0]]
    out = snn.run(made.net, np.broadcast_to(x, (256, *x.shape)), mode="eager").out.asnumpy().mean(0)
    np.testing.assert_allclose(out * 4, ann(Tensor(x)).asnumpy(), atol=0.1)
    assert made.accuracy(x, [1, 1, 0], steps=256, mode="eager")[256] == 1.0


def test_quantised_weights_are_converted_as_they_multiply():
    ann = two_layers()
    snn.quantise(ann, "binary")
    made = snn.convert(ann, DATA, balance="max")
    np.testing.assert_allclose(made.ann(Tensor(DATA)).asnumpy(), ann(Tensor(DATA)).asnumpy(), rtol=1e-6)


def test_two_layers_without_a_rectifier_between_them():
    ann = nn.SequentialCell(
        nn.Dense(2, 2, weight_init="ones", has_bias=False), nn.ReLU(), nn.Dense(2, 2, weight_init="ones", has_bias=False),
        nn.Dense(2, 1, weight_init="ones", has_bias=False), nn.ReLU(),
    )  # fmt: skip
    x = np.array([[0.25, 0.5]], np.float32)
    made = snn.convert(ann, x, balance="max")
    # 0.75 twice, then 1.5 twice, then 3: all neurons fire in each step, once the layers before them do.
    assert [scale.tolist() for scale in made.scales.values()] == [[0.75, 0.75], [3.0]]
    out = snn.run(made.net, np.broadcast_to(x, (8, 1, 2)), mode="eager").out.asnumpy()
    assert out.ravel().tolist() == [1.0] * 8


D = nn.Dense(2, 2, rng=0)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([D, nn.Tanh()], r"layer '1' \(Tanh\): expected dense layers.*got Tanh\. Train with these"),
        ([nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2, 2)], r"got MaxPool2d\. Train with nn\.AvgPool2d"),
        ([D, nn.Softmax()], r"got Softmax\. Leave it out"),
        ([nn.BatchNorm1d(2), D], "a norm directly after a layer with weights"),
        ([D, nn.ReLU(), nn.BatchNorm1d(2)], "a norm directly after a layer with weights"),
        ([D, nn.BatchNorm1d(2, use_batch_statistics=True)], "a norm that uses its moving statistics"),
        ([nn.ReLU(), D], "a rectifier after a layer with weights"),
        ([D, nn.ReLU(), nn.ReLU()], "a rectifier after a layer with weights"),
        ([nn.Dense(2, 2, activation="tanh")], "the activation"),
        ([D, snn.IFNode()], "got IFNode"),
    ],
)
def test_what_cannot_be_converted_says_what_can(layers, text):
    with pytest.raises(CellError, match=text):
        snn.convert(nn.SequentialCell(*layers), DATA)


def test_mistakes():
    ann = two_layers()
    for options, text in (
        ({"balance": "mean"}, "balance 'percentile' or 'max'"), ({"per": "neuron"}, "per 'channel' or 'layer'"),
        ({"percentile": 0}, "percentile above 0 and at most 100"), ({"percentile": "99"}, "percentile above 0"),
        ({"start": 1.0}, r"start in \[0, 1\)"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=text):
            snn.convert(ann, DATA, **options)
    with pytest.raises(DTypeError, match=r"an nn\.SequentialCell"):
        snn.convert(ann[0], DATA)
    with pytest.raises(ShapeError, match=r"samples \[N, \.\.\.\]"):
        snn.convert(ann, DATA[0])
    with pytest.raises(ArgumentError, match="activations above 0, got none on data"):
        snn.convert(ann, np.full((3, 2), -5, np.float32))
    with pytest.raises(NonFiniteError, match="finite activations"):
        snn.convert(ann, np.full((3, 2), np.inf, np.float32))
    with pytest.raises(ShapeError, match=r"an input \[N, features\].*nn\.Flatten"):
        snn.convert(ann, np.ones((3, 4, 2), np.float32))
    hooked = two_layers()
    hooked[0].register_forward_hook(lambda *_: None)
    with pytest.raises(CellError, match="layers without hooks"):
        snn.convert(hooked, DATA)
    made = snn.convert(ann, DATA)
    with pytest.raises(ArgumentError, match="steps to be a positive int"):
        made.accuracy(DATA, [0, 0, 0, 0], 0)
    with pytest.raises(ArgumentError, match="a number of steps from 1 to 2"):
        made.accuracy(DATA, [0, 0, 0, 0], 2)[3]
