"""NIR graphs that the installed snnTorch and Norse write give the traces of these packages."""

from importlib import import_module

import numpy as np
import pytest

import snn
from autograd import nn

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


READ = {
    "snntorch-leak": ("snntorch", lambda: snn.LIFNode(0.5, beta=0.75, v_reset=0.0, spike_value="unit")),
    "snntorch-gain": ("snntorch", lambda: snn.LIFNode(0.5, tau=4.0, decay_input=True, v_reset=0.0, spike_value="unit")),
    "snntorch-current": ("snntorch", lambda: snn.CurrentLIFNode(alpha=0.8, beta=0.9, v_reset=0.0)),
    "norse-gain": ("norse", lambda: snn.LIFNode(0.5, tau=4.0, decay_input=True, v_reset=0.0, spike_value="unit")),
    "norse-current": ("norse", lambda: snn.CurrentLIFNode(alpha=0.8, beta=0.9, v_reset=0.0)),
    "norse-integrate": ("norse", lambda: snn.IFNode(v_reset=0.0)),
    "norse-back": ("norse", lambda: snn.Recurrent(snn.LIFNode(tau=4.0, decay_input=True, v_reset=0.0), 5, rng=0)),
}


@pytest.mark.parametrize("name", READ)
def test_readers_get_our_spikes_in_their_own_steps_and_others_in_others(name):
    peer, make = READ[name]
    net = nn.SequentialCell(nn.Dense(4, 5, "ones", rng=0), make())
    x = np.random.default_rng(0).normal(0.3, 0.6, (60, 2, 4)).astype(np.float32)
    load = (
        import_module("snntorch.import_nir").import_from_nir if peer == "snntorch" else import_module("norse.torch").from_nir
    )
    own = {"snntorch": 1e-4, "norse": 1e-3}
    ours = snn.run(net, x, mode="eager").out.asnumpy()
    np.testing.assert_allclose(runs(load(snn.interop.nir.to_nir(net, (4,), dt=own[peer])), x), ours, atol=1e-5)
    assert 0.05 < ours.mean() < 0.95
    if type(net[1]) is snn.LIFNode:
        other = own["norse" if peer == "snntorch" else "snntorch"]
        assert np.any(runs(load(snn.interop.nir.to_nir(net, (4,), dt=other)), x) != ours)


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
