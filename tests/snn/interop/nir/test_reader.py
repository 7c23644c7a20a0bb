"""With ``reader=``, a net that this package would read wrongly is refused; ``tests/peers/test_nir.py`` runs the packages."""

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops
from autograd.errors import ArgumentError

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir
OWN_DT = {"snntorch": 1e-4, "norse": 1e-3, "spikingjelly": 1e-4}
EACH = np.float32([0.5, 0.6, 0.7, 0.8, 0.9])


def lif(**options):
    return snn.LIFNode(**({"tau": 4.0, "decay_input": True, "v_reset": 0.0} | options))


def chain(*layers):
    return nn.SequentialCell(nn.Dense(4, 5, rng=0), *layers)


REFUSED = {
    "kind": (
        "norse",
        lambda: chain(snn.LeakyReadout(beta=0.9)),
        r"'1' \(LI\): expected nodes that Norse 1\.1\.0 reads: .*got LI",
    ),
    "amplitude": ("norse", lambda: chain(lif(v_threshold=0.5)), r"'1\.amplitude' \(Scale\).*spike_value='unit'"),
    "value": ("norse", lambda: chain(lif(v_reset=-0.5)), r"'1' \(LIF\): expected v_reset=0\.0, .*got v_reset=-0\.5\. Change"),
    "values": (
        "snntorch",
        lambda: chain(lif(v_threshold=EACH, spike_value="unit")),
        r"one v_threshold for all neurons, for snnTorch 1\.0\.0, got v_threshold=0\.5 to 0\.9",
    ),
    "gain": ("norse", lambda: chain(snn.LIFNode(beta=0.75, v_reset=0.0)), r"expected r=1\.0, with which it computes.*got r=4"),
    "feedback": ("snntorch", lambda: chain(snn.Recurrent(lif(), 5, rng=0)), r"a cycle of '1', '1\.w_rec'.*pass nested=True"),
    "names": (
        "spikingjelly",
        lambda: nn.SequentialCell({"a_b": nn.Dense(4, 5, rng=0), "a": nn.SequentialCell({"b": lif()})}),
        r"names that differ by more than dots and underscores, got two of 'a_b'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_reader_takes_wrongly_is_refused_by_name(name):
    reader, make, match = REFUSED[name]
    net = make()
    ours.to_nir(net, (4,), dt=OWN_DT[reader])
    with pytest.raises(ArgumentError, match=rf"snn\.interop\.nir\.to_nir, reader='{reader}'.*{match}"):
        ours.to_nir(net, (4,), dt=OWN_DT[reader], reader=reader)


@pytest.mark.parametrize("reader", OWN_DT)
def test_what_it_takes_is_the_same_graph(reader):
    net = chain(lif(), nn.Dense(5, 3, rng=1), lif())
    graph, plain = (ours.to_nir(net, (4,), dt=OWN_DT[reader], **more) for more in ({"reader": reader}, {}))
    assert graph.edges == plain.edges
    assert [type(node) for node in graph.nodes.values()] == [type(node) for node in plain.nodes.values()]
    with pytest.raises(ArgumentError, match=rf"expected dt={OWN_DT[reader]:g}, the step of \w+ .*got dt=0\.002"):
        ours.to_nir(net, (4,), dt=2e-3, reader=reader)


def test_feedback_inside_a_chain_of_its_own_is_taken_nested():
    net = chain(nn.SequentialCell(snn.Recurrent(lif(), 5, rng=0)))
    with pytest.raises(ArgumentError, match="nested=True"):
        ours.to_nir(net, (4,), dt=1e-4, reader="snntorch")
    graph = ours.to_nir(net, (4,), dt=1e-4, reader="snntorch", nested=True)
    assert {*graph.nodes["1"].nodes} == {"input", "0", "0.w_rec", "output"}


class Pair(Cell):
    """Two neurons, of which each feeds the other."""

    def __init__(self):
        super().__init__()
        self.there, self.back, self.first, self.second = nn.Dense(4, 4, rng=0), nn.Dense(4, 4, rng=1), lif(), lif()

    def initial_state(self, x):
        return {name: ops.zeros(x.shape, x.dtype) for name in ("first", "second", "last")}

    def construct(self, x, state):
        one, first = self.first(x + self.back(state["last"]), state["first"])
        two, second = self.second(self.there(one), state["second"])
        return two, {"first": first, "second": second, "last": two}


def test_longer_cycles_are_refused():
    ours.to_nir(Pair(), (4,), dt=1e-3)
    with pytest.raises(ArgumentError, match=r"no feedback but that of a neuron to itself.*for Norse.*Leave reader out"):
        ours.to_nir(Pair(), (4,), dt=1e-3, reader="norse")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reader": "brian"}, "reader one of snntorch, norse, spikingjelly, or None, got 'brian'"),
        ({"reader": []}, "reader one of snntorch"),
        ({"reader": "norse", "beyond": ["reset"]}, r"reader or beyond, got reader='norse' and beyond=\['reset'\]"),
    ],
)
def test_arguments_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        ours.to_nir(chain(lif()), (4,), dt=1e-3, **options)


def test_a_surrogate_of_ones_own_goes_out_beside_a_reader():
    net = chain(lif(surrogate_function=lambda u: (u > 0).astype(u.dtype)))
    assert "1" in ours.to_nir(net, (4,), dt=1e-3, reader="norse", beyond=["surrogate"]).nodes
