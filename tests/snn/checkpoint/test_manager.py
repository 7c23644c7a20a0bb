"""The latest checkpoints and the best one, also after interrupts."""

import errno
import os

import numpy as np
import pytest

from autograd.errors import ArgumentError, CheckpointError, WriteError
from snn.checkpoint import Checkpoints, load


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_the_last_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "deep" / "er", keep=2)
    assert (checkpoints.last, checkpoints.best, checkpoints.load()) == (None, None, None)
    for step, score in enumerate([0.1, 0.7, float("nan"), 0.7, None, 0.2]):
        path = checkpoints.save(step, score, value=np.arange(step))
        assert checkpoints.last == path
    assert names(checkpoints.directory) == [
        "best.safetensors",
        "step-000000000004.safetensors",
        "step-000000000005.safetensors",
    ]
    found = load(checkpoints.best)
    assert (found["step"], found["score"], found["value"].tolist()) == (1, 0.7, [0])
    assert checkpoints.load()["step"] == 5


def test_the_best_is_known_to_a_later_process(tmp_path):
    Checkpoints(tmp_path).save(1, 0.7)
    later = Checkpoints(tmp_path)
    later.save(2, 0.6)
    assert load(later.best)["step"] == 1
    later.save(3, 0.8)
    assert load(later.best)["step"] == 3


def test_steps_are_ordered_as_numbers(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=5)
    for step in (9, 10, 10**13):
        checkpoints.save(step)
    assert [load(path)["step"] for path in checkpoints.paths()] == [9, 10, 10**13]


def test_another_run_is_not_overwritten(tmp_path):
    Checkpoints(tmp_path).save(10)
    with pytest.raises(CheckpointError, match=r"step 3: expected a directory of this run, got a later checkpoint, step-0*10"):
        Checkpoints(tmp_path).save(3)
    assert names(tmp_path) == ["step-000000000010.safetensors"]


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_all_that_was_there(tmp_path, monkeypatch, step):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, 0.5, value=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, step, full)
    with pytest.raises(
        WriteError, match=r"with free space, got No space left on device\. The existing files were not changed\."
    ):
        checkpoints.save(2, 0.9, value=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.undo()
    checkpoints.save(2, 0.9, value=2)
    assert (load(checkpoints.best)["value"], checkpoints.load()["value"]) == (2, 2)


def test_a_place_that_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WriteError, match=r"(File exists|Not a directory)\. The existing files were not changed\."):
        Checkpoints(tmp_path / "file").save(1)
    assert (tmp_path / "file").read_text() == "mine"


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1)
    (tmp_path / ".step-000000000002.safetensors.77-1.partial").write_bytes(b"half")
    assert checkpoints.load()["step"] == 1
    assert names(tmp_path) == ["step-000000000001.safetensors"]


def test_a_broken_last_one_is_an_error_that_names_the_one_before(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step)
    checkpoints.last.write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="It is cut off") as error:
        checkpoints.load()
    assert error.value.__notes__ == [
        "To continue from the one before, step-000000000001.safetensors, remove step-000000000002.safetensors."
    ]


@pytest.mark.parametrize("keep", [0, -1, 1.5, True])
def test_an_invalid_number_to_keep(tmp_path, keep):
    with pytest.raises(ArgumentError, match=r"Checkpoints: expected keep, a whole number of at least 1"):
        Checkpoints(tmp_path, keep)


def test_a_file_has_no_last_checkpoint(tmp_path):
    path = Checkpoints(tmp_path).save(1, n=1)
    with pytest.raises(CheckpointError, match="expected a directory, got a file"):
        Checkpoints(path).load()
    assert Checkpoints(tmp_path / "nothing").load() is None
