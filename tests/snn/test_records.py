"""Records as labelled arrays and as spike trains."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import autograd
import snn
from autograd import nn
from autograd.errors import ArgumentError, DTypeError, MissingExtraError, ShapeError, UnknownKeyError

LAYERS = nn.SequentialCell(
    nn.Conv2d(2, 3, 3, pad_mode="same", rng=0), snn.LIFNode(beta=0.9), nn.Flatten(), nn.Dense(48, 5, rng=1),
    snn.LIFNode(beta=0.9),
)  # fmt: skip


@pytest.fixture(scope="module")
def result():
    x = np.random.default_rng(0).uniform(0, 3, (20, 3, 2, 4, 4)).astype(np.float32)
    found = snn.run(LAYERS, x, record=["spike", "v"], mode="eager")
    assert all(found.record[f"{layer}.spike"].asnumpy().any() for layer in "14")
    return found


def test_a_record_is_a_dict_of_its_own_class(result):
    assert isinstance(result.record, dict)
    assert type(result.record) is snn.Record
    assert list(result.record) == ["1.spike", "1.v", "4.spike", "4.v"]
    again = pickle.loads(pickle.dumps(result.record))
    assert type(again) is snn.Record
    np.testing.assert_array_equal(again["4.v"].asnumpy(), result.record["4.v"].asnumpy())


def test_modes_give_the_same_class():
    x = np.ones((4, 1, 2), np.float32)
    assert {type(snn.run(snn.IFNode(), x, record="v", mode=mode).record) for mode in ("eager", "python")} == {snn.Record}


# xarray


def test_a_dataset_has_a_variable_for_each_entry_with_named_dimensions(result):
    pytest.importorskip("xarray", reason="records as labelled arrays: pip install 'spikecell[xarray]'")
    data = result.record.to_xarray(dt=0.5)
    assert list(data) == list(result.record)
    assert data["1.v"].dims == ("time", "sample", "1.channel", "1.height", "1.width")
    assert data["4.spike"].dims == ("time", "sample", "4.neuron")
    assert dict(data.sizes) == {"time": 20, "sample": 3, "1.channel": 3, "1.height": 4, "1.width": 4, "4.neuron": 5}
    np.testing.assert_array_equal(data["time"], 0.5 * np.arange(20))
    assert data["time"].attrs["units"] == "ms"
    assert data["4.v"].attrs == {"layer": "4", "what": "v"}
    for name, tensor in result.record.items():
        np.testing.assert_array_equal(data[name].values, tensor.asnumpy())
        assert data[name].dtype == tensor.dtype
    picked = data["4.v"].sel(time=2.5, sample=1)
    np.testing.assert_array_equal(picked, result.record["4.v"].asnumpy()[5, 1])


def test_without_dt_the_time_is_in_steps_and_a_single_neuron_has_bare_names():
    pytest.importorskip("xarray", reason="comes with the extra 'xarray'")
    record = snn.run(snn.IFNode(), np.ones((4, 2, 3), np.float32), record="v", mode="eager").record
    data = record.to_xarray()
    assert data["v"].dims == ("time", "sample", "neuron")
    assert data["time"].values.tolist() == [0, 1, 2, 3]
    assert data["time"].attrs["units"] == "steps"
    assert data["time"].dtype.kind == "i"
    bare = snn.run(snn.IFNode(), np.ones((4, 2), np.float32), record="v", mode="eager").record.to_xarray()
    assert bare["v"].dims == ("time", "sample")


# neo


def test_a_block_has_a_segment_for_each_sample_with_trains_and_signals(result):
    pytest.importorskip("neo", reason="records as spike trains: pip install 'spikecell[neo]'")
    import quantities as pq

    block = result.record.to_neo(dt=0.5)
    assert len(block.segments) == 3
    spikes = result.record["4.spike"].asnumpy()
    for sample, segment in enumerate(block.segments):
        assert segment.index == sample
        assert len(segment.spiketrains) == 3 * 16 + 5
        trains = [train for train in segment.spiketrains if train.annotations["layer"] == "4"]
        assert [train.annotations["neuron"] for train in trains] == list(range(5))
        assert {train.annotations["sample"] for train in trains} == {sample}
        for neuron, train in enumerate(trains):
            assert train.units == pq.ms
            assert (train.t_start, train.t_stop) == (0 * pq.ms, 10 * pq.ms)
            np.testing.assert_array_equal(train.magnitude, 0.5 * np.flatnonzero(spikes[:, sample, neuron]))
        signals = {signal.name: signal for signal in segment.analogsignals}
        assert list(signals) == ["1.v", "4.v"]
        np.testing.assert_array_equal(signals["4.v"].magnitude, result.record["4.v"].asnumpy()[:, sample])
        assert signals["1.v"].shape == (20, 48)
        assert signals["4.v"].sampling_period == 0.5 * pq.ms
    assert sum(len(train) for segment in block.segments for train in segment.spiketrains) > 50


def test_samples_can_be_chosen(result):
    pytest.importorskip("neo", reason="comes with the extra 'neo'")
    assert [segment.index for segment in result.record.to_neo(dt=1, sample=2).segments] == [2]
    assert [segment.index for segment in result.record.to_neo(dt=1, sample=[2, 0]).segments] == [2, 0]


# Mistakes


@pytest.mark.parametrize("sample", [3, -1, "a", [0, 5], True, 0.5])
def test_a_sample_that_there_is_not_is_refused(result, sample):
    with pytest.raises(ArgumentError, match=r"record\.to_neo: expected samples from 0 to 2, got"):
        result.record.to_neo(dt=1, sample=sample)


@pytest.mark.parametrize("dt", [0, -1, np.nan, True, "ms"])
def test_a_dt_that_is_no_positive_number_is_refused(result, dt):
    for call in (result.record.to_xarray, result.record.to_neo):
        with pytest.raises(ArgumentError, match=r"expected dt to be a positive number, got .* Pass the length of a time step"):
            call(dt=dt)


def test_an_empty_record_is_refused():
    record = snn.run(snn.IFNode(), np.ones((4, 1, 2), np.float32), mode="eager").record
    for call in (record.to_xarray, lambda: record.to_neo(dt=1)):
        with pytest.raises(ArgumentError, match=r"expected something recorded, got an empty record\. Run with record="):
            call()


@pytest.mark.parametrize("name", ["xarray", "neo"])
def test_without_the_package_the_error_names_the_extra(result, name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"record\.to_{name}: .*the package {name}.*spikecell\[{name}\]"):
        getattr(result.record, f"to_{name}")(dt=1)


def test_a_run_imports_neither():
    code = (
        "import sys, numpy as np, snn; snn.run(snn.IFNode(), np.ones((2, 1, 1)), record='v');"
        "print([n for n in ('xarray', 'pandas', 'neo', 'quantities') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_copies_and_unions_are_records(result):
    for other in (result.record.copy(), result.record | {}, {} | result.record):
        assert type(other) is snn.Record
        assert other.keys() == result.record.keys()
        assert other is not result.record
    more = result.record | {"1.v": result.record["4.v"]}
    assert more["1.v"] is result.record["4.v"]
    with pytest.raises(TypeError):
        result.record | 3


@pytest.mark.parametrize("call", [lambda record: record.to_xarray(), lambda record: record.to_neo(dt=1.0)])
def test_entries_that_fit_no_record_are_refused(call):
    with pytest.raises(DTypeError, match=r"record\.to_\w+, a\.v: expected a Tensor \[T, N, \.\.\.\], got ndarray"):
        call(snn.Record({"a.v": np.ones((3, 1))}))
    one, other = (autograd.Tensor(np.ones((steps, 1, 2))) for steps in (3, 4))
    with pytest.raises(ShapeError, match=r"expected the same steps and samples.*'a\.v': \[3, 1, 2\], 'b\.v': \[4, 1, 2\]"):
        call(snn.Record({"a.v": one, "b.v": other}))


def test_a_sample_as_an_array_without_axes_is_no_number_of_a_sample(result):
    with pytest.raises(ArgumentError, match=r"expected samples from 0 to 2, got ndarray"):
        result.record.to_neo(dt=1.0, sample=np.array(1))


def test_an_entry_that_is_not_there_is_named_beside_those_that_are():
    net = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.IFNode(), nn.Dense(2, 2, rng=0), snn.IFNode())
    record = snn.run(net, np.ones((2, 1, 3), np.float32), record=["v"]).record
    for name, text in [
        ("v", "record: expected '1.v', '3.v', got 'v'. An entry is named after its layer: '1.v', '3.v'."),
        ("spike", "record: expected '1.v', '3.v', got 'spike'. To record it, pass record=['spike'] to snn.run."),
        ("5.v", "record: expected '1.v', '3.v', got '5.v'. These are the entries of this run."),
        (0, "record: expected '1.v', '3.v', got 0. These are the entries of this run."),
    ]:
        with pytest.raises(KeyError, match=f"^{re.escape(text)}$"):
            record[name]
    assert (record.get("v"), "v" in record, record.pop("v", None)) == (None, False, None)
    with pytest.raises(UnknownKeyError, match=r"expected an entry that was recorded, got 'v'. To record it, pass record="):
        snn.Record()["v"]
