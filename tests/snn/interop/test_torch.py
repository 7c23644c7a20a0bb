"""Weights from and to torch: names, layouts, and all misfits in one error."""

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import ArgumentError, CheckpointError, DTypeError, StateDictError
from snn.interop import torch as exchange

WITH_TORCH = {"reason": "comes with the extra 'torch'"}


def dense():
    return nn.SequentialCell(nn.Dense(4, 5, rng=0), nn.ReLU(), nn.Dense(5, 3, rng=0))


def convolutional():
    return nn.SequentialCell(
        nn.Conv2d(2, 6, 3, stride=2, pad_mode="pad", padding=1, has_bias=True, rng=0), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2dTranspose(6, 4, 3, pad_mode="pad", has_bias=False, rng=0), nn.GroupNorm(2, 4), nn.MaxPool2d(2, 2),
        nn.Flatten(), nn.Dense(36, 3, rng=0), nn.BatchNorm1d(3), nn.LayerNorm((3,)),
    )  # fmt: skip


def theirs(torch):
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3, stride=2, padding=1), torch.nn.BatchNorm2d(6), torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(6, 4, 3, bias=False), torch.nn.GroupNorm(2, 4), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(36, 3), torch.nn.BatchNorm1d(3), torch.nn.LayerNorm(3),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for _ in range(3):  # moves the statistics
            net(torch.randn(8, 2, 9, 9) * 2 + 1)
    return net.eval()


def test_a_net_of_torch_with_convolutions_and_norms_gives_the_same_outputs():
    torch = pytest.importorskip("torch", **WITH_TORCH)
    torch.manual_seed(0)
    source, net = theirs(torch), convolutional()
    assert exchange.load_state_dict(net, source.state_dict()) == ([], [])
    x = torch.randn(4, 2, 9, 9)
    want = source(x).detach().numpy()
    assert np.abs(want).max() > 0.1
    np.testing.assert_allclose(net(x.numpy()), want, rtol=1e-4, atol=1e-5)


def test_whole_numbers_come_in_to_the_bit():
    torch = pytest.importorskip("torch", **WITH_TORCH)
    source = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.copy_(torch.randint(-4, 5, parameter.shape, generator=generator))
    net, x = dense(), torch.arange(8.0).reshape(2, 4)
    exchange.load_state_dict(net, source.state_dict())
    assert np.array_equal(net(x.numpy()), source(x).detach().numpy())


def test_our_file_is_read_by_torch_and_gives_the_same_outputs(tmp_path):
    torch = pytest.importorskip("torch", **WITH_TORCH)
    safetensors = pytest.importorskip("safetensors.torch", reason="comes with the extra 'train'")
    net, target = convolutional(), theirs(torch)
    exchange.load_state_dict(net, target.state_dict())
    for parameter in net.get_parameters():
        parameter.set_data(parameter.numpy() + 0.25)
    exchange.save(tmp_path / "net.safetensors", net)
    saved = safetensors.load_file(tmp_path / "net.safetensors")
    assert saved["0.weight"].shape == (6, 2, 3, 3)
    target.load_state_dict(saved, strict=True)
    x = torch.randn(4, 2, 9, 9)
    np.testing.assert_allclose(net(x.numpy()), target(x).detach().numpy(), rtol=1e-4, atol=1e-5)
    again = convolutional()
    exchange.load_state_dict(again, tmp_path / "net.safetensors")
    assert all(np.array_equal(p, q) for p, q in zip(net.get_parameters(), again.get_parameters(), strict=True))


SNNTORCH = {"fc1": "0", "lif1": None, "fc2": "2", "lif2": None}


def test_the_names_of_a_module_with_spiking_layers(tmp_path):
    torch = pytest.importorskip("torch", **WITH_TORCH)

    class Lif(torch.nn.Module):  # has the buffers that snnTorch's Leaky has
        def __init__(self):
            super().__init__()
            for name, value in (("threshold", 1.0), ("graded_spikes_factor", 1.0), ("beta", 0.9)):
                self.register_buffer(name, torch.tensor(value))
            self.register_buffer("reset_mechanism_val", torch.tensor(0))

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.lif1 = torch.nn.Linear(4, 5), Lif()
            self.fc2, self.lif2 = torch.nn.Linear(5, 3), Lif()

    source = Net()
    net = nn.SequentialCell(nn.Dense(4, 5), snn.LIFNode(beta=0.9), nn.Dense(5, 3), snn.LIFNode(beta=0.9))
    exchange.load_state_dict(net, source.state_dict(), SNNTORCH)
    for ours, layer in ((net[0], source.fc1), (net[2], source.fc2)):
        assert np.array_equal(ours.weight, layer.weight.detach().numpy())
        assert np.array_equal(ours.bias, layer.bias.detach().numpy())
    back = exchange.state_dict(net, SNNTORCH)
    assert set(back) == {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}
    assert np.array_equal(back["fc2.weight"], net[2].weight)
    with pytest.raises(StateDictError, match=r"unexpected: lif1.threshold, lif1.graded_spikes_factor, lif1.beta"):
        exchange.load_state_dict(net, source.state_dict(), {"fc1": "0", "fc2": "2"})


def test_a_learnt_decay_has_a_name_too():
    net = nn.SequentialCell(nn.Dense(2, 2), snn.PLIFNode())
    (name,) = [name for name in net.parameters_dict() if name.startswith("1.")]
    value = np.asarray(net.parameters_dict()[name]) + 0.125
    weights = {"fc.weight": np.eye(2), "fc.bias": np.zeros(2), "lif.decay": value}
    exchange.load_state_dict(net, weights, {"fc": "0", "lif.decay": name})
    assert np.array_equal(net.parameters_dict()[name], value)


def test_all_that_does_not_fit_is_listed_and_nothing_is_loaded():
    net = nn.SequentialCell(nn.Dense(4, 5), nn.BatchNorm1d(5), nn.Dense(5, 3))
    before = net.state_dict()
    weights = {
        "0.weight": np.ones((4, 5)), "0.bias": np.full(5, np.nan), "1.weight": np.ones(5), "1.gamma": np.ones(5),
        "1.bias": np.ones(5), "1.running_mean": np.ones(5, complex), "1.num_batches_tracked": np.array(3),
        "3.weight": np.ones(2),
    }  # fmt: skip
    with pytest.raises(StateDictError) as caught:
        exchange.load_state_dict(net, weights, {"fc": "2"})
    text = str(caught.value)
    for part in (
        "0.weight is ndarray [4, 5] Float64, not Parameter [5, 4] Float32", "0.bias has NaN or infinity",
        "1.weight and 1.gamma are all for 1.gamma",
        "1.running_mean (for 1.moving_mean) is ndarray [5] Complex128", "missing: 1.moving_variance, 2.weight, 2.bias",
        "unexpected: 3.weight", "names has 'fc', with which no name of theirs begins", "Nothing was loaded",
    ):  # fmt: skip
        assert part in text, part
    assert "num_batches_tracked" not in text
    assert all(np.array_equal(before[name], value) for name, value in net.state_dict().items())


def test_what_is_left_out_is_returned():
    net = dense()
    second = net[2].weight.numpy().copy()
    found = exchange.load_state_dict(net, {"0.weight": np.ones((5, 4)), "x": np.ones(1)}, strict=False)
    assert found == (["0.bias", "2.weight", "2.bias"], ["x"])
    assert np.array_equal(net[0].weight, np.ones((5, 4)))
    assert np.array_equal(net[2].weight, second)


def test_a_layer_alone_takes_the_weights_of_one_in_a_net():
    layer = nn.Dense(2, 3)
    exchange.load_state_dict(layer, {"head.weight": np.ones((3, 2)), "head.bias": np.zeros(3)}, {"head": ""})
    assert exchange.state_dict(layer, {"head": ""}).keys() == {"head.weight", "head.bias"}
    assert np.array_equal(layer.weight, np.ones((3, 2)))


def test_an_embedding_has_torchs_name():
    table = nn.Embedding(4, 3, rng=0)
    assert list(exchange.state_dict(table)) == ["weight"]
    exchange.load_state_dict(table, {"weight": np.ones((4, 3))})
    assert np.array_equal(table.embedding_table, np.ones((4, 3)))


def test_bfloat16_becomes_float32(tmp_path):
    torch = pytest.importorskip("torch", **WITH_TORCH)
    safetensors = pytest.importorskip("safetensors.torch", reason="comes with the extra 'train'")
    weights = {"weight": torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16), "bias": torch.ones(1, requires_grad=True)}
    layer = nn.Dense(2, 1)
    exchange.load_state_dict(layer, weights)
    assert np.array_equal(layer.weight, [[1.5, -2.0]])
    safetensors.save_file({name: value.detach() for name, value in weights.items()}, tmp_path / "half.safetensors")
    read = exchange.read(tmp_path / "half.safetensors")
    assert read["weight"].dtype == np.float32
    assert np.array_equal(read["weight"], [[1.5, -2.0]])


def test_unreadable_files_are_refused(tmp_path):
    layer = nn.Dense(2, 1)
    (tmp_path / "broken.safetensors").write_bytes(b"\x10" + b"\0" * 20)
    with pytest.raises(CheckpointError, match=r"expected the safetensors format, got something else"):
        exchange.load_state_dict(layer, tmp_path / "broken.safetensors")
    with pytest.raises(CheckpointError, match=r"a file that can be read, got No such file"):
        exchange.load_state_dict(layer, tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError, match=r"got a pickle of torch, which may run code. Load it there"):
        exchange.load_state_dict(layer, "net.pt")


@pytest.mark.parametrize("names", [["fc"], {"fc": 0}, {1: "fc"}, "fc"])
def test_names_are_a_mapping_of_text(names):
    with pytest.raises(ArgumentError, match=r"load_state_dict: expected names, a mapping from names there"):
        exchange.load_state_dict(nn.Dense(2, 1), {}, names)
    with pytest.raises(ArgumentError, match=r"state_dict: expected names, a mapping"):
        exchange.state_dict(nn.Dense(2, 1), names)


def test_two_parameters_under_one_name_and_weights_that_are_no_mapping():
    with pytest.raises(StateDictError, match=r"expected a different name for each Parameter, got 'bias' twice"):
        exchange.state_dict(nn.Dense(2, 1), {"bias": "weight"})
    with pytest.raises(StateDictError, match=r"a mapping of names to tensors, or a file, got list"):
        exchange.load_state_dict(nn.Dense(2, 1), [np.ones(2)])
    with pytest.raises(DTypeError, match="a tensor of numbers"):
        exchange.as_array(np.array(["a"]), "w")


def test_what_is_no_net_and_names_that_are_no_text_are_refused():
    with pytest.raises(DTypeError, match=r"load_state_dict: expected net to be a Cell, got dict"):
        exchange.load_state_dict({}, {})
    with pytest.raises(DTypeError, match=r"state_dict: expected net to be a Cell"):
        exchange.state_dict(3)
    with pytest.raises(StateDictError, match=r"expected names that are strings, got int"):
        exchange.load_state_dict(dense(), {0: np.ones(3)})


def test_tensors_without_values_are_named():
    torch = pytest.importorskip("torch", **WITH_TORCH)
    with pytest.raises(StateDictError, match=r"weight is one on the device meta"):
        exchange.load_state_dict(nn.Dense(2, 3), torch.nn.Linear(2, 3, device="meta").state_dict())


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_the_second_name_of_a_tied_layer_is_told_to_be_left_out(kind):
    weights = {"0.weight": np.ones((4, 4)), "0.bias": np.ones(4)}
    if kind == "torch":
        torch = pytest.importorskip("torch", **WITH_TORCH)
        layer = torch.nn.Linear(4, 4)
        weights = torch.nn.Sequential(layer, torch.nn.ReLU(), layer).state_dict()
    else:
        weights |= {name.replace("0", "2"): array for name, array in weights.items()}
    net = nn.SequentialCell(nn.Dense(4, 4))
    with pytest.raises(StateDictError, match=r"names=\{'2\.weight': None, '2\.bias': None\} leaves it out"):
        exchange.load_state_dict(net, weights)
    assert exchange.load_state_dict(net, weights, {"2.weight": None, "2.bias": None}) == ([], [])


def test_a_layer_norm_of_small_inputs_needs_torchs_epsilon():
    torch = pytest.importorskip("torch", **WITH_TORCH)
    source, x = torch.nn.LayerNorm(3), np.array([[0.01, -0.01, 0.0]], np.float32)
    want = source(torch.from_numpy(x)).detach().numpy()
    for net, equal in ((nn.LayerNorm((3,), epsilon=1e-5), True), (nn.LayerNorm((3,)), False)):
        exchange.load_state_dict(net, source.state_dict())
        assert np.allclose(net(x), want, atol=1e-5) == equal
