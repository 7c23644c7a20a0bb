"""Runs the listings of the README and the docs: Python unchanged, commands in their quick version."""

import doctest
import gc
import os
import re
import shlex
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.myst import PythonCodeBlockParser

from experiments.__main__ import main, names
from experiments.mnist import write_small_set

ROOT = Path(__file__).parent
collect_ignore_glob = ["docs/*.py", "docs/extensions/*.py"]  # they need the extra 'docs'


def pytest_configure(config):
    """Set up a cache for all workers and their processes, apart from the user's; $SPIKECELL_CACHE names one to keep.

    Also restore the handler of interrupts: a shell that starts this in the background ignores them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "SPIKECELL_CACHE" not in os.environ:
        place = tempfile.TemporaryDirectory(prefix="spikecell-")
        os.environ["SPIKECELL_CACHE"] = place.name
        config.add_cleanup(place.cleanup)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Pause the garbage collector while pytest finds tests; it would visit each of them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


class ShellParser(CodeBlockParser):
    """Runs `sh` blocks.

    CI runs the `make` lines, which is checked here. An experiment runs in this process, with --smoke and at most two seeds,
    below its own directory, and with a small set instead of path/to/mnist. tests/experiments runs experiments without options
    or with only the path of their data, those in TESTED, and those with ranks.
    """

    language = "sh"
    TESTED = (["digits", "--seeds", "5"], *([name, "--data", f"path/to/{name}"] for name in names()))

    def evaluate(self, example: Example) -> None:
        for line in example.parsed.strip().splitlines():
            command = shlex.split(line)
            if command[0] == "make":
                ran = re.findall(r"^timed make (.*)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
                assert command[1] in " ".join(ran).split(), f"{line} is not run by .ci/run"
                continue
            if command[0] == ".venv/bin/mpiexec":
                tests = (ROOT / "tests" / "experiments" / "test_ranks.py").read_text(encoding="utf-8")
                assert line.replace(".venv/bin/", "") in tests, f"{line} is not run by tests/experiments/test_ranks.py"
                continue
            assert command[:3] == [".venv/bin/python", "-m", "experiments"], f"no way to run {line!r} here"
            self.experiment(command[3:], example.namespace["tmp"])

    @staticmethod
    def experiment(arguments: list[str], out: str) -> None:
        if arguments in [*([name] for name in names()), *ShellParser.TESTED]:
            return
        if "--help" in arguments:
            with pytest.raises(SystemExit, match="0"):
                main(arguments)
            return
        arguments = [str(Path(out) / argument) if argument.startswith("runs/") else argument for argument in arguments]
        if arguments[:1] in (["report"], ["sweep"]):
            assert main(arguments + ["--smoke"] * (arguments[0] == "sweep")) == 0
            return
        if arguments:
            arguments += ["--smoke", "--out", out]
        if "--seeds" in arguments:
            arguments[arguments.index("--seeds") + 1] = "2"
        if "path/to/mnist" in arguments:
            place = Path(out) / "data"
            place.mkdir(exist_ok=True)
            write_small_set(place)
            arguments[arguments.index("path/to/mnist")] = str(place)
        assert main(arguments) == 0


@pytest.fixture
def tmp(tmp_path):
    return str(tmp_path)


def close_figures(namespace):
    """Close the figures of a page; matplotlib warns if too many are open."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS), ShellParser()],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    fixtures=["tmp"],
    teardown=close_figures,
).pytest()
