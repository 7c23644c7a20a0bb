"""Properties that a graph would drop silently are refused, or come back unchanged."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, as_tensor, nn, ops
from autograd.errors import ArgumentError, DataError, DTypeError

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir
X = np.random.default_rng(0).normal(0.5, 1, (20, 2, 6)).astype(np.float32)


def lif(**options):
    return snn.LIFNode(**({"beta": 0.9, "v_reset": 0.0} | options))


def chain():
    return nn.SequentialCell(nn.Dense(6, 5, rng=0), lif())


def assert_same(net, found, x=X):
    want = snn.run(net, x, mode="eager").out
    got = snn.run(found, x, mode="eager").out
    assert type(got) is type(want)
    np.testing.assert_array_equal(got.asnumpy(), want.asnumpy())
    assert np.count_nonzero(want.asnumpy()) > 0


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "backward"])
@pytest.mark.parametrize("place", [0, 1, None])
def test_hooks_are_refused_of_every_cell(kind, place):
    net = chain()
    name = "SequentialCell" if place is None else rf"layer '{place}'"
    handle = getattr(net if place is None else net[place], f"register_{kind}_hook")(lambda *given: None)
    with pytest.raises(ArgumentError, match=rf"to_nir, {name}.*without hooks.*call remove\(\)"):
        ours.to_nir(net, (6,), dt=1e-3)
    handle.remove()
    assert_same(net, ours.from_nir(ours.to_nir(net, (6,), dt=1e-3)))


class DeadEnd(Cell):
    """Two neurons, of which one is not heard."""

    def __init__(self, heard):
        super().__init__()
        self.first, self.second, self.heard = lif(), lif(), heard

    def initial_state(self, x):
        return {"first": ops.zeros(x.shape, x.dtype), "second": ops.zeros(x.shape, x.dtype)}

    def construct(self, x, state):
        one, first = self.first(x, state["first"])
        two, second = self.second(x, state["second"])
        return one + two if self.heard else one, {"first": first, "second": second}


def test_a_neuron_that_feeds_nothing_is_refused_by_name():
    with pytest.raises(ArgumentError, match=r"'second' \(LIF\): expected an output that another layer.*goes nowhere"):
        ours.to_nir(DeadEnd(False), (6,), dt=1e-3)
    assert_same(DeadEnd(True), ours.from_nir(ours.to_nir(DeadEnd(True), (6,), dt=1e-3)))


class Stateless(Cell):
    """A layer and a factor, without a neuron."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Dense(6, 5, rng=0)

    def construct(self, x):
        return self.layer(x) * 2.0


def test_a_layer_alone_goes_out_and_a_cell_of_ones_own_without_state_is_refused_by_name():
    layer = nn.Dense(6, 5, rng=0)
    assert_same(layer, ours.from_nir(ours.to_nir(layer, (6,), dt=1e-3)))
    with pytest.raises(ArgumentError, match=r"\(Stateless\): expected a layer with a node in NIR.*in an nn\.SequentialCell"):
        ours.to_nir(Stateless(), (6,), dt=1e-3)


class Factors(Cell):
    """Multiplies by constants and by Parameters, trained and frozen."""

    def __init__(self):
        super().__init__()
        self.lif = lif()
        self.trained = Parameter(np.full((6, 6), 0.375, np.float32))
        self.frozen = Parameter(np.full((6, 6), 0.25, np.float32), requires_grad=False)

    def initial_state(self, x):
        return ops.zeros(x.shape, x.dtype)

    def construct(self, x, state):
        return self.lif(x @ (2 * self.trained) + x @ self.frozen + x * 2.0 - x * self.trained[0], state)


def test_frozen_parameters_come_back_frozen():
    layers = (
        nn.Dense(6, 6, "ones", rng=0), snn.Recurrent(lif(), 6, rng=1), nn.Dense(6, 6, "ones", rng=2),
        snn.Recurrent(lif(), 6, lateral="others", rng=3), snn.OneToOne(6, weight_init=2.0),
        snn.Recurrent(lif(), 6, lateral="self", rng=4),
    )  # fmt: skip
    for names in ([], ["0.weight", "1.weight"], ["2.bias", "3.weight", "4.weight"], ["5.weight"]):
        net = nn.SequentialCell(*layers)
        for name, parameter in net.parameters_dict().items():
            parameter.requires_grad = name not in names
        found = ours.from_nir(ours.to_nir(net, (6,), dt=1e-3))
        assert {name: p.requires_grad for name, p in found.parameters_dict().items()} == {
            name: name not in names for name in net.parameters_dict()
        }
        assert_same(net, found)


def test_frozen_factors_of_operations_come_back_frozen():
    found = ours.from_nir(ours.to_nir(Factors(), (6,), dt=1e-3))
    assert_same(Factors(), found)
    trained = {float(np.abs(p.asnumpy()).max()): p.requires_grad for p in found.get_parameters()}
    assert trained == {0.75: True, 0.375: True, 0.25: False, 2.0: False, 1.0: False}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"method": "exact"}, "method"),
        ({"written_by": "norse", "dt": 1e-3}, "written_by"),
        ({"surrogate_function": snn.surrogate.atan(3.0)}, "surrogate_function"),
    ],
)
def test_what_metadata_says_is_not_asked_for_again(asked, name):
    graph = ours.to_nir(chain(), (6,), dt=1e-3)
    with pytest.raises(ArgumentError, match=rf"NIR node '1' \(LIF\): expected no {name}.*metadata=False"):
        ours.from_nir(graph, **asked)
    assert isinstance(ours.from_nir(graph, **{"dt": 1e-3} | asked, metadata=False)[1], snn.LIFNode)


def test_a_surrogate_for_the_neurons_that_lack_one_is_taken():
    net = nn.SequentialCell(nn.Dense(6, 5, rng=0), lif(), lif(surrogate_function=lambda u: (u > 0).astype(u.dtype)))
    graph = ours.to_nir(net, (6,), dt=1e-3, beyond={"surrogate"})
    found = ours.from_nir(graph, surrogate_function=snn.surrogate.atan(3.0))
    assert repr(found[2].surrogate_function) == "atan(alpha=3)" != repr(found[1].surrogate_function)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("field", ["weight", "bias"])
def test_numbers_that_are_not_finite_are_refused(field, value):
    net = chain()
    array = getattr(net[0], field).asnumpy().copy()
    array[0] = value
    getattr(net[0], field).set_data(array)
    with pytest.raises(ArgumentError, match=rf"'0' \(Affine\), {field}: expected finite numbers, got NaN or infinity"):
        ours.to_nir(net, (6,), dt=1e-3)


def test_names_that_no_graph_may_have_are_refused():
    with pytest.raises(ArgumentError, match="names of layers without line breaks"):
        ours.to_nir(nn.SequentialCell({"a\nb": nn.Dense(6, 5, rng=0)}), (6,), dt=1e-3)


def test_a_slash_in_the_name_of_a_layer_is_no_folder(tmp_path):
    pytest.importorskip("h5py", reason="comes with the extra 'nir'")
    net = nn.SequentialCell({"a/b": nn.Dense(6, 5, rng=0), "c/d": lif()})
    record = snn.run(net, X, mode="eager", record=["spike"]).record
    graph, data = ours.to_nir(net, (6,), dt=1e-3), ours.to_data(record, dt=1e-3)
    assert {*data.nodes} < {*graph.nodes}
    ours.write_data(tmp_path / "run.h5", data)
    back = ours.from_data(ours.read_data(tmp_path / "run.h5"), dt=1e-3)
    np.testing.assert_array_equal(back["c_d.spike"], record["c/d.spike"].asnumpy())
    assert back["c_d.spike"].sum() > 0
    with pytest.raises(ArgumentError, match="'c_d' twice"):
        ours.to_data({**record, "c_d.spike": record["c/d.spike"]}, dt=1e-3)
    with pytest.raises(DataError, match=r"names without slashes.*'c/d'"):
        ours.write_data(tmp_path / "run.h5", nir.NIRGraphData({"c/d": data.nodes["c_d"]}))
    graph.nodes["e/f"] = graph.nodes.pop("c_d")
    with pytest.raises(DataError, match=r"names without slashes.*'e/f'"):
        ours.write(tmp_path / "net.nir", graph)


def test_events_in_longer_steps_keep_the_last_of_them():
    spikes = np.ones((4, 1, 2), np.float32)
    data = ours.to_data({"spike": spikes}, dt=1e-3)
    assert ours.from_data(data, dt=3e-3)["node.spike"].tolist() == [[[3.0, 3.0]], [[1.0, 1.0]]]
    for steps in range(1, 200):
        given = np.ones((steps, 1, 1), np.float32)
        for dt in (1e-3, 1e-4, 0.3):
            np.testing.assert_array_equal(ours.from_data(ours.to_data({"spike": given}, dt=dt), dt=dt)["node.spike"], given)


RAW = {
    "beyond None": (lambda g: ours.to_nir(chain(), (6,), dt=1e-3, beyond=None), ArgumentError, "beyond as a list"),
    "beyond 3": (lambda g: ours.to_nir(chain(), (6,), dt=1e-3, beyond=3), ArgumentError, "beyond as a list"),
    "beyond [[]]": (lambda g: ours.to_nir(chain(), (6,), dt=1e-3, beyond=[[]]), ArgumentError, "beyond as a list"),
    "written_by": (lambda g: ours.from_nir(g, written_by=[]), ArgumentError, "written_by one of norse, snntorch"),
    "options": (lambda g: ours.from_nir(g, written_by="norse", options=["a"]), ArgumentError, "options, a dict"),
    "limit": (lambda g: ours.from_nir(g, limit=1.5), ArgumentError, "limit, a number of bytes"),
    "limit of a file": (lambda g: ours.read("net.nir", limit="a"), ArgumentError, "limit, a number of bytes"),
    "limit of data": (lambda g: ours.read_data("net.nir", limit=0), ArgumentError, "limit, a number of bytes"),
    "record None": (lambda g: ours.to_data(None, dt=1e-3), DTypeError, "a record: a mapping"),
    "record": (lambda g: ours.to_data(as_tensor(X), dt=1e-3), DTypeError, "a record: a mapping"),
}


@pytest.mark.parametrize("name", RAW)
def test_arguments_of_a_wrong_kind_get_an_error_of_ours(name):
    call, error, match = RAW[name]
    with pytest.raises(error, match=match):
        call(ours.to_nir(chain(), (6,), dt=1e-3))
