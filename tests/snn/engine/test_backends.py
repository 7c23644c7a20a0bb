"""Back ends: each is a folder, whose name appears nowhere else."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import errors
from snn.engine.backends import back_end, modes, switched_off

ROOT = Path(snn.__file__).parents[1]

COUNTING = '''
"""Plain Python that counts what is called."""

import functools
from collections import Counter
from types import ModuleType

from ..base import BackEnd
from ..python import BACK_END as PLAIN

__all__ = ["BACK_END"]

CALLS = Counter()


class Counting(BackEnd):
    def load(self, source):
        found = ModuleType("counted")
        for name, value in vars(super().load(source)).items():
            setattr(found, name, self.counted(name, value) if hasattr(value, "__wrapped__") else value)
        return found

    def counted(self, name, function):
        @functools.wraps(function)
        def call(*arguments):
            CALLS[name] += 1
            return function(*arguments)

        return call


BACK_END = Counting("counted", PLAIN.folder)
'''

USE = """
import numpy as np, snn
from autograd import Tensor, nn, value_and_grad
from snn.engine import tuning
from snn.engine.backends.counting import CALLS

rng = np.random.default_rng(0)
x = Tensor((rng.random((8, 3, 20)) < 0.3).astype(np.float32))
layers = [nn.Dense(20, 12, rng=1), snn.LIFNode(beta=0.5, surrogate_function=snn.surrogate.triangle())]
layers += [snn.Recurrent(snn.LIFNode(beta=0.5), 12, rng=2), nn.Dense(12, 4, rng=3), snn.IFNode()]
net = nn.SequentialCell(*layers)
for parameter in net.trainable_params():
    parameter.set_data(np.round(16 * parameter.asnumpy()) / 8)


def step(mode):
    def loss(x):
        out = snn.run(net, x, mode=mode)[0]
        assert 0.02 < (out.asnumpy() != 0).mean() < 0.98
        return (out * (1 + np.arange(4, dtype=np.float32))).sum()

    value, (by_x, by_weights) = value_and_grad(loss, 0, net.trainable_params())(x)
    return [value, by_x, *by_weights]


with tuning.using(little_work=0, dense_density=1.0):
    for eager, counted in zip(step("eager"), step("counted"), strict=True):
        assert np.abs(eager.asnumpy()).max() > 0
        np.testing.assert_allclose(counted.asnumpy(), eager.asnumpy(), rtol=1e-5, atol=1e-5)
    assert {"forward", "backward", "mark", "pack"} <= CALLS.keys(), CALLS
    before = CALLS["forward"]
    step("python")
    assert CALLS["forward"] == before > 0
    snn.health(net, x, mode="counted")
    assert CALLS["forward"] > before
try:
    snn.run(net, x, mode="counting")
except ValueError as error:
    assert "expected mode 'auto', 'eager', 'counted', 'compiled' or 'python', got 'counting'" in str(error), error
else:
    raise AssertionError("a folder is no mode")
"""


def test_a_back_end_is_one_folder(tmp_path):
    for package in ("autograd", "snn"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "snn" / "engine" / "backends" / "counting"
    folder.mkdir()
    (folder / "__init__.py").write_text(COUNTING, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_but_the_folder_of_back_ends_names_one():
    backends = ROOT / "snn" / "engine" / "backends"
    names = [found.name for found in backends.iterdir() if (found / "__init__.py").exists()]
    assert len(names) > 1
    named = re.compile(rf"backends\.({'|'.join(names)})\b|\bjit\b")
    files = [file for file in (ROOT / "snn").rglob("*.py") if backends not in file.parents]
    assert len(files) > 100
    assert not [file for file in files if named.search(file.read_text(encoding="utf-8"))]


def test_another_takes_the_place_of_one_that_is_switched_off(monkeypatch):
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    assert back_end() is modes()["compiled"]
    assert switched_off() is None
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert back_end() is back_end("python") is modes()["python"]
    assert switched_off() == "Numba is switched off"


def test_an_unknown_mode_is_refused_with_those_there_are():
    with pytest.raises(errors.ArgumentError, match=r"expected mode 'auto', 'eager', 'compiled' or 'python', got 'numba'"):
        snn.run(snn.IFNode(), np.ones((2, 1, 1), np.float32), mode="numba")
