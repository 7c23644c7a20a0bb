"""NIR graphs that the installed snnTorch and Norse write give the traces of these packages."""

from importlib import import_module

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops
from autograd.errors import ArgumentError

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own

nir = live.need("nir")
torch = live.need("torch")
for peer in ("snntorch", "norse"):
    live.need(peer)
write_nir = import_module("tests.golden.write_nir")


@pytest.mark.parametrize(("peer", "name"), write_nir.NAMES)
def test_a_graph_gives_the_traces_of_whoever_wrote_it(peer, name, tmp_path):
    graph, x, out, options = write_nir.written(peer, name)
    nir.write(tmp_path / "net.nir", graph)
    for source in (graph, tmp_path / "net.nir"):
        if options is None and peer == "snntorch":
            net = snn.interop.nir.from_nir(source, dt=1e-4)
        else:
            net = snn.interop.nir.from_nir(source, written_by=peer, options=options)
        np.testing.assert_allclose(snn.run(net, x, mode="eager").out.asnumpy(), out, atol=1e-6)
    assert out.std() > 0.1


def test_snntorch_reads_what_ours_write():
    import_nir = live.need("snntorch.import_nir")
    net = nn.SequentialCell(nn.Dense(4, 5, "ones", rng=0), snn.LIFNode(beta=0.75, v_reset=0.0), nn.Dense(5, 3, "ones", rng=1))
    theirs = import_nir.import_from_nir(snn.interop.nir.to_nir(net, (4,), dt=1e-4))
    x = np.random.default_rng(0).normal(0.1, 0.4, (30, 2, 4)).astype(np.float32)
    state, outs = None, []
    for xt in torch.from_numpy(x):
        out, state = theirs(xt, state) if state is not None else theirs(xt)
        outs.append(out.detach().numpy())
    ours = snn.run(net, x, mode="eager").out.asnumpy()
    np.testing.assert_allclose(np.array(outs), ours, atol=1e-5)
    assert ours.std() > 0.1


def runs(theirs, x):
    """Return the output of a module of torch in each step."""
    state, outs = None, []
    for xt in torch.from_numpy(x):
        out, state = theirs(xt, state) if state is not None else theirs(xt)
        outs.append(out.detach().numpy())
    return np.array(outs)


def load(peer):
    """Return what makes a module of torch of a graph."""
    return {
        "snntorch": lambda: import_module("snntorch.import_nir").import_from_nir,
        "norse": lambda: import_module("norse.torch").from_nir,
        "spikingjelly": lambda: live.need("spikingjelly.activation_based.nir_exchange").import_from_nir,
    }[peer]()


OWN_DT = {"snntorch": 1e-4, "norse": 1e-3, "spikingjelly": 1e-4}
EVERY = ("snntorch", "norse", "spikingjelly")
EACH = np.float32([0.5, 0.6, 0.7, 0.8, 0.9])
ours = snn.interop.nir


def dense(n_in, n_out, seed=0, **options):
    weight = np.random.default_rng(seed).normal(0.3, 0.8, (n_out, n_in)).astype(np.float32)
    return nn.Dense(n_in, n_out, weight, rng=seed, **options)


def lif(**options):
    return snn.LIFNode(**({"tau": 4.0, "decay_input": True, "v_reset": 0.0} | options))


def chain(*layers):
    return nn.SequentialCell(*layers)


def conv(*after, **options):
    return lambda: chain(nn.Conv2d(2, 4, 3, 1, "pad", 1, rng=0, **options), lif(), *after)


def back():
    return snn.Recurrent(lif(), 5, rng=0)


class Two(Cell):
    """Two outputs."""

    def __init__(self):
        super().__init__()
        self.layer, self.lif = dense(4, 5), lif()

    def initial_state(self, x):
        return ops.zeros((len(x), 5), x.dtype)

    def construct(self, x, state):
        current = self.layer(x)
        spikes, state = self.lif(current, state)
        return (spikes, current), state


CASES = {  # the net, the shape of a sample, and which readers take it as it is
    "gain": (lambda: chain(dense(4, 5), lif(v_threshold=0.5, spike_value="unit")), (4,), EVERY),
    "no bias": (lambda: chain(dense(4, 5, has_bias=False), lif()), (4,), EVERY),
    "leak": (lambda: chain(dense(4, 5), snn.LIFNode(beta=0.75, v_reset=0.0)), (4,), ("snntorch", "spikingjelly")),
    "leaks of each": (lambda: chain(dense(4, 5), snn.LIFNode(beta=EACH, v_reset=0.0)), (4,), ("snntorch",)),
    "taus of each": (lambda: chain(dense(4, 5), lif(tau=16 * EACH)), (4,), ("norse",)),
    "thresholds of each": (lambda: chain(dense(4, 5), lif(v_threshold=EACH, spike_value="unit")), (4,), ("norse",)),
    "amplitude": (lambda: chain(dense(4, 5), lif(v_threshold=0.5), dense(5, 3, 1)), (4,), ()),
    "reset": (lambda: chain(dense(4, 5), lif(v_reset=-0.2)), (4,), ("spikingjelly",)),
    "own gain": (lambda: chain(dense(4, 5), ours.RestingLIFNode(beta=0.8, gain=0.3, v_reset=0.0)), (4,), ("snntorch",)),
    "gains of each": (lambda: chain(dense(4, 5), ours.RestingLIFNode(beta=0.8, gain=EACH, v_reset=0.0)), (4,), ()),
    "rest": (
        lambda: chain(dense(4, 5), ours.RestingLIFNode(beta=0.75, gain=0.25, v_rest=0.2, v_reset=0.0)), (4,), ("norse",),
    ),
    "current": (lambda: chain(dense(4, 5), snn.CurrentLIFNode(alpha=0.8, beta=0.9, v_reset=0.0)), (4,), EVERY),
    "decayed current": (
        lambda: chain(dense(4, 5), snn.CurrentLIFNode(tau_syn=3.0, tau=4.0, decay_input=True, v_reset=0.0)), (4,), ("norse",),
    ),
    "current, rest": (
        lambda: chain(dense(4, 5), ours.RestingCurrentLIFNode(alpha=0.8, beta=0.75, gain=0.25, v_rest=0.3, v_reset=0.0)),
        (4,), (),
    ),
    "current, reset": (
        lambda: chain(dense(4, 5), ours.RestingCurrentLIFNode(alpha=0.8, beta=0.75, v_reset=-0.9)), (4,), (),
    ),
    "integrate": (
        lambda: chain(dense(4, 5), snn.IFNode(0.7, v_reset=0.0, spike_value="unit")), (4,), ("norse", "spikingjelly"),
    ),
    "scaled": (lambda: chain(dense(4, 5), ours.ScaledIFNode(gain=0.3, v_reset=0.0)), (4,), ()),
    "leaky readout": (lambda: chain(dense(4, 5), lif(), dense(5, 3, 1), snn.LeakyReadout(beta=0.9)), (4,), ()),
    "readout": (lambda: chain(dense(4, 5), lif(), dense(5, 3, 1), snn.Readout()), (4,), ()),
    "scale": (lambda: chain(dense(4, 5), lif(), snn.OneToOne(5, weight_init=2.0)), (4,), ()),
    "threshold": (lambda: chain(dense(4, 5), ours.Threshold(EACH)), (4,), ()),
    "delay": (lambda: chain(dense(4, 5), lif(), snn.Delay(2), dense(5, 3, 1)), (4,), ()),
    "back": (lambda: chain(dense(4, 5), back()), (4,), ("norse", "spikingjelly")),
    "back through": (
        lambda: chain(dense(4, 5), snn.RecurrentThrough(lif(), dense(5, 5, 1))), (4,), ("norse", "spikingjelly"),
    ),
    "back inside": (lambda: chain(dense(4, 5), chain(back()), dense(5, 3, 2)), (4,), EVERY),  # nested
    "blocks inside": (lambda: chain(chain(dense(4, 5), lif()), chain(chain(dense(5, 5, 1), lif()))), (4,), EVERY),
    "two outputs": (Two, (4,), ()),
    "conv": (conv(), (2, 6, 6), EVERY),
    "groups": (conv(group=2), (2, 6, 6), ()),
    "means": (conv(nn.AvgPool2d(2, 2, "pad", 1)), (2, 6, 6), ("snntorch", "spikingjelly")),
    "sums": (conv(nn.SumPool2d(2)), (2, 6, 6), EVERY),
    "padded sums": (conv(nn.SumPool2d(2, 2, "pad", 1)), (2, 6, 6), ()),
    "flat": (conv(nn.Flatten(), dense(144, 3, 1)), (2, 6, 6), ("spikingjelly",)),
    "conv1d": (lambda: chain(nn.Conv1d(2, 4, 3, 1, "pad", 1, rng=0), lif()), (2, 6), ("snntorch", "spikingjelly")),
}  # fmt: skip


@pytest.mark.parametrize("peer", OWN_DT)
@pytest.mark.parametrize("name", CASES)
def test_a_reader_gets_our_spikes_or_is_refused_with_the_reason(name, peer):
    (make, shape, takes), nested = CASES[name], name.endswith("inside")
    net = make()
    x = np.random.default_rng(5).normal(0.5, 1.2 if len(shape) == 1 else 6.0, (30, 2, *shape)).astype(np.float32)
    if peer in takes:
        graph = ours.to_nir(net, shape, dt=OWN_DT[peer], reader=peer, nested=nested)
        expected = snn.run(net, x, mode="eager").out.asnumpy()
        np.testing.assert_allclose(runs(load(peer)(graph), x), expected, atol=1e-5)
        assert len(np.unique(expected)) > 1
        return
    with pytest.raises(ArgumentError, match=rf"to_nir, reader='{peer}'.*"):
        ours.to_nir(net, shape, dt=OWN_DT[peer], reader=peer, nested=nested)
    if name == "two outputs" and peer != "norse":
        return  # it never comes back
    graph, expected = ours.to_nir(net, shape, dt=OWN_DT[peer], nested=nested), snn.run(net, x, mode="eager").out
    expected = (expected[0] if isinstance(expected, tuple) else expected).asnumpy()
    try:
        found = runs(load(peer)(graph), x)
    except Exception:  # of whichever kind: there it is noticed
        return
    assert found.shape != expected.shape or not np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("peer", OWN_DT)
def test_with_another_dt_a_reader_gets_other_spikes(peer):
    net, other = chain(dense(4, 5), lif()), 1e-3 if OWN_DT[peer] == 1e-4 else 1e-4
    x = np.random.default_rng(5).normal(0.5, 1.2, (30, 2, 4)).astype(np.float32)
    with pytest.raises(ArgumentError, match=rf"reader='{peer}': expected dt="):
        ours.to_nir(net, (4,), dt=other, reader=peer)
    found = runs(load(peer)(ours.to_nir(net, (4,), dt=other)), x)
    assert np.any(found != snn.run(net, x, mode="eager").out.asnumpy())


def test_spikingjelly_reads_what_ours_write():
    exchange = live.need("spikingjelly.activation_based.nir_exchange")
    net = nn.SequentialCell(
        nn.Dense(4, 5, "ones", rng=0), snn.LIFNode(tau=4.0, decay_input=False, v_reset=0.0), nn.Dense(5, 3, "ones", rng=1),
        snn.IFNode(v_reset=0.0),
    )  # fmt: skip
    theirs = exchange.import_from_nir(snn.interop.nir.to_nir(net, (4,), dt=1e-4), dt=1e-4)
    x = np.random.default_rng(0).normal(0.1, 0.4, (30, 2, 4)).astype(np.float32)
    state, outs = None, []
    for xt in torch.from_numpy(x):
        out, state = theirs(xt, state)
        outs.append(out.detach().numpy())
    ours = snn.run(net, x, mode="eager").out.asnumpy()
    np.testing.assert_allclose(np.array(outs), ours, atol=1e-5)
    assert ours.std() > 0.1
