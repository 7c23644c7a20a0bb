"""Runs what the README and the docs show: Python as it stands, commands as their quick version."""

import doctest
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from experiments.__main__ import names
from experiments.mnist import write_small_set

ROOT = Path(__file__).parent
collect_ignore_glob = ["docs/*.py"]  # they need the extra of the docs


def pytest_configure(config):
    """Have a cache for all workers and their processes, which is not the user's; $SPIKECELL_CACHE names one to keep."""
    if "SPIKECELL_CACHE" not in os.environ:
        place = tempfile.TemporaryDirectory(prefix="spikecell-")
        os.environ["SPIKECELL_CACHE"] = place.name
        config.add_cleanup(place.cleanup)


class ShellParser(CodeBlockParser):
    """Runs `sh` blocks.

    What starts with `make` is run by CI, which is checked. An experiment is run with --smoke, and with a small set of its own
    in the place of path/to/mnist; one without options is run so by tests/experiments, if it is there.
    """

    language = "sh"

    def evaluate(self, example: Example) -> None:
        for line in example.parsed.strip().splitlines():
            command = shlex.split(line)
            if command[0] == "make":
                assert line in (ROOT / ".ci" / "run").read_text().splitlines(), f"{line} is not run by .ci/run"
                continue
            assert command[0] == ".venv/bin/python", f"no way to run {line!r} here"
            if command[:3] == [".venv/bin/python", "-m", "experiments"] and command[3:] in [[name] for name in names()]:
                continue
            if len(command) > 3 and "--help" not in command:
                command += ["--smoke", "--out", example.namespace["tmp"]]
            if "path/to/mnist" in command:
                place = Path(example.namespace["tmp"]) / "data"
                place.mkdir(exist_ok=True)
                write_small_set(place)
                command[command.index("path/to/mnist")] = str(place)
            subprocess.run([sys.executable, *command[1:]], cwd=ROOT, check=True, capture_output=True, env={**os.environ})


@pytest.fixture
def tmp(tmp_path):
    return str(tmp_path)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS), ShellParser()],
    patterns=["README.md", "docs/*.md"],
    fixtures=["tmp"],
).pytest()
