"""python -m experiments NAME --ranks 2, started by mpiexec."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snn
from experiments import ranks
from experiments.__main__ import main
from experiments.harness import NotFirstError, RunDirectory
from experiments.training import TrainingOptions

from .conftest import ROOT

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
COMMAND = "mpiexec -n 2 python -m mpi4py -m experiments yin_yang --ranks 2"  # as in docs/ranks.md
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="needs mpi4py and mpiexec"
)


@needs_mpi
def test_two_ranks_make_one_run(tmp_path):
    _, *command = COMMAND.split()
    command[command.index("python")] = sys.executable
    options = ["--smoke", "--epochs", "1", "--samples", "130", "--mode", "eager", "--out", str(tmp_path)]
    done = subprocess.run(
        [MPIEXEC, *command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "yin_yang").iterdir()
    again = f"note: 2 ranks; if one dies, resume with: mpiexec -n 2 python -m mpi4py -m experiments yin_yang --resume {run}"
    assert done.stderr.count(again) == 1
    assert done.stdout.count("wrote ") == done.stdout.count("test accuracy") == 1
    assert json.loads((run / "config.json").read_text())["options"]["ranks"] == 2
    (line,) = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    assert line["epoch"] == 1
    assert 0.2 < line["test_accuracy"] <= 1
    assert np.load(run / "weights.npz")["0.weight"].shape == (40, 5)


def test_what_mpiexec_has_started_and_what_the_option_says_are_the_same(tmp_path, monkeypatch, capsys):
    class Alone:
        size = 1

    monkeypatch.setattr(snn.train, "Ranks", Alone)
    assert main(["digits", "--smoke", "--ranks", "2", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "error: option --ranks: expected 2 ranks, started by mpiexec, got 1. "
        f"Start them: mpiexec -n 2 python -m mpi4py -m experiments digits --smoke --ranks 2 --out {tmp_path}\n"
    )
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "3")
            assert main(["digits", "--smoke", "--out", str(tmp_path)]) == 2
        refused = capsys.readouterr().err
        assert "expected 3, as many as mpiexec has started, got 1, with which each would make the same run" in refused
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [["fashion"], ["nmnist"], ["dvs_gesture"], ["shd", "--network", "delays"], ["ssc", "--network", "delays"]]
)
def test_a_network_that_normalises_over_the_batch_is_refused_before_its_data_are_read(command, tmp_path, capsys):
    assert main([*command, "--data", str(tmp_path / "none"), "--ranks", "2", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "error: option --ranks: expected 1 for a network that normalises over the batch, got 2. "
        "Each rank would normalise by statistics of its part alone. Nothing was run.\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_sweep_has_runs_of_one_rank(tmp_path, capsys):
    assert main(["sweep", "digits", "--grid", "hidden=8", "--out", str(tmp_path / "sweep"), "--", "--ranks", "2"]) == 2
    assert "expected runs of one rank each, got --ranks 2. Use more --workers instead." in capsys.readouterr().err
    assert main(["sweep", "digits", "--grid", "ranks=1,2", "--out", str(tmp_path / "sweep")]) == 2
    assert "got ranks=1,2. Nothing was run." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_another_rank_than_the_first_makes_no_directory_and_leaves_after_training(tmp_path, capsys):
    class Second(snn.train.Ranks):
        def __init__(self):
            self.rank, self.size = 1, 2

        def first(self, function):
            return "digits", tmp_path / "of-the-first"

        def exchange(self, what, value, error=None):
            return [value]

    def make():
        raise AssertionError

    directory = ranks.shared(Second(), make)
    assert (directory.name, directory.path, directory.first) == ("digits", tmp_path / "of-the-first", False)
    with pytest.raises(NotFirstError):
        directory.leave_to_first()
    whole = ranks.shared(None, lambda: RunDirectory(TrainingOptions(out=tmp_path), "digits"))
    assert whole.first
    whole.leave_to_first()
