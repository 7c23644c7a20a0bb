"""What importing the library brings in."""

import subprocess
import sys

import pytest

HEAVY = ("numba", "matplotlib", "scipy", "sklearn", "tyro", "tqdm", "torch")


@pytest.mark.parametrize("imports", ["autograd, snn", "snn", "autograd"])
def test_importing_the_library_imports_nothing_heavy(imports):
    code = f"import {imports}, sys; print([m for m in sys.modules if m.split('.')[0] in {HEAVY}])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_autograd_imports_nothing_of_the_floors_above():
    code = "import autograd, sys; print([m for m in sys.modules if m.split('.')[0] in ('snn', 'experiments', 'benchmarks')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
