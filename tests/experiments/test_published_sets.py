"""Experiments on published sets: small files, networks that fire and learn in the compiled mode, digests of data."""

import importlib
import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

import snn
from autograd import value_and_grad
from experiments import nmnist, parametric, shd, words
from experiments.__main__ import main
from experiments.fitting import _LOSSES
from experiments.harness import RunDirectory

pytest.importorskip("h5py", reason="comes with the extra 'data'")
NETS = {
    "shd": ("shd", {}, "max"), "shd, delays": ("shd", {"network": "delays"}, "sum"),
    "fashion": ("fashion", {}, "rate"), "nmnist": ("nmnist", {}, "rate"), "dvs_gesture": ("dvs_gesture", {}, "rate"),
}  # fmt: skip


def small(name, **options):
    module = importlib.import_module(f"experiments.{name}")
    return module.Config(smoke=True, **options).smaller()


def started(name, options):
    """Return a net as it begins, an input of a few samples, and their labels."""
    config, rng = small(name, **options), np.random.default_rng(0)
    if isinstance(config, words.WordOptions):
        splits, build = words.frames(config), words.build
    else:
        splits, build = config.splits(), parametric.build
        splits = splits.map(parametric.EqualFrames(config.steps)) if splits.train.kind == "events" else splits
    (batch,) = splits.train[:12].batches(12)
    x = batch.x if name != "fashion" else snn.encode.direct(batch.x, config.steps)
    return build(config, len(splits.train.classes), rng), x, batch.labels


@pytest.mark.parametrize("case", NETS)
def test_neurons_fire_and_every_weight_has_a_gradient_in_the_compiled_mode(case):
    name, options, readout = NETS[case]
    net, x, labels = started(name, options)
    net.set_train()
    for layer in ("dense1", "dense2") if readout == "rate" else ():  # begin silent, and learn by their surrogates to fire
        net[layer].weight.set_data(12 * net[layer].weight.asnumpy())
    params = net.trainable_params()

    def loss():
        return _LOSSES[readout](snn.run(net, x, mode="compiled").out, labels)

    value, gradients = value_and_grad(loss, None, params)()
    assert np.isfinite(value.item())
    record = snn.run(net, x, record="spike", mode="eager").record
    rates = {layer: float(np.mean(spikes.asnumpy() != 0)) for layer, spikes in record.items() if "readout" not in layer}
    assert len(rates) >= 1
    assert all(0.001 < rate < 0.9 for rate in rates.values()), rates
    assert [p.name for p, g in zip(params, gradients, strict=True) if not np.abs(g.asnumpy()).max() > 0] == []


@pytest.mark.parametrize("name", ["shd", "ssc", "nmnist", "dvs_gesture"])
def test_made_up_files_are_read_by_the_true_reader_and_the_same_each_time(name, tmp_path):
    config = small(name)
    first = config.splits()
    places = [tmp_path / str(n) for n in range(2)]
    for place in places:
        place.mkdir()
        type(config).make_up(place)
    again = type(config).read(places[0])
    for split, part in again.items():
        assert len(part) == len(first[split]) >= 11
        assert len(set(part.labels.tolist())) == len(part.classes)
        one, other = part[5].x, first[split][5].x
        assert len(one) > 100
        for field in ("t", "x", "y", "p"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        if len(one.shape) == 3:
            assert set(one.p.tolist()) == {0, 1}
    assert again.train.digest() != again.test.digest()
    if name in ("nmnist", "dvs_gesture"):  # an HDF5 file has room with whatever was there
        assert again.train.digest() == type(config).read(places[1]).train.digest()


def test_frames_have_equally_many_events():
    events = small("nmnist").splits().train[0].x
    frames = parametric.EqualFrames(7)(events)
    counts = frames.sum((1, 2, 3))
    assert frames.shape == (7, 2, 34, 34)
    assert counts.sum() == len(events)
    assert (counts[:-1] == -(-len(events) // 7)).all()
    assert 0 < counts[-1] <= counts[0]
    assert parametric.EqualFrames(3)(events[:0]).shape == (3, 2, 34, 34)


def test_the_bells_of_delays_shrink_over_a_quarter_of_the_epochs_also_after_a_resume():
    net = words.build(small("shd", network="delays"), 20, np.random.default_rng(0))
    layers = [cell for _, cell in net.cells_and_names() if isinstance(cell, snn.LearntDelays)]
    trainer = type("Trainer", (), {"net": net, "epoch": 0, "epochs": 16})()
    found = []
    for trainer.epoch in (0, 1, 2, 4, 9):
        words.ShrinkSigma().on_start(trainer)
        found.append(layers[0].sigma)
    assert len(layers) == 3
    np.testing.assert_allclose(found, [2.5, 2.5 * 0.2**0.25, 2.5 * 0.2**0.5, 0.5, 0.5])
    assert {layer.sigma for layer in layers} == {0.5}


def test_delays_are_learnt_with_a_rate_of_their_own(tmp_path, monkeypatch):
    config = replace(small("shd", network="delays", out=tmp_path), epochs=1, hidden=8, steps=15, longest=3, batch_size=60)
    nets, build = [], words.build
    monkeypatch.setattr(words, "build", lambda *args: nets.append(build(*args)) or nets[-1])
    shd.run(config, RunDirectory(config, "shd"))
    (net,), start = nets, build(config, 20, np.random.default_rng(config.seed))
    moved = [
        np.abs(net["delays1"].delay.asnumpy() - start["delays1"].delay.asnumpy()).mean(),
        np.abs(net["delays1"].weight.asnumpy() - start["delays1"].weight.asnumpy()).mean(),
    ]
    assert moved[0] > 20 * moved[1] > 0


def test_without_h5py_the_extra_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "h5py", None)
    from experiments import files

    files._splits.cache_clear()
    assert main(["shd", "--smoke", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "error: a smoke run on words: expected the package h5py, got no such package in this environment. "
        "Install the extra: pip install 'spikecell[data]'.\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Return a run of nmnist on files of one's own, and where these are."""
    place = tmp_path_factory.mktemp("seen")
    (place / "data").mkdir()
    nmnist.Config.make_up(place / "data")
    small = ["--smoke", "--epochs", "1", "--hidden", "4", "--dense", "16", "--steps", "2", "--mode", "eager"]
    assert main(["nmnist", *small, "--data", str(place / "data"), "--out", str(place / "runs")]) == 0
    (directory,) = (place / "runs" / "nmnist").iterdir()
    return directory, place / "data"


def test_config_json_has_a_digest_of_the_data_and_a_run_is_repeated(seen, capsys):
    directory, data = seen
    config = json.loads((directory / "config.json").read_text())
    assert config["data"] == {name: part.digest() for name, part in snn.data.nmnist(data).items()}
    assert main(["replay", str(directory)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{directory} was repeated to the bit"


def test_other_data_are_said_before_a_replay_and_at_a_resume(seen, tmp_path, capsys):
    from experiments import files

    directory, data = shutil.copytree(seen[0], tmp_path / "run"), seen[1]
    path = next((data / "Test" / "3").iterdir())
    before = path.read_bytes()
    then = json.loads((directory / "config.json").read_text())["data"]["test"]
    try:
        path.write_bytes(before[5:])
        files._splits.cache_clear()
        files._digests.cache_clear()
        now = snn.data.nmnist(data).test.digest()
        assert main(["replay", str(directory)]) == 2
        assert capsys.readouterr().err == (
            f"error: replay {directory}: expected the data that it was made with, got data: test: {then} then, {now} now. "
            f"Nothing was run. Are the right files in {data}?\n"
        )
        assert main(["nmnist", "--resume", str(directory)]) == 0
        assert f"note: the bits may differ from those of an uninterrupted run: data: test: {then} then, {now} now\n" in (
            capsys.readouterr().err
        )
    finally:
        path.write_bytes(before)
        files._splits.cache_clear()
        files._digests.cache_clear()
