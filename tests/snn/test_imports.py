"""Imports and side effects of importing the library."""

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


CHANGES = """
import sys, types
from importlib import import_module
from pkgutil import walk_packages

import autograd

for found in walk_packages(autograd.__path__, "autograd."):
    import_module(found.name)

def held():
    found, waiting, known = {}, [m for name, m in sys.modules.items() if name.partition(".")[0] == "autograd"], set()
    while waiting:
        owner = waiting.pop()
        ours = getattr(owner, "__module__", None) or getattr(owner, "__name__", "")
        if id(owner) in known or not (isinstance(owner, dict) or str(ours).partition(".")[0] == "autograd"):
            continue
        known.add(id(owner))
        parts = owner if isinstance(owner, dict) else getattr(owner, "__dict__", {})
        for name, value in parts.items():
            if not str(name).startswith("__"):
                found[id(owner), str(name)] = owner, value
                waiting.append(value)
    return found

before = held()
import snn
after = held()
changed = [name for key in before.keys() | after.keys() for name in key[1:]
           if key not in before or key not in after or before[key][1] is not after[key][1]]
print(len(before), changed)
"""


def test_importing_snn_changes_nothing_in_autograd():
    done = subprocess.run([sys.executable, "-c", CHANGES], capture_output=True, text=True, check=True)
    held, changed = done.stdout.split(" ", 1)
    assert int(held) > 1000
    assert changed.strip() == "[]"


def test_optimizers_and_pooling_get_their_loops_with_the_first_compiled_run():
    code = """
import sys, numpy as np, snn
from autograd import Parameter, Tensor, optim, windows
def step():
    weight = Parameter(np.linspace(-1, 1, 1 << 14, dtype=np.float32))
    optim.Adam([weight], 0.1)((Tensor(np.linspace(1, 3, 1 << 14, dtype=np.float32)),))
    return weight.asnumpy()
before = step()
print(optim.Adam.compiled, windows.compiled, "numba" in sys.modules)
snn.run(snn.IFNode(), np.ones((4, 2, 3), np.float32), mode="compiled")
print(optim.Adam.compiled.func.__module__, type(windows.compiled).__module__, np.array_equal(step(), before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["None None False", "snn.engine.update snn.engine.windows True"]
