"""Quantised weights: their levels by hand, straight-through gradients in every mode, and exact whole numbers."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops, optim, value_and_grad
from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from snn.connections import connection_of
from snn.connections.conv import Convolution

KINDS = [8, 4, 2, "ternary", "binary"]
WEIGHTS = np.array([[0.7, -0.31, 0.04], [-14.0, 6.0, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("bits", "per", "values", "scale"),
    [
        (4, "tensor", [[0, 0, 0], [-7, 3, 0]], 2.0),
        (4, "channel", [[7, -3, 0], [-7, 3, 0]], [[0.1], [2.0]]),
        (8, "channel", [[127, -56, 7], [-127, 54, 0]], [[0.7 / 127], [14 / 127]]),
        (2, "channel", [[1, 0, 0], [-1, 0, 0]], [[0.7], [14]]),
        ("binary", "tensor", [[1, -1, 1], [-1, 1, 1]], (0.7 + 0.31 + 0.04 + 14 + 6) / 6),
        ("binary", "channel", [[1, -1, 1], [-1, 1, 1]], [[0.35], [20 / 3]]),
        # Above .7 * .35 = .245 and .7 * 20 / 3 = 4.67.
        ("ternary", "channel", [[1, -1, 0], [-1, 1, 0]], [[0.505], [10]]),
        # Above .7 * 3.508 = 2.46.
        ("ternary", "tensor", [[0, 0, 0], [-1, 1, 0]], 10),
    ],
)
def test_levels_by_hand(bits, per, values, scale):
    quantiser = snn.Quantiser(bits, per)
    found, by = quantiser.levels(WEIGHTS)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_allclose(by, scale, rtol=1e-6)
    assert found.dtype == by.dtype == np.float32
    assert quantiser.levels(WEIGHTS.astype(np.float64))[1].dtype == np.float64
    np.testing.assert_array_equal(quantiser(Tensor(WEIGHTS)).asnumpy(), found * by)


@pytest.mark.parametrize("bits", KINDS)
@pytest.mark.parametrize("per", ["channel", "tensor"])
def test_zeros_and_kernels(bits, per):
    quantiser = snn.Quantiser(bits, per)
    assert not quantiser(Tensor(np.zeros((2, 3), np.float32))).asnumpy().any()
    kernels = np.random.default_rng(0).normal(size=(4, 3, 5, 5)).astype(np.float32)
    values, scale = quantiser.levels(kernels)
    assert scale.shape == ((4, 1, 1, 1) if per == "channel" else ())
    most = {"ternary": 3, "binary": 2}.get(bits) or 2**bits - 1
    assert len(np.unique(values)) <= most
    if not isinstance(bits, str):
        assert np.abs(kernels - values * scale).max() <= scale.max() / 2 * (1 + 1e-5)


def deep(seed=0):
    wide = nn.init.Uniform
    return nn.SequentialCell(
        nn.Conv2d(1, 4, 3, weight_init=wide(1.0), rng=seed), snn.IFNode(), nn.Flatten(),
        nn.Dense(64, 20, weight_init=wide(0.5), rng=seed), snn.Recurrent(snn.LIFNode(beta=0.9), 20, rng=seed),
        nn.Dense(20, 5, weight_init=wide(0.6), rng=seed), snn.LIFNode(beta=0.9),
    )  # fmt: skip


def spikes(steps=6, samples=3):
    return (np.random.default_rng(0).random((steps, samples, 1, 4, 4)) < 0.4).astype(np.float32)


def trained(net, x, mode):
    """Return the output of a run, and the gradients of a loss."""
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (1, 1, 5)).astype(np.float32)

    def loss():
        out = snn.run(net, x, mode=mode).out
        return (out * Tensor(signs)).sum(), out

    (_, out), gradients = value_and_grad(loss, None, net.trainable_params(), has_aux=True)()
    return out.asnumpy(), [g.asnumpy() for g in gradients]


@pytest.mark.parametrize("bits", KINDS)
@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_net_computes_with_the_levels_and_its_gradient_passes_straight_through(bits, mode):
    net, plain, x = deep(), deep(), spikes()
    snn.quantise(net, bits)
    for name in ("0", "3", "4", "5"):
        plain[name].weight.set_data(net[name].effective_weight().asnumpy())
    out, gradients = trained(net, x, mode)
    same, expected = trained(plain, x, mode)
    assert out.any()
    np.testing.assert_array_equal(out, same)
    for gradient, other in zip(gradients, expected, strict=True):
        np.testing.assert_array_equal(gradient, other)
        assert gradient.any()


class Counting(snn.Quantiser):
    calls = 0

    def construct(self, weight):
        type(self).calls += 1
        return super().construct(weight)


@pytest.mark.parametrize(("mode", "names"), [("python", ("0", "3", "5")), ("compiled", ("0", "3"))])
def test_a_compiled_run_quantises_once_and_agrees_with_the_eager_one(mode, names):
    net, x = deep(), spikes()
    if mode == "compiled":
        net = nn.SequentialCell(*net.cells()[:3], nn.Dense(64, 5, weight_init=nn.init.Uniform(0.5), rng=1), snn.IFNode())
    else:
        net["4"].weight_transform = snn.Quantiser(4)  # a count would be a change of what a recurrent layer reads
    for name in names:
        net[name].weight_transform = Counting(4)
    Counting.calls = 0
    out, gradients = trained(net, x, "eager")
    assert Counting.calls == len(names) * len(x)
    assert out.any()
    trained(net, x, mode)
    Counting.calls = 0
    found, others = trained(net, x, mode)
    assert Counting.calls == len(names)
    np.testing.assert_array_equal(found, out)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-4, atol=1e-4)


def test_a_quantised_convolution_stays_one_that_takes_the_ways_of_spikes():
    net, x = deep(), Tensor(spikes())
    snn.quantise(net, 4)
    found = connection_of(net[0], x)
    assert isinstance(found, Convolution)
    np.testing.assert_array_equal(found.weight.asnumpy(), net[0].effective_weight().asnumpy())


def test_second_order():
    layer = nn.Dense(3, 2, has_bias=False, rng=0)
    snn.quantise(layer, 4)
    x = np.random.default_rng(0).random((5, 3)).astype(np.float32)

    def loss():
        return (ops.square(layer(x)) * 0.5).sum()

    def norm():
        return (ops.square(grad(loss, None, layer.weight)()) * 0.5).sum()

    # The gradient is (x w)^T x, at the levels w; that of half its square passes straight through too.
    w = layer.effective_weight().asnumpy()
    first = w @ x.T @ x
    np.testing.assert_allclose(grad(loss, None, layer.weight)().asnumpy(), first, rtol=1e-5)
    np.testing.assert_allclose(grad(norm, None, layer.weight)().asnumpy(), first @ x.T @ x, rtol=1e-5)


@pytest.mark.parametrize("bits", [*KINDS, 12])
def test_whole_numbers_and_scales_are_exact(bits):
    net = deep()
    snn.quantise(net, bits, layers=["0", "3"])
    found = snn.integer_weights(net)
    assert list(found) == ["0.weight", "3.weight"]
    for name, (values, scale) in found.items():
        assert values.dtype == (np.int16 if bits == 12 else np.int8)
        np.testing.assert_array_equal(values * scale, net[name[0]].effective_weight().asnumpy())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("per", ["channel", "tensor"])
@pytest.mark.parametrize("bits", KINDS)
def test_whole_numbers_give_the_same_bits_in_every_dtype(dtype, per, bits):
    layer = nn.Dense(300, 20, rng=0, dtype=dtype)
    snn.quantise(layer, bits, per=per)
    values, scale = snn.integer_weights(layer)["weight"]
    made, product = layer.effective_weight().asnumpy(), values * scale
    assert product.dtype == made.dtype == dtype
    assert product.tobytes() == made.tobytes()
    assert np.any(made > 0)
    assert np.any(made < 0)


@pytest.mark.parametrize(("dtype", "most"), [(np.float16, 8), (np.float32, 16), (np.float64, 16)])
def test_as_many_bits_as_a_dtype_holds(dtype, most):
    layer = nn.Dense(6, 8, rng=0, dtype=dtype)
    snn.quantise(layer, most)
    values, scale = snn.integer_weights(layer)["weight"]
    n = 2 ** (most - 1) - 1
    assert np.abs(values.astype(int)).max(1).tolist() == [n] * 8
    w = layer.weight.asnumpy().astype(float)
    assert np.array_equal(np.sign(values)[np.abs(values) > 1], np.sign(w)[np.abs(values) > 1])
    assert np.abs(values * scale.astype(float) - w).max() <= scale.max() * 0.6
    if most < 16:
        for bits in (most + 1, 16):
            with pytest.raises(DTypeError, match=r"layer '0' \(Dense\): expected at most 8 bits for weights of float16"):
                snn.quantise(nn.SequentialCell(layer), bits)
            with pytest.raises(DTypeError, match=f"Quantiser: expected at most 8 bits.*got bits={bits}"):
                snn.Quantiser(bits).levels(w.astype(dtype))
        assert layer.weight_transform.bits == most


@pytest.mark.parametrize("bits", ["ternary", "binary"])
@pytest.mark.parametrize(("dtype", "size", "shape"), [(np.float16, 2.0, (300, 300)), (np.float32, 3e38, (2, 40)),
                                                      (np.float16, 65504, (2, 40))])  # fmt: skip
def test_a_mean_does_not_overflow(bits, dtype, size, shape):
    weights = np.full(shape, size, dtype)
    weights[:, ::2] *= -1
    for per in ("tensor", "channel"):
        values, scale = snn.Quantiser(bits, per).levels(weights)
        assert np.all(scale == dtype(size))
        np.testing.assert_array_equal(values, np.sign(weights))


def test_levels_that_are_not_finite_are_refused():
    for bits in ("ternary", "binary"):
        with pytest.raises(NonFiniteError, match=r"levels are finite in float64.*the largest 1e\+308"):
            snn.Quantiser(bits).levels(np.full((2, 40), 1e308))
    # The scale of 65504 is 516 in float16, and 127 times that is beyond what it holds.
    with pytest.raises(NonFiniteError, match="weights whose levels are finite in float16"):
        snn.Quantiser(8).levels(np.full((2, 40), 65504, np.float16))


def test_tiny_weights_of_float16_do_not_vanish():
    values, scale = snn.Quantiser(8).levels(np.array([[6e-8, -1.2e-7, 0.0]], np.float16))
    np.testing.assert_array_equal(values, [[1, -2, 0]])
    assert scale > 0


@pytest.mark.parametrize("bits", KINDS)
def test_axes_from_the_end(bits):
    values, scale = snn.Quantiser(bits, axis=-2).levels(WEIGHTS)
    expected, by = snn.Quantiser(bits, axis=0).levels(WEIGHTS)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(scale, by)
    assert snn.Quantiser(bits, axis=-1).levels(WEIGHTS)[1].shape == (1, 3)


class Doubled(Cell):
    def construct(self, weight):
        return weight * 2.0


def test_a_transform_of_ones_own_stays():
    net, own = deep(), Doubled()
    net[3].weight_transform = own
    with pytest.raises(ArgumentError, match=r"layer '3' \(Dense\): expected layers with no weight_transform.*with Doubled"):
        snn.quantise(net, 4)
    assert net[3].weight_transform is own
    assert net[0].weight_transform is None
    snn.quantise(net, 4, layers=["0"])
    snn.quantise(net, 2, layers=["0"])  # one quantiser for another
    assert net[0].weight_transform.bits == 2
    snn.quantise(net, None)
    assert net[3].weight_transform is own
    assert net[0].weight_transform is None
    net[3].weight_transform = nn.SequentialCell(own, snn.Quantiser(2))
    values, scale = snn.Quantiser(2).levels(2 * net[3].weight.asnumpy())
    np.testing.assert_array_equal(net[3].effective_weight().asnumpy(), values * scale)
    assert trained(net, spikes(), "eager")[0].any()


def test_the_outputs_of_a_transposed_convolution_have_their_scales():
    layer = nn.Conv2dTranspose(3, 2, 3, rng=0)
    snn.quantise(layer, 4)
    values, scale = snn.integer_weights(layer)["weight"]
    assert scale.shape == (1, 2, 1, 1)
    np.testing.assert_allclose(scale.ravel(), np.abs(layer.weight.asnumpy()).max((0, 2, 3)) / 7, rtol=1e-6)
    assert np.abs(values).max((0, 2, 3)).tolist() == [7, 7]


def test_a_single_layer_is_quantised_and_restored():
    layer = nn.Dense(3, 2, rng=0)
    snn.quantise(layer, "binary", per="tensor")
    assert list(snn.integer_weights(layer)) == ["weight"]
    assert layer.weight_transform.per == "tensor"
    assert "weight_transform=Quantiser(bits='binary', per='tensor')" in repr(layer)
    snn.quantise(layer, None)
    assert layer.weight_transform is None


@pytest.mark.parametrize("bits", ["ternary", "binary"])
def test_training_on_few_levels_learns(bits):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    x = (rng.random((8, 40, 10)) < np.where(labels[:, None] == (np.arange(10) < 5), 0.5, 0.1)).astype(np.float32)
    net = nn.SequentialCell(nn.Dense(10, 16, rng=0), snn.LIFNode(beta=0.8), nn.Dense(16, 2, rng=1), snn.LeakyReadout(beta=0.9))
    snn.quantise(net, bits)
    optimizer = optim.Adam(net.trainable_params(), 2e-2)
    step = value_and_grad(
        lambda: snn.losses.membrane_cross_entropy(snn.run(net, x, mode="eager").out, labels), None, optimizer.parameters
    )
    losses = []
    for _ in range(15):
        value, gradients = step()
        losses.append(float(value.asnumpy()))
        optimizer(gradients)
    assert losses[-1] < 0.5 * losses[0]
    assert snn.metrics.accuracy(snn.run(net, x).out, labels) > 0.9


def test_the_summary_and_the_estimate_of_memory_take_a_quantised_net():
    net, x = deep(), spikes()
    snn.quantise(net, "ternary")
    found = snn.summary(net, x)
    values = [quantised.values for quantised in snn.integer_weights(net).values()]
    assert found.connection_sparsity == round(sum((v == 0).sum() for v in values) / sum(v.size for v in values), 4) > 0
    assert found.memory > 0


class Own(nn.Dense):
    def construct(self, x):
        return ops.matmul(x, ops.transpose(self.weight))


class Holder(Cell):
    def __init__(self):
        super().__init__()
        self.weight = Parameter(np.ones((2, 2), np.float32))

    def construct(self, x):
        return ops.matmul(x, self.weight)


def test_mistakes():
    net = deep()
    for bits in (1, 17, 8.0, True, "octal"):
        with pytest.raises(ArgumentError, match="bits from 2 to 16, 'ternary' or 'binary'"):
            snn.quantise(net, bits)
    with pytest.raises(ArgumentError, match="per 'channel' or 'tensor', got 'row'"):
        snn.quantise(net, per="row")
    with pytest.raises(ArgumentError, match="expected some of '0', '3', '4', '5', got '1'"):
        snn.quantise(net, layers=["0", "1"])
    for layers in (3, [3]):
        with pytest.raises(ArgumentError, match="expected some of '0', '3', '4', '5', got 3"):
            snn.quantise(net, layers=layers)
    for axis in ("a", 1.5, None, True):
        with pytest.raises(ArgumentError, match="Quantiser: expected axis as an int"):
            snn.Quantiser(axis=axis)
    for axis in (2, 5, -3):
        with pytest.raises(ShapeError, match=f"Quantiser: expected weights with an axis {axis}"):
            snn.Quantiser(8, axis=axis).levels(WEIGHTS)
    with pytest.raises(ArgumentError, match=r"Own, with its own construct"):
        snn.quantise(nn.SequentialCell(nn.Dense(2, 2), Own(2, 2)))
    for layer in (snn.Recurrent(snn.IFNode(), 2, lateral="self"), snn.OneToOne(2)):
        with pytest.raises(ArgumentError, match=rf"{type(layer).__name__} with weights \[2\]. Use per='tensor' for it"):
            snn.quantise(layer)
    with pytest.raises(ArgumentError, match="a Holder without"):
        snn.quantise(Holder())
    with pytest.raises(DTypeError, match=r"snn\.quantise: expected a Cell"):
        snn.quantise("net")
    with pytest.raises(ArgumentError, match="a net with quantised layers"):
        snn.integer_weights(net)
    assert all(net[name].weight_transform is None for name in ("0", "3", "4", "5"))
    snn.quantise(net)
    net[0].weight.set_data(np.full(net[0].weight.shape, np.nan))
    with pytest.raises(NonFiniteError, match="Quantiser: expected finite weights"):
        snn.run(net, spikes(), mode="eager")


@pytest.mark.parametrize(
    ("layer", "per"),
    [
        (snn.OneToOne(6, rng=0), "tensor"),
        (snn.DelayedDense(6, 4, 2, rng=0), "channel"),
        (snn.LearntDelays(6, 4, 3, rng=0), "channel"),
        (snn.LearntDelays(6, 4, 3, share="linear", rng=0), "channel"),
    ],
    ids=["one to one", "delayed", "bell", "linear"],
)
def test_layers_over_time_multiply_by_quantised_weights(layer, per):
    x = np.random.default_rng(0).standard_normal((5, 2, 6)).astype(np.float32)
    snn.quantise(layer, 3, per=per)
    integers = snn.integer_weights(layer)["weight"]
    assert len(np.unique(integers.values)) > 1
    outs = [snn.run(layer, x, mode=mode).out.asnumpy() for mode in ("eager", "compiled")]
    by = grad(lambda: snn.run(layer, x, mode="compiled").out.sum(), None, [layer.weight])()[0]
    assert by.asnumpy().any()
    snn.quantise(layer, None)
    layer.weight.set_data(integers.values * integers.scale)
    for out in outs:
        np.testing.assert_allclose(out, snn.run(layer, x, mode="eager").out, rtol=1e-5, atol=1e-6)
