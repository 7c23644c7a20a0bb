"""python -m experiments: its lists, its help and its errors."""

import dataclasses
import importlib
import re

import pytest

from experiments.__main__ import _configured, main, names

from .conftest import needs_limits, python

every_experiment = pytest.mark.parametrize("name", names())


def options_of(name):
    fields = dataclasses.fields(importlib.import_module(f"experiments.{name}").Config)
    return ["--" + field.name.replace("_", "-") for field in fields]


def refused(capsys, *args):
    """Run the command line; return what it says of args that it refuses."""
    assert main(list(args)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize("args", [[], ["-h"], ["--help"]], ids=" ".join)
def test_the_command_lists_every_experiment_with_a_line_about_it(args, capsys):
    assert main(args) == 0
    usage, _, listing = capsys.readouterr().out.partition("\n\n")
    assert usage.startswith("usage: python -m experiments NAME [options]")
    assert "python -m experiments NAME --resume DIR " in usage
    assert "python -m experiments replay DIR " in usage
    assert "python -m experiments report DIR..." in usage
    assert "python -m experiments sweep NAME ..." in usage
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in listing.splitlines()}
    assert list(listed) == names()
    for name, text in listed.items():
        assert importlib.import_module(f"experiments.{name}").__doc__.startswith(text)


@pytest.mark.parametrize("asked", ["-h", "--help"])
@pytest.mark.parametrize(("name", "text"), [("report", "report.html in the current directory"), ("replay", "is only read")])
def test_help_of_a_command_says_what_it_does(name, text, asked, capsys):
    assert main([name, asked]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: python -m experiments {name} DIR")
    assert text in " ".join(printed.split())


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("", (32, 2, 8)), ("--hidden 16 --epochs 5", (16, 5, 8)), ("--hidden 128", (128, 2, 8)), ("--epochs 60", (32, 60, 8))
    ],
)  # fmt: skip
def test_a_smoke_run_keeps_the_options_that_are_given(args, expected):
    config = _configured("digits", ["--smoke", *args.split()])
    assert (config.hidden, config.epochs, config.steps) == expected
    assert config.smoke
    assert _configured("digits", []).hidden == 128


@every_experiment
def test_help_of_an_experiment_shows_every_option_and_what_it_is(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for option in options_of(name):
        assert option in text
    assert "Seed of all random numbers" in text
    assert importlib.import_module(f"experiments.{name}").__doc__.split(".")[0] in " ".join(text.split())


@pytest.mark.parametrize(
    ("given", "fix"), [("digit", "Did you mean 'digits'?"), ("imagenet", "List them with: python -m experiments")]
)
def test_an_unknown_experiment(given, fix, capsys):
    assert refused(capsys, given, "--smoke") == (
        f"error: python -m experiments: expected one of {', '.join(names())}, got {given!r}. {fix}\n"
    )


@pytest.mark.parametrize(
    "given", ["harness", "fitting", "results", "study", "training", "manifest", "__main__", "../digits", ""]
)
def test_the_machinery_is_no_experiment(given, capsys):
    assert f"expected one of {', '.join(names())}, got {given!r}." in refused(capsys, given)


@pytest.mark.parametrize(
    ("given", "fix"), [("--epoch 3", "Did you mean --epochs?"), ("--wings", "See: python -m experiments digits --help")]
)
def test_an_unknown_option(given, fix, capsys, tmp_path):
    text = refused(capsys, "digits", *given.split(), "--out", str(tmp_path))
    assert text == f"error: experiment digits: expected the options {', '.join(options_of('digits'))}, got {given}. {fix}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("--epochs many", "invalid literal for int() with base 10: 'many'"),
        ("--epochs 0", "option --epochs: expected a whole number of at least 1, got 0."),
        ("--batch-size 0", "option --batch-size: expected a whole number of at least 1, got 0."),
        ("--seeds 0", "option --seeds: expected a whole number of at least 1, got 0."),
        ("--seed -1", "option --seed: expected a whole number of at least 0, got -1."),
    ],
)
def test_an_option_that_cannot_be_used(given, text, capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["digits", *given.split(), "--out", str(tmp_path)])
    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert text in " ".join(printed.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("under", ["file", "file/deeper"])
def test_a_run_directory_that_cannot_be_made(under, capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    text = refused(capsys, "traces", "--out", str(tmp_path / under))
    place = tmp_path / under / "traces"
    assert text == (
        f"error: writing {place}: expected a writable directory with free space, got Not a directory. "
        "The existing files were not changed. Choose another place with --out.\n"
    )
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_in_the_place_of_the_experiments_directory(capsys, tmp_path):
    (tmp_path / "traces").write_text("mine")
    assert "got File exists. The existing files were not changed." in refused(capsys, "traces", "--out", str(tmp_path))
    assert (tmp_path / "traces").read_text() == "mine"


WITHOUT = "import sys; sys.modules[{0!r}] = None; from experiments.__main__ import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("package", "name"), [("sklearn", "digits"), ("safetensors", "digits"), ("tyro", "traces"), ("matplotlib", "traces")]
)
def test_a_package_of_the_extra_that_is_not_installed(package, name, tmp_path):
    done = python("-c", WITHOUT.format(package), name, "--smoke", "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"error: experiment {name}: expected the package {package}, got no such package in this environment. "
        "Install the extra: pip install 'spikecell[experiments]'.\n"
    )
    assert not list(tmp_path.iterdir())


FULL = """
import resource, sys
from experiments.__main__ import load, main
load(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@needs_limits
def test_a_disk_that_is_full_in_the_middle_of_a_run(tmp_path):
    """Files of more than 40,000 bytes cannot be written: checkpoints and weights are there, not all figures. It can go on."""
    done = python("-c", FULL, "40000", "digits", "--smoke", "--hidden", "8", "--out", str(tmp_path))
    (directory,) = (tmp_path / "digits").iterdir()
    assert done.returncode == 2
    assert re.search(
        rf"error: writing {directory}/\w+\.(png|pdf): expected a writable directory with free space, "
        r"got File too large\. The existing files were not changed\. Choose another place with --out\.\n$", done.stderr,
    )  # fmt: skip
    assert {path.name for path in directory.iterdir()} >= {"config.json", "metrics.jsonl", "checkpoints", "weights.npz"}
    assert len((directory / "metrics.jsonl").read_text().splitlines()) == 2
    assert main(["digits", "--resume", str(directory)]) == 0
    assert {path.suffix for path in directory.iterdir()} == {".json", ".jsonl", ".npz", ".pdf", ".png", ""}


def test_a_disk_that_is_full_from_the_start(tmp_path):
    done = python("-c", FULL, "10", "traces", "--smoke", "--out", str(tmp_path))
    assert done.returncode == 2
    assert re.match(rf"error: writing {re.escape(str(tmp_path))}/traces/[^/]+/config\.json: ", done.stderr)
    assert not list((tmp_path / "traces").iterdir())
