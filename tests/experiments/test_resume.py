"""Runs that are killed or interrupted and resume, and runs that are repeated.

SPIKECELL_KILLS=200 kills more often.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError
from experiments import fitting, manifest, replay
from experiments.__main__ import main, names
from experiments.harness import RunDirectory, plain

from .conftest import ROOT

KILLS = int(os.environ.get("SPIKECELL_KILLS", "4"))
SMALL = ["digits", "--hidden", "8", "--steps", "4", "--epochs", "2", "--batch-size", "300", "--mode", "eager"]


def bits(directory):
    """Return all that a run leaves, except its times."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    found = {path.name: path.read_bytes() for path in directory.glob("*.p[nd][gf]")}
    with np.load(directory / "weights.npz") as weights:
        found |= {name: a.tobytes() for name, a in weights.items()}
    return found, [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the directory of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert main([*SMALL, "--out", str(out)]) == 0
    (directory,) = (out / "digits").iterdir()
    assert len(bits(directory)[0]) == 12
    return directory


SCRIPT = """
import contextlib, os, pathlib, random, shutil, signal, sys, time
from experiments.__main__ import load, main

out, kills, small = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
name = small[0]
load(name)
import matplotlib.pyplot

def run(arguments):
    child = os.fork()
    if not child:
        with open(os.devnull, "w") as none, contextlib.redirect_stdout(none), contextlib.redirect_stderr(none):
            status = main(arguments)
        os._exit(status)
    return child

draw, done, arguments, started = random.Random(0), 0, [*small, "--save-every", "0", "--out", str(out)], 0
while True:
    start, child = time.perf_counter(), run(arguments)
    if done < kills:
        time.sleep(draw.uniform(0, 1.0))
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -9), status
    if not status:
        break
    done += 1
    for place in (out / name).glob("*"):
        if (place / "config.json").exists():
            arguments = [name, "--resume", str(place)]
        else:  # killed before there was anything
            shutil.rmtree(place)
print(done)
"""


def killed(out, kills, options):
    """Run an experiment, kill and resume it up to so many times, and return its directory."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(out), str(kills), *options],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(out)},  # for made-up data files, which a killed process leaves behind
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= kills / 2
    (directory,) = (out / options[0]).iterdir()
    assert [path.name for path in directory.rglob("*.partial")] == []
    return directory


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_run_that_is_killed_again_and_again_leaves_the_same_bits(tmp_path, whole):
    assert bits(killed(tmp_path, KILLS, SMALL)) == bits(whole)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_run_on_files_with_norms_and_dropout_that_is_killed_leaves_the_same_bits(tmp_path):
    small = ["nmnist", "--smoke", "--hidden", "4", "--dense", "16", "--steps", "2", "--mode", "eager"]
    assert main([*small, "--out", str(tmp_path / "whole")]) == 0
    (whole,) = (tmp_path / "whole" / "nmnist").iterdir()
    assert bits(killed(tmp_path / "killed", max(2, KILLS // 4), small)) == bits(whole)


@pytest.mark.parametrize("at", [4, 9])
def test_ctrl_c_says_how_to_go_on_and_the_bits_are_the_same(tmp_path, whole, monkeypatch, capsys, at):
    calls, direct = [], snn.encode.direct

    def pressed(*args):
        calls.append(1)
        if len(calls) == at:
            signal.raise_signal(signal.SIGINT)
        return direct(*args)

    monkeypatch.setattr(snn.encode, "direct", pressed)
    assert main([*SMALL, "--out", str(tmp_path)]) == 130
    monkeypatch.undo()
    (directory,) = (tmp_path / "digits").iterdir()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"interrupted; resume with: python -m experiments digits --resume {directory}"
    assert not (directory / "weights.npz").exists()
    assert main(["digits", f"--resume={directory}"]) == 0
    assert capsys.readouterr().err.count("note:") == 0
    assert bits(directory) == bits(whole)


def test_a_run_that_has_ended_makes_its_figures_again(tmp_path, whole, capsys):
    before = bits(whole)
    for path in whole.glob("*.p[nd][gf]"):
        path.unlink()
    assert main(["digits", "--resume", str(whole)]) == 0
    assert bits(whole) == before


def refused(capsys, *arguments):
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


def test_what_cannot_be_gone_on_with_is_refused(tmp_path, whole, capsys):
    place = str(whole)
    assert refused(capsys, "digits", "--resume", place, "--epochs", "3").startswith(
        "error: experiment digits: expected --resume with a run directory and nothing else, "
        f"got --resume {place} --epochs 3. A run resumes with its own options."
    )
    assert "nothing else" in refused(capsys, "digits", "--epochs", "3", "--resume", place)
    assert "nothing else" in refused(capsys, "digits", "--resume")
    assert refused(capsys, "traces", "--resume", place) == (
        "error: experiment traces, --resume: expected a run of traces, got one of digits. "
        f"Use: python -m experiments digits --resume {place}\n"
    )
    assert refused(capsys, "digits", "--resume", str(tmp_path)) == (
        f"error: run directory {tmp_path}: expected the directory of a run, got no config.json in it "
        "(No such file or directory). Pass one such as runs/digits/<time>-0.\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{",
        '{"experiment": "digits"}',
        "[" * 100_000,
        '{"experiment": 1, "options": {}}',
        '{"experiment": "digits", "options": {}, "versions": []}',
    ],
)
def test_a_config_of_something_else_is_refused(tmp_path, capsys, text):
    (tmp_path / "config.json").write_text(text)
    for arguments in (["digits", "--resume"], ["replay"]):
        assert "expected the directory of a run, got a config.json" in refused(capsys, *arguments, str(tmp_path))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"wings": 2}, "{}, options: expected batch_size, beta, "),
        ({"epochs": "many"}, "{}, option epochs: expected a whole number, got 'many'. Undo the edit of the file."),
        ({"epochs": True}, "{}, option epochs: expected a whole number, got True."),
        ({"epochs": 2.0}, "{}, option epochs: expected a whole number, got 2.0."),
        ({"smoke": 1}, "{}, option smoke: expected true or false, got 1."),
        ({"learning_rate": None}, "{}, option learning_rate: expected a number, got None."),
        ({"learning_rate": [1]}, "{}, option learning_rate: expected a number, got [1]."),
        ({"out": 3}, "{}, option out: expected a path as text, got 3."),
        ({"mode": "fast"}, "{}, option mode: expected one of 'auto', 'eager', 'compiled', got 'fast'."),
        ({"mode": ["auto"]}, "{}, option mode: expected one of 'auto', 'eager', 'compiled', got ['auto']."),
        ({"epochs": 0}, "option --epochs: expected a whole number of at least 1, got 0"),
    ],
)
def test_invalid_options_are_refused(tmp_path, whole, capsys, changed, text):
    config = json.loads((whole / "config.json").read_text())
    config["options"] |= changed
    (tmp_path / "config.json").write_text(json.dumps(config))
    for arguments in (["digits", "--resume"], ["replay"]):
        assert text.format(tmp_path / "config.json") in refused(capsys, *arguments, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_every_option_of_every_experiment_comes_back_and_none_of_another_type(tmp_path):
    for name in names():
        config = importlib.import_module(f"experiments.{name}").Config
        options, file = plain(config()), tmp_path / "config.json"
        assert config.saved(json.loads(json.dumps(options)), file) == config()
        for option in options:
            with pytest.raises(ArgumentError, match=rf"config\.json, option {option}: expected .*, got \{{\}}\. Undo"):
                config.saved(options | {option: {}}, file)


def test_a_run_that_another_process_is_at_is_refused(whole, capsys):
    fcntl = pytest.importorskip("fcntl", reason="needs fcntl, which locks files")
    handle = os.open(whole, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert refused(capsys, "digits", "--resume", str(whole)) == (
            f"error: run directory {whole}: expected a run that no other process is writing, "
            "got one that another process is writing. "
            "Wait until it ends.\n"
        )
    finally:
        os.close(handle)
    assert RunDirectory.again(whole).name == "digits"


# Replay


def test_a_run_is_repeated_to_the_bit(whole, capsys):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert main(["replay", str(whole)]) == 0
    *files, last = capsys.readouterr().out.splitlines()[1:]
    figures = [f"{name}.{kind}" for name in ("confusion", "raster", "traces", "training") for kind in ("pdf", "png")]
    names = sorted([*figures, "metrics.jsonl", "weights.npz"])
    assert files == [f"{name}: the same bits" for name in names]
    assert last == f"{whole} was repeated to the bit"
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


def test_what_differs_is_said_with_what_may_be_the_reason(smoke, tmp_path, monkeypatch, capsys):
    import shutil

    place = shutil.copytree(smoke("traces").directory, tmp_path / "run")
    (place / "traces.png").write_bytes(b"another")
    config = json.loads((place / "config.json").read_text())
    here = config["cpu"]["model"]
    config["cpu"]["model"], config["versions"]["numpy"], config["blas"]["num threads of numpy"] = "Z80", "1.0", 99
    config["code"]["snn"] = "0" * 16
    (place / "config.json").write_text(json.dumps(config))
    assert main(["replay", str(place)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "traces.png: another file" in lines
    assert f"{place} was not repeated. Differences between then and now:" in lines
    assert f"  CPU: model: Z80 then, {here[:80]} now" in lines
    assert f"  version of numpy: 1.0 then, {np.__version__} now" in lines
    assert any(line.startswith("  BLAS: num threads of numpy: 99 then, ") for line in lines)
    assert any(line.startswith("  code of snn: 0000000000000000 then, ") for line in lines)
    assert len(lines) == lines.index(f"{place} was not repeated. Differences between then and now:") + 5


def test_the_differences_in_numbers_are_said(whole, tmp_path, capsys):
    from experiments.replay import _difference

    for name in ("weights.npz", "metrics.jsonl"):
        assert _difference(whole / name, whole / name) == ""
    with np.load(whole / "weights.npz") as saved:
        weights = dict(saved)
    other = tmp_path / "weights.npz"
    first = next(iter(weights))
    changed = weights[first].copy()
    changed.flat[3] += 0.5
    np.savez(other, **weights | {first: changed})
    assert _difference(whole / "weights.npz", other).startswith(
        f"{first} differs in 1 of {changed.size:,} numbers, by up to 0.5"
    )
    np.savez(other, **weights | {first: changed[:1]})
    assert _difference(whole / "weights.npz", other).startswith(f"{first} is float32[1, ")
    np.savez(other, **weights | {"more": changed})
    assert _difference(whole / "weights.npz", other) == "other names, more"
    lines = (whole / "metrics.jsonl").read_text().splitlines()
    (tmp_path / "metrics.jsonl").write_text(lines[0] + "\n")
    assert _difference(whole / "metrics.jsonl", tmp_path / "metrics.jsonl") == "1 lines, not 2"
    (tmp_path / "metrics.jsonl").write_text(f"{lines[0]}\n" + json.dumps(json.loads(lines[1]) | {"train_loss": 9.0}) + "\n")
    assert _difference(whole / "metrics.jsonl", tmp_path / "metrics.jsonl").startswith("line 2: train_loss is 9.0, not ")


def test_a_run_that_has_not_ended_is_not_repeated(smoke, whole, tmp_path, capsys, monkeypatch):
    import shutil

    (tmp_path / "config.json").write_bytes((smoke("traces").directory / "config.json").read_bytes())
    (tmp_path / "mine.txt").write_text("")
    assert refused(capsys, "replay", str(tmp_path)) == (
        f"error: replay {tmp_path}: expected a finished run, with traces.pdf, traces.png, "
        "got no traces.pdf, traces.png. "
        f"Finish it first: python -m experiments traces --resume {tmp_path}\n"
    )
    for name in ("traces", "digits"):
        monkeypatch.setattr(f"experiments.{name}.run", lambda *_: pytest.fail("it is run before it is looked at"))
    (tmp_path / "mine.txt").unlink()
    assert "expected a finished run, got one that has made no files yet." in refused(capsys, "replay", str(tmp_path))
    place = shutil.copytree(whole, tmp_path / "run")
    lines = (place / "metrics.jsonl").read_text().splitlines()
    (place / "metrics.jsonl").write_text(lines[0] + "\n")
    assert "expected a finished run, got one with 1 epochs to go." in refused(capsys, "replay", str(place))
    assert "expected a run directory, got none" in refused(capsys, "replay")


def test_going_on_elsewhere_is_said(tmp_path, smoke, capsys, monkeypatch):
    import shutil

    place = shutil.copytree(smoke("traces").directory, tmp_path / "run")
    now = manifest.manifest()
    monkeypatch.setattr(manifest, "manifest", lambda: now | {"versions": now["versions"] | {"numpy": "9.0"}})
    assert main(["traces", "--resume", str(place)]) == 0
    assert capsys.readouterr().err == (
        f"note: the bits may differ from those of an uninterrupted run: version of numpy: {np.__version__} then, 9.0 now\n"
    )


def test_a_run_that_has_ended_is_free_at_once(tmp_path, capsys):
    pytest.importorskip("fcntl", reason="needs fcntl, which locks files")
    gc.disable()
    try:
        assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path)]) == 0
        (directory,) = (tmp_path / "digits").iterdir()
        RunDirectory.again(directory).close()
        RunDirectory.again(directory)
    finally:
        gc.enable()


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_a_damaged_file_of_weights_is_a_difference(content, tmp_path):
    then, now = tmp_path / "then.npz", tmp_path / "now.npz"
    np.savez(now, a=np.ones(3))
    then.write_bytes(content)
    assert replay._difference(then, now).startswith("the file of the first run cannot be read (")
    np.savez(then, a=np.ones(3))
    assert replay._difference(then, now) == ""


# Edited options


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    """Return the directory of a run of one epoch."""
    out = tmp_path_factory.mktemp("brief")
    assert main([*SMALL, "--epochs", "1", "--out", str(out)]) == 0
    (directory,) = (out / "digits").iterdir()
    return directory


def edited(brief, place, changes):
    import shutil

    shutil.copytree(brief, place)
    config = json.loads((place / "config.json").read_text())
    assert all(config["options"][name] != value for name, value in changes.items())
    config["options"] |= changes
    (place / "config.json").write_text(json.dumps(config))
    return str(place)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 1),
        ("beta", 0.5),
        ("batch_size", 100),
        ("epochs", 2),
        ("hidden", 9),
        ("mode", "compiled"),
        ("learning_rate", 1.0),
    ],
)
def test_an_option_that_was_edited_is_refused_by_its_name(brief, tmp_path, capsys, name, value):
    place = edited(brief, tmp_path / "run", {name: value})
    before = bits(tmp_path / "run")
    said = refused(capsys, "digits", "--resume", place)
    had = json.loads((brief / "config.json").read_text())["options"][name]
    assert f": expected {name}={had!r}, got {name}={value!r}. Nothing was loaded." in said
    assert said.endswith("  If config.json was edited, undo the edit: a run resumes with its own options.\n")
    assert bits(tmp_path / "run") == before


def test_options_that_change_no_bits_may_be_edited(brief, tmp_path):
    place = edited(brief, tmp_path / "run", {"out": str(tmp_path), "save_every": 7.0, "seeds": 3})
    assert main(["digits", "--resume", place]) == 0
    assert bits(tmp_path / "run") == bits(brief)


def test_a_run_whose_checkpoints_have_no_options_resumes(brief, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "_settings", lambda config: None)
    assert main([*SMALL, "--epochs", "1", "--out", str(tmp_path)]) == 0
    monkeypatch.undo()
    (directory,) = (tmp_path / "digits").iterdir()
    checkpoints = snn.checkpoint.Checkpoints(directory / "checkpoints")
    assert set(checkpoints.load()["config"]) == {"clip", "accumulate"}
    assert main(["digits", "--resume", str(directory)]) == 0
    assert bits(directory) == bits(brief)
