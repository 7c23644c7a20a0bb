"""Records as NIRData, and back."""

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import ArgumentError, DataError, DTypeError, ShapeError

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
h5py = pytest.importorskip("h5py", reason="comes with the extra 'nir'")
ours = snn.interop.nir

T, N = 40, 3


def recorded(threshold=1.0):
    net = nn.SequentialCell(nn.Dense(4, 5, "ones", rng=0), snn.LIFNode(threshold, beta=0.9), snn.Readout())
    x = np.random.default_rng(0).normal(0.1, 0.5, (T, N, 4)).astype(np.float32)
    return snn.run(net, x, record=["spike", "v"], mode="eager").record


@pytest.mark.parametrize("threshold", [1.0, 0.5])
@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize("dt", [1e-3, 0.1, 1 / 3, 1e-4])
def test_a_record_comes_back(tmp_path, events, threshold, dt):
    record = recorded(threshold)
    data = ours.to_data(record, dt=dt, events=events)
    spikes = data.nodes["1"].observables["spike"]
    kind = nir.TimeGriddedData if not events else nir.EventData if threshold == 1 else nir.ValuedEventData
    assert type(spikes) is kind
    ours.write_data(tmp_path / "run.h5", data)
    for found in (data, ours.read_data(tmp_path / "run.h5"), nir.read_data(tmp_path / "run.h5")):
        back = ours.from_data(found, dt=dt)
        assert back.keys() == record.keys() == {"1.spike", "1.v", "2.v"}
        for name, value in record.items():
            np.testing.assert_array_equal(back[name], value.asnumpy(), strict=True)
    assert 0 < (record["1.spike"].asnumpy() > 0).mean() < 1


def test_nir_puts_events_into_the_steps_that_they_came_from():
    record = recorded()
    for dt in (1e-3, 0.1, 1 / 3, 1e-4, 0.7):
        grid = ours.to_data(record, dt=dt).nodes["1"].observables["spike"].to_time_gridded(dt)
        np.testing.assert_array_equal(grid.data.swapaxes(0, 1), record["1.spike"].asnumpy() > 0)


def test_a_lone_neuron_has_a_name_and_images_are_flat():
    x = np.random.default_rng(0).normal(0.5, 1, (T, N, 2, 3)).astype(np.float32)
    record = snn.run(snn.IFNode(), x, record=["spike"], mode="eager").record
    data = ours.to_data(record, dt=1, name="if")
    assert [*data.nodes] == ["if"]
    np.testing.assert_array_equal(ours.from_data(data, dt=1)["if.spike"].reshape(T, N, 2, 3), record["spike"].asnumpy())


def test_a_run_without_spikes_has_no_events(tmp_path):
    record = snn.run(snn.IFNode(), np.zeros((T, N, 2), np.float32), record=["spike"]).record
    ours.write_data(tmp_path / "run.h5", ours.to_data(record, dt=1e-3))
    assert not ours.from_data(ours.read_data(tmp_path / "run.h5"), dt=1e-3)["node.spike"].any()


def test_graphs_inside_are_read_and_not_written(tmp_path):
    inner = ours.to_data(recorded(), dt=1e-3)
    outer = nir.NIRGraphData({"a": inner})
    assert {*ours.from_data(outer, dt=1e-3)} == {"a.1.spike", "a.1.v", "a.2.v"}
    with pytest.raises(DTypeError, match=r"a nir\.NIRGraphData of nodes alone"):
        ours.write_data(tmp_path / "run.h5", outer)


def events(**changes):
    fields = {"idx": np.array([[0, 1]]), "time": np.array([[0.0, 1e-3]]), "n_neurons": 2, "t_max": 2e-3} | changes
    return nir.NIRGraphData({"a": nir.NIRNodeData({"spike": nir.EventData(**fields)})})


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (lambda: events(idx=np.array([[0, 2]])), "neurons below 2"),
        (lambda: events(time=np.array([[0.0, 2e-3]])), "times below t_max"),
        (lambda: events(time=np.array([[0.0, np.nan]])), "times below t_max"),
        (lambda: events(t_max=1e9), "bytes"),
        (lambda: events(t_max=np.inf), "t_max above 0"),
        (lambda: events(n_neurons=1 << 35), "bytes"),
        (lambda: events(idx=np.array([[0.5, 1]])), "idx and time as arrays"),
        (
            lambda: nir.NIRGraphData({"a": nir.NIRNodeData({"v": nir.TimeGriddedData(np.ones((1, 2, 3)), 1.0)})}),
            "a grid of dt",
        ),
        (lambda: nir.NIRGraphData({"a": nir.NIRNodeData({"v": 3})}), "events, or values on a grid"),
    ],
)
def test_data_that_is_damaged_is_refused(data, match):
    with pytest.raises(DataError, match=match):
        ours.from_data(data(), dt=1e-3)


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ArgumentError, match="the seconds of a time step, for events"):
        ours.from_data(events())
    with pytest.raises(ArgumentError, match="dt"):
        ours.to_data({}, dt=-1)
    with pytest.raises(ShapeError, match=r"expected \[T, N, \.\.\.\]"):
        ours.to_data({"v": np.ones(3)}, dt=1)
    with pytest.raises(DTypeError, match="read_data returns one"):
        ours.from_data({})
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["nodes/a/observables/v/data"] = np.ones((2, 2, 2))
    with pytest.raises(DataError, match="data of the nodes of a graph"):
        ours.read_data(tmp_path / "run.h5")
