"""The directory of a run keeps its files, whatever goes wrong."""

import errno
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from autograd.errors import ArgumentError, WriteError
from experiments import harness, traces, yin_yang
from experiments.__main__ import main
from experiments.harness import Options, RunDirectory

from .conftest import needs_limits, python


def new(tmp_path, **options):
    return RunDirectory(Options(out=tmp_path, **options), "study")


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.path.iterdir()}


def test_it_is_named_by_time_and_seed_under_the_experiment(tmp_path):
    directory = new(tmp_path / "not" / "there yet", seed=7)
    assert directory.path.parent == tmp_path / "not" / "there yet" / "study"
    assert directory.path.name.endswith("-7")
    assert set(contents(directory)) == {"config.json"}


def test_two_runs_in_the_same_second_have_each_their_own(tmp_path):
    paths = {new(tmp_path).path for _ in range(5)}
    assert len(paths) == 5
    assert {path.parent for path in paths} == {tmp_path / "study"}


def test_a_file_is_replaced_whole(tmp_path):
    directory = new(tmp_path)
    for content in (b"first, and longer", b"second"):
        directory.write("a.bin", content)
        assert contents(directory)["a.bin"] == content
    assert set(contents(directory)) == {"config.json", "a.bin"}


def test_weights_are_read_by_numpy_and_load_equal(tmp_path):
    directory = new(tmp_path)
    weights = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.zeros(2)}
    directory.save_weights(weights)
    with np.load(directory.path / "weights.npz") as read:
        assert {name: (a.tobytes(), a.dtype, a.shape) for name, a in read.items()} == {
            name: (a.tobytes(), a.dtype, a.shape) for name, a in weights.items()
        }


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, step, before):
    directory = new(tmp_path)
    if before is not None:
        directory.write("weights.npz", before)
    kept = contents(directory)
    monkeypatch.setattr(os, step, full)
    with pytest.raises(WriteError) as error:
        directory.write("weights.npz", b"new" * 100)
    assert str(error.value) == (
        f"writing {directory.path / 'weights.npz'}: expected a writable directory with free space, "
        "got No space left on device. The existing files were not changed. Choose another place with --out."
    )
    assert contents(directory) == kept


def test_an_interrupted_write_leaves_no_temporary_file(tmp_path, monkeypatch):
    directory = new(tmp_path)
    kept = contents(directory)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        directory.write("weights.npz", b"new")
    assert contents(directory) == kept


def test_a_directory_that_was_removed_during_the_run_is_an_error_of_ours(tmp_path):
    directory = new(tmp_path)
    (directory.path / "config.json").unlink()
    directory.path.rmdir()
    with pytest.raises(WriteError, match=r"got No such file or directory\. The existing files were not changed\."):
        directory.write("a", b"b")


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from autograd.errors import WriteError
from experiments import traces
from experiments.__main__ import main
from experiments.harness import Options, RunDirectory

directory = RunDirectory(Options(out=Path(sys.argv[1])), "study")
directory.save_weights({"w": np.arange(10.0)})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    directory.save_weights({"w": np.zeros(1000)})
except WriteError as error:
    print(error)
"""


@needs_limits
def test_a_full_disk_leaves_weights_as_they_were(tmp_path):
    done = python("-W", "error", "-c", ON_A_FULL_DISK, str(tmp_path), "4000")
    assert done.stderr == ""
    (path,) = (tmp_path / "study").iterdir()
    assert done.stdout == (
        f"writing {path / 'weights.npz'}: expected a writable directory with free space, got File too large. "
        "The existing files were not changed. Choose another place with --out.\n"
    )
    assert {file.name for file in path.iterdir()} == {"config.json", "weights.npz"}
    with np.load(path / "weights.npz") as weights:
        np.testing.assert_array_equal(weights["w"], np.arange(10.0))


# The superuser may write everywhere, so that it becomes another user for the writing.
WITHOUT_LEAVE = """
import os, sys
from pathlib import Path
import safetensors.numpy
import snn
from autograd.errors import WriteError
from experiments import traces
from experiments.__main__ import main
from experiments.harness import Options, RunDirectory

place = Path(sys.argv[1])
directory, saved = RunDirectory(Options(out=place), "study"), snn.checkpoint.Checkpoints(place / "saved")
saved.save(1, value=1)
lines = snn.train.JSONLines(place / "metrics.jsonl")
lines.path.write_text("{}" + chr(10))
for path in [*place.rglob("*"), place]:
    path.chmod(0o555 if path.is_dir() else 0o444)
if not os.geteuid():
    os.seteuid(65534)

class Trained:
    resumed, history = True, [{"epoch": 1}]

for write in (
    lambda: RunDirectory(Options(out=place), "study"), lambda: RunDirectory(Options(out=place / "new"), "study"),
    lambda: directory.write("weights.npz", b"new"), lambda: saved.save(2, value=2), lambda: lines.on_start(Trained),
    lambda: lines.on_epoch(Trained),
):
    try:
        write()
    except WriteError as error:
        print(str(error).replace(str(place), "PLACE"))
"""


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs os.seteuid, to give up the right to write")
def test_a_read_only_directory_keeps_what_is_in_it_and_says_so(tmp_path):
    place = Path(tempfile.mkdtemp())  # tmp_path is closed to another user
    try:
        done = python("-W", "error", "-c", WITHOUT_LEAVE, str(place))
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        assert [line.partition(":")[0] for line in lines] == [
            "writing PLACE/study", "writing PLACE/new/study", lines[2].partition(":")[0],
            "writing PLACE/saved/step-000000000002.safetensors", "writing PLACE/metrics.jsonl", "writing PLACE/metrics.jsonl",
        ]  # fmt: skip
        assert lines[2].partition(":")[0].endswith("-0/weights.npz")
        for line in lines:
            assert ": expected a writable directory with free space, got Permission denied. The existing files" in line
        (run,) = (place / "study").iterdir()
        assert [path.name for path in run.iterdir()] == ["config.json"]
        assert [path.name for path in (place / "saved").iterdir()] == ["step-000000000001.safetensors"]
        assert (place / "metrics.jsonl").read_text() == "{}\n"
    finally:
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(place)


@dataclass(frozen=True, kw_only=True)
class Counting(Options):
    layers: int = 2
    width: int = 0

    counts = ("seeds", "layers")


@pytest.mark.parametrize(
    ("options", "name", "least"), [({"seed": -1}, "seed", 0), ({"seeds": 0}, "seeds", 1), ({"layers": -2}, "layers", 1)]
)
def test_options_that_count_are_checked_where_they_are_made(options, name, least):
    with pytest.raises(ArgumentError) as error:
        Counting(**options)
    assert str(error.value) == (
        f"option --{name}: expected a whole number of at least {least}, got {options[name]}. Nothing was run."
    )


def test_one_of_several_runs_has_its_own_seed_and_counts_as_one():
    assert Counting(seeds=5, width=3).with_seed(9) == Counting(seed=9, seeds=1, width=3)


STEPS = [f"checkpoints/step-{step:012d}.safetensors" for step in (0, 3)]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ([], []),
        (["a.txt"], ["a.txt", "config.json"]),
        (STEPS[:1], []),
        (STEPS[1:], ["checkpoints", "config.json"]),
        (STEPS, ["checkpoints", "config.json"]),
        (["checkpoints/best.safetensors"], ["checkpoints", "config.json"]),
        (["metrics.jsonl", *STEPS[:1]], ["checkpoints", "config.json", "metrics.jsonl"]),
    ],
)
def test_a_run_that_fails_leaves_a_directory_if_it_has_begun(tmp_path, monkeypatch, capsys, written, left):
    def fails(config, directory):
        for name in written:
            (directory.path / name).parent.mkdir(exist_ok=True)
            directory.write(name, b"")
        raise ArgumentError("this", "that", "other", "Do it.")

    monkeypatch.setattr(traces, "run", fails)
    assert main(["traces", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: this: expected that, got other. Do it.\n"
    assert sorted(path.name for path in (tmp_path / "traces").glob("*/*")) == left
    assert len(list((tmp_path / "traces").iterdir())) == bool(left)


def test_a_run_that_fails_when_it_is_resumed_keeps_its_directory(tmp_path, monkeypatch):
    directory = RunDirectory(traces.Config(out=tmp_path), "traces")
    directory.close()

    def fails(config, directory):
        raise ArgumentError("this", "that", "other", "Do it.")

    monkeypatch.setattr(traces, "run", fails)
    assert main(["traces", "--resume", str(directory.path)]) == 2
    assert [path.name for path in directory.path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("rate", [-1.0, 0.0, math.inf, math.nan])
def test_a_rate_that_cannot_be_is_refused_before_there_is_a_directory(tmp_path, capsys, rate):
    with pytest.raises(SystemExit):
        main(["yin_yang", "--smoke", f"--learning-rate={rate}", "--out", str(tmp_path)])
    assert "option --learning-rate: expected a positive number" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())
    with pytest.raises(ArgumentError) as error:
        yin_yang.Config(learning_rate=rate)
    assert str(error.value) == f"option --learning-rate: expected a positive number, got {rate}. Nothing was run."


def test_a_training_run_that_fails_at_its_first_step_leaves_no_directory(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise ArgumentError("this", "that", "other", "Do it.")

    monkeypatch.setattr("autograd.optim.optimizer.Optimizer.__call__", fails)
    assert main(["yin_yang", "--smoke", "--mode", "eager", "--out", str(tmp_path)]) == 2
    assert not list((tmp_path / "yin_yang").iterdir())


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["_claim", "manifest", "write_whole"])
def test_a_directory_that_cannot_be_set_up_is_removed(tmp_path, monkeypatch, where, error):
    def fails(*_):
        raise error

    monkeypatch.setattr(harness, where, fails)
    with pytest.raises(type(error)):
        RunDirectory(traces.Config(out=tmp_path), "traces")
    assert not list((tmp_path / "traces").iterdir())
