"""python -m experiments sweep: every trial is run once, even if processes are killed in between."""

import importlib.util
import json
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from experiments import sweep as module
from experiments.__main__ import main
from experiments.harness import lock
from experiments.local import Local
from experiments.study import Grid, Range, Study

needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals to kill processes")
needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="comes with the extra 'sweep'")

# A stand-in for an experiment: it writes the files of a run, and counts how often it was started.
STAND_IN = """
import json, os, pathlib, signal, sys, time
place, options, how = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
run = place / "digits" / "run-0"
run.mkdir(parents=True, exist_ok=True)
with (place / "begun").open("a") as file:
    print("x", file=file)
begun = len((place / "begun").read_text().split())
(run / "config.json").write_text(json.dumps({"experiment": "digits", "options": options}))
if how == "killed" and begun <= int(sys.argv[4]) and options["hidden"] == "8":
    os.kill(os.getpid(), signal.SIGKILL)
if how == "wrong" and options["hidden"] == "8":
    sys.exit("error: it went wrong")
if how == "slow" and begun == 1:
    def saved(*_):
        (place / "saved").touch()
        sys.exit(130)
    signal.signal(signal.SIGINT, saved)
    (place / "ready").touch()
    time.sleep(60)
diverged = how == "all diverged" or (how == "diverged" and options["hidden"] == "8")
score = float("nan") if diverged else float(options["hidden"]) / 100
(run / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "test_accuracy": score}) + chr(10))
"""


@pytest.fixture
def stand_in(monkeypatch):
    """Return a function that says how runs go from now on."""

    def use(how="well", *more):
        def commands(self, trial, place):
            command = [sys.executable, "-c", STAND_IN, str(place), json.dumps(trial.options), how, *map(str, more)]
            return command, command

        monkeypatch.setattr(module.Sweep, "_commands", commands)

    use()
    return use


def results(place):
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(place.glob("trials/*/result.json"))}


def begun(place):
    return {path.parent.name: len(path.read_text().split()) for path in sorted(place.glob("trials/*/begun"))}


GRID = ("sweep", "digits", "--grid", "hidden=8,16", "seed=0,1")


def test_a_grid_of_real_runs(tmp_path, capsys):
    out = tmp_path / "sweep"
    grid = "hidden=16,128"  # 128 is the default without --smoke
    assert main(["sweep", "digits", "--out", str(out), "--grid", grid, "--", "--smoke", "--epochs", "1"]) == 0
    found = results(out)
    assert [one["options"] for one in found.values()] == [{"hidden": "16"}, {"hidden": "128"}]
    for (number, one), hidden in zip(found.items(), (16, 128), strict=True):
        (run,) = out.glob(f"trials/{number}/digits/*/")
        lines = (run / "metrics.jsonl").read_text().splitlines()
        assert one["metrics"] == json.loads(lines[-1])
        options = json.loads((run / "config.json").read_text())["options"]
        assert (options["hidden"], options["epochs"], options["steps"], options["smoke"]) == (hidden, 1, 8, True)
        assert np.load(run / "weights.npz")["0.weight"].shape == (hidden, 64)
    best = max(one["metrics"]["test_accuracy"] for one in found.values())
    assert f"best of 2: trial {0 if found['0000']['metrics']['test_accuracy'] == best else 1}, " in capsys.readouterr().out
    assert main(["report", str(out), "--out", str(tmp_path / "report.html")]) == 0


def test_a_run_of_other_options_is_no_result(tmp_path, stand_in, capsys):
    assert main(["sweep", "digits", "--grid", "hidden=8,16", "--out", str(tmp_path)]) == 0
    run = tmp_path / "trials" / "0001"
    (run / "result.json").unlink()
    monkey = STAND_IN.replace("options}))", "options | {'hidden': 4}}))")
    assert monkey != STAND_IN
    with pytest.MonkeyPatch.context() as patch:
        command = lambda trial, place: [sys.executable, "-c", monkey, str(place), json.dumps(trial.options), "well"]  # noqa: E731
        patch.setattr(module.Sweep, "_commands", lambda self, *args: (command(*args), command(*args)))
        assert main(["sweep", "--resume", str(tmp_path)]) == 1
    assert "expected hidden=16, got hidden=4. It is of another sweep" in capsys.readouterr().err
    assert list(results(tmp_path)) == ["0000"]


def test_an_unknown_metric_stops_the_sweep_and_a_resume_takes_another(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path), "--workers", "1", "--metric", "accuracy"]) == 2
    assert capsys.readouterr().err == (
        "error: sweep, --metric: expected one of epoch, test_accuracy, got accuracy. "
        f"Resume with another: python -m experiments sweep --resume {tmp_path} --metric NAME\n"
    )
    assert begun(tmp_path) == {"0000": 1}
    assert main(["sweep", "--resume", str(tmp_path), "--metric", "test_accuracy", "--lowest"]) == 0
    assert "best of 4: trial 0, test_accuracy 0.0800 (hidden=8 seed=0)" in capsys.readouterr().out
    assert set(begun(tmp_path).values()) == {1}
    assert main(["sweep", "--resume", str(tmp_path)]) == 0  # which remembers
    assert "best of 4: trial 0, test_accuracy 0.0800" in capsys.readouterr().out


@needs_optuna
def test_a_search_takes_another_metric_only_before_it_has_compared(tmp_path, stand_in, capsys):
    search = ["sweep", "digits", "--search", "hidden=4:64", "--trials", "3", "--out", str(tmp_path), "--workers", "1"]
    assert main([*search, "--metric", "accuracy"]) == 2
    assert main(["sweep", "--resume", str(tmp_path), "--lowest"]) == 2
    assert "which its search uses, got --lowest. Start another sweep." in capsys.readouterr().err
    assert main(["sweep", "--resume", str(tmp_path), "--metric", "test_accuracy"]) == 0
    assert begun(tmp_path) == {"0000": 1, "0001": 1, "0002": 1}
    assert main(["sweep", "--resume", str(tmp_path), "--metric", "epoch"]) == 2
    assert "which its search uses, got --metric epoch." in capsys.readouterr().err


def test_a_grid_is_every_combination_once(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path), "--workers", "3"]) == 0
    options = [tuple(one["options"].values()) for one in results(tmp_path).values()]
    assert options == [("8", "0"), ("8", "1"), ("16", "0"), ("16", "1")]
    assert set(begun(tmp_path).values()) == {1}
    assert "best of 4: trial 2, test_accuracy 0.1600 (hidden=16 seed=0)" in capsys.readouterr().out


@pytest.mark.parametrize("lowest", [[], ["--lowest"]])
def test_a_run_that_diverges_is_never_the_best(tmp_path, stand_in, capsys, lowest):
    stand_in("diverged")
    assert main([*GRID, "--out", str(tmp_path), "--workers", "1", *lowest]) == 1
    said = capsys.readouterr()
    assert "best of 2: trial 2, test_accuracy 0.1600" in said.out
    assert "failed: trial 0 (hidden=8 seed=0): test_accuracy is NaN: it has diverged" in said.err


def test_a_search_ends_where_runs_diverge(tmp_path, stand_in, capsys):
    stand_in("all diverged")
    args = ["sweep", "digits", "--search", "hidden=4:64", "--trials", "3", "--workers", "1", "--out", str(tmp_path)]
    assert main(args) == 1
    assert len(results(tmp_path)) == 3
    assert capsys.readouterr().err.count("it has diverged") == 3


@needs_signals
def test_a_run_that_is_killed_is_redone(tmp_path, stand_in):
    stand_in("killed", 1)
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    assert begun(tmp_path) == {"0000": 2, "0001": 2, "0002": 1, "0003": 1}
    assert len(results(tmp_path)) == 4


@needs_signals
def test_a_run_that_is_killed_again_and_again_fails_alone_and_is_tried_by_a_resume(tmp_path, stand_in, capsys):
    stand_in("killed", 3)
    assert main(["sweep", "digits", "--grid", "hidden=8,16", "--out", str(tmp_path)]) == 1
    assert "failed: trial 0 (hidden=8): its process was killed 3 times by signal 9" in capsys.readouterr().err
    assert list(results(tmp_path)) == ["0001"]
    assert main(["sweep", "--resume", str(tmp_path)]) == 0
    assert begun(tmp_path) == {"0000": 4, "0001": 1}
    assert list(results(tmp_path)) == ["0000", "0001"]


def test_a_run_that_goes_wrong_is_said_with_its_last_words(tmp_path, stand_in, capsys):
    stand_in("wrong")
    assert main(["sweep", "digits", "--grid", "hidden=8,16", "--out", str(tmp_path)]) == 1
    assert "its process ended with status 1, and its last output was: error: it went wrong" in capsys.readouterr().err
    assert begun(tmp_path) == {"0000": 1, "0001": 1}


def test_a_resume_leaves_what_has_ended(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    (tmp_path / "trials" / "0001" / "result.json").unlink()
    assert main(["sweep", "--resume", str(tmp_path)]) == 0
    assert begun(tmp_path) == {"0000": 1, "0001": 2, "0002": 1, "0003": 1}
    assert capsys.readouterr().out.count("best of 4: ") == 2  # what had ended before counts too


@needs_signals
def test_after_ctrl_c_runs_save_and_a_resume_goes_on(tmp_path, stand_in, capsys):
    stand_in("slow")

    def interrupt():
        while len(list(tmp_path.glob("trials/*/ready"))) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    assert main([*GRID, "--out", str(tmp_path)]) == 130
    assert f"resume with: python -m experiments sweep --resume {tmp_path}" in capsys.readouterr().err
    assert len(list(tmp_path.glob("trials/*/saved"))) == len(begun(tmp_path)) == 2
    stand_in()
    assert main(["sweep", "--resume", str(tmp_path)]) == 0
    assert begun(tmp_path) == {"0000": 2, "0001": 2, "0002": 1, "0003": 1}


def test_a_command_goes_on_with_the_run_that_is_there(tmp_path):
    configure = lambda name, args: importlib.import_module("experiments.digits").Config()  # noqa: E731
    sweep = module.Sweep(module.Options(experiment="digits", out=tmp_path, grid=("hidden=8",)), ["--epochs", "2"], configure)
    (trial,) = Grid({"hidden": ["8"]}).trials
    new, again = sweep._commands(trial, tmp_path)
    assert new[3:] == ["digits", "--epochs", "2", "--hidden", "8", "--out", str(tmp_path)]
    assert again[3:] == ["digits", "--resume"]
    says = [sys.executable, "-c", "import sys; print(*sys.argv[1:])"]
    workers, run = Local(1, None), tmp_path / "digits" / "run-0"
    assert workers.run([*says, "new"], [*says, "again"], tmp_path) == 0
    run.mkdir(parents=True)
    (run / "config.json").touch()
    assert workers.run([*says, "new"], [*says, "again"], tmp_path) == 0
    assert (tmp_path / "output.txt").read_text() == f"new\nagain {run}\n"


@pytest.mark.skipif(importlib.util.find_spec("fcntl") is None, reason="needs fcntl, which locks files")
def test_two_sweeps_do_not_write_in_one_place(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    handle = lock(tmp_path, "", "", "")
    assert main(["sweep", "--resume", str(tmp_path)]) == 2
    assert "expected a sweep that no other process is running, got one that is running." in capsys.readouterr().err
    os.close(handle)
    assert main(["sweep", "--resume", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["digits"], "options to try, each in --grid or --search, got []."),
        (["digits", "--grid", "wings=2"], "--grid: expected OPTION=... with one of "),
        (["digits", "--grid", "hidden"], ", got hidden."),
        (["digits", "--grid", "hidden=1", "hidden=2"], ", got hidden=2 a second time."),
        (["digits", "--grid", "hidden=0"], "option --hidden: expected a whole number of at least 1, got 0."),
        (["digits", "--search", "hidden=9:8"], "expected LOW:HIGH or LOW:HIGH:log with LOW below HIGH, got '9:8'."),
        (["digits", "--search", "beta=0:1:log"], "got '0:1:log'."),
        (["digits", "--grid", "hidden=8", "--search", "hidden=8:9"], "each in --grid or --search, got ['hidden', 'hidden']."),
        (["digits", "--grid", "hidden=8", "--workers", "0"], "--workers: expected at least 1, got 0."),
        (["digit", "--grid", "hidden=8"], "Did you mean 'digits'?"),
        (["digits", "--grid", "hidden=8", "--", "--seeds", "2"], "got --seeds 2. For seeds: --grid seed=0,1,2."),
        (["digits", "--grid", "hidden=8", "--", "--out=x"], "got --out=x. For seeds: --grid seed=0,1,2."),
        (
            ["digits", "--grid", "hidden=8,16,8"],
            "expected values that differ, got hidden=8 and hidden=8, which are the same run.",
        ),
        (["digits", "--grid", "beta=.9,0.90"], "got beta=.9 and beta=0.90, which are the same run."),
        (
            ["digits", "--grid", "hidden=8", "--", "--hidden", "4"],
            "expected each option tried or given after the --, got hidden in both.",
        ),
        (["digits", "--search", "batch_size=8:9", "--", "--batch-size=4"], "got batch_size in both."),
        (["digits", "--grid", "smoke=True,False", "--", "--no-smoke"], "got smoke in both."),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_runs(args, text, tmp_path, capsys):
    try:
        status = main(["sweep", "--out", str(tmp_path), *args])
    except SystemExit as stopped:  # of the parser, which frames what it says
        status = stopped.code
    assert status == 2
    assert text in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_a_directory_holds_one_sweep(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    assert main([*GRID, "--out", str(tmp_path)]) == 2
    assert f"Resume it: python -m experiments sweep --resume {tmp_path}" in capsys.readouterr().err
    for args in (["--resume"], ["--resume", "--lowest"]):
        assert main(["sweep", *args]) == 2
        assert "expected a directory, and perhaps --metric, --lowest, --workers, --dask, got " in capsys.readouterr().err
    assert main(["sweep", "--resume", str(tmp_path / "nowhere")]) == 2
    assert "expected a sweep.json, got FileNotFoundError" in capsys.readouterr().err


def test_a_sweep_that_was_edited_names_the_field(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    file = tmp_path / "sweep.json"
    whole = json.loads(file.read_text())
    for changed, text in (
        ({"workers": "two"}, "option workers: expected a whole number, got 'two'. Undo the edit of the file."),
        ({"grid": "hidden=8"}, "option grid: expected a list, each item text, got 'hidden=8'."),
        ({"grid": [8]}, "option grid: expected a list, each item text, got [8]."),
        ({"dask": 1}, "option dask: expected text, or null, got 1."),
        ({"lowest": 0}, "option lowest: expected true or false, got 0."),
        ({"wings": 2}, "options: expected dask, experiment, "),
        ({"fixed": "--smoke"}, "fixed: expected a list of texts, got '--smoke'."),
    ):
        file.write_text(json.dumps(whole | changed))
        capsys.readouterr()
        assert main(["sweep", "--resume", str(tmp_path)]) == 2
        assert capsys.readouterr().err.startswith(f"error: {file}, {text}")
    file.write_text(json.dumps(whole | {"out": "elsewhere"}))  # a sweep may be moved
    assert main(["sweep", "--resume", str(tmp_path)]) == 0


def test_a_result_that_cannot_be_read_fails_its_trial(tmp_path, stand_in, capsys):
    assert main([*GRID, "--out", str(tmp_path)]) == 0
    file = tmp_path / "trials" / "0001" / "result.json"
    values = ('"a"', '"0.5"', "true", "null", "[1]", "1" + "0" * 400)
    metrics = [f'{{"metrics": {{"test_loss": 0.5, "test_accuracy": {value}}}}}' for value in values]
    for content in ("", "[]", "{}", '{"metrics": 3}', *metrics, "[" * 100_000):
        file.write_text(content)
        assert main(["sweep", "--resume", str(tmp_path)]) == 1
        said = capsys.readouterr().err
        assert f"{file}: expected the metrics of a trial, numbers by name, got " in said
        assert "Remove the file: it is written again from the trial's run." in said
    file.unlink()
    assert main(["sweep", "--resume", str(tmp_path)]) == 0


# Studies


def study(place, trials=8):
    return Study(
        place, {"mode": ["a", "b"]}, {"x": Range(0.1, 10.0, True, False), "n": Range(2, 9, False, True)}, trials,
        lowest=True, seed=3,
    )  # fmt: skip


@needs_optuna
def test_a_study_proposes_within_its_ranges_and_goes_on_where_it_was(tmp_path):
    one, found = study(tmp_path / "journal"), []
    for _ in range(4):
        trial = one.ask()
        found.append(trial.options)
        one.tell(trial, float(trial.options["x"]))
    lost = one.ask()  # a process that is killed
    again = study(tmp_path / "journal")
    assert again.ask() == lost
    again.tell(lost, 1.0)
    while trial := again.ask():
        found.append(trial.options)
        again.tell(trial, float(trial.options["x"]))
    assert len(found) == 7
    assert len({options["x"] for options in [*found, lost.options]}) == 8
    assert all(0.1 <= float(options["x"]) <= 10 and int(options["n"]) in range(2, 10) for options in found)
    assert {options["mode"] for options in found} == {"a", "b"}
    assert study(tmp_path / "journal").ask() is None


@needs_optuna
def test_a_study_with_one_worker_repeats_itself(tmp_path):
    def proposed(name):
        one = study(tmp_path / name)
        found = []
        while trial := one.ask():
            found.append(trial.options)
            one.tell(trial, float(trial.options["x"]))
        return found

    assert proposed("one") == proposed("two")


@needs_optuna
def test_a_sweep_searches(tmp_path, stand_in, capsys):
    assert main(["sweep", "digits", "--search", "hidden=4:64", "--trials", "5", "--out", str(tmp_path)]) == 0
    found = [int(one["options"]["hidden"]) for one in results(tmp_path).values()]
    assert len(found) == 5
    assert f"test_accuracy {max(found) / 100:.4f} (hidden={max(found)})" in capsys.readouterr().out


def test_a_search_without_optuna_names_the_extra(tmp_path, monkeypatch, stand_in, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["sweep", "digits", "--search", "hidden=4:64", "--out", str(tmp_path)]) == 2
    assert "Install the extra: pip install 'spikecell[sweep]'." in capsys.readouterr().err
