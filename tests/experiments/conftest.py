"""Smoke runs of every experiment, each once, in its own process."""

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
needs_limits = pytest.mark.skipif(
    importlib.util.find_spec("resource") is None, reason="needs the module resource to limit the size of files"
)


@dataclass
class Smoke:
    """What a run left."""

    directory: Path
    stdout: str
    stderr: str


def python(*args, **options):
    """Run Python in the repository."""
    return subprocess.run([sys.executable, *args], cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Return a function from the name of an experiment to its smoke run."""
    done = {}

    def run(name):
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            finished = python("-W", "error", "-m", "experiments", name, "--smoke", "--out", str(out))
            assert finished.returncode == 0, finished.stderr
            (directory,) = (out / name).iterdir()
            done[name] = Smoke(directory, finished.stdout, finished.stderr)
        return done[name]

    return run
