"""Adding a connection of a new kind takes one file in a copy of the package."""

import shutil
import subprocess
import sys
from pathlib import Path

import snn

ROOT = Path(snn.__file__).parents[1]

ONE_TO_ONE = '''
"""One weight from each input to the neuron of the same number, times a gain."""

import numpy as np

from autograd import Cell, Parameter, ops

from .base import Connection, Way

__all__ = ["OneToOne", "OneToOneConnection"]


class OneToOne(Cell):
    per_sample = True

    def __init__(self, n, gain):
        super().__init__()
        self.weight, self.gain = Parameter(np.linspace(0.5, 1.5, n, dtype=np.float32)), gain

    def construct(self, x):
        return x * (self.weight * self.gain)


class OneToOneConnection(Connection):
    @classmethod
    def of(cls, cell, x):
        return cls(cell, cell.weight * cell.gain, None, cell.weight.dtype) if isinstance(cell, OneToOne) else None

    def way(self, x, backend):
        return Elementwise(x, self.weight.array)


class Elementwise(Way):
    kind, chunk = "one to one", 4

    def __init__(self, x, weight):
        super().__init__(x, "each input has one neuron")
        self.weight = weight

    def current(self, t0, t1):
        return self.x.array[t0:t1] * self.weight

    def back(self, gradient, t0, t1, out, places):
        np.multiply(gradient.reshape(out[t0:t1].shape), self.weight, out=out[t0:t1])

    def add(self, t0, t1, gradient, total):
        made = (gradient * self.x.array[t0:t1].reshape(gradient.shape)).sum(0)
        return made if total is None else total + made

    def weight_gradient(self, total):
        return total
'''

USE = """
import numpy as np

import snn
from autograd import Tensor, nn, value_and_grad
from snn.connections.onetoone import OneToOne

net = nn.SequentialCell(
    nn.Dense(5, 6, rng=0), snn.LIFNode(beta=0.9), OneToOne(6, 2.0), snn.LIFNode(beta=0.8), OneToOne(6, 0.5)
)
x = Tensor(np.random.default_rng(0).random((11, 3, 5)).astype(np.float32) * 3)
shown = []
for mode in ("eager", "python"):
    rates = []

    def loss(x):
        out = snn.run(net, x, mode=mode)[0]
        rates.append(float((out.asnumpy() != 0).mean()))
        return (out * (1 + x[:, :, :1])).sum()

    value, (by_x, by_weights) = value_and_grad(loss, 0, net.trainable_params())(x)
    shown.append([value.asnumpy(), by_x.asnumpy(), *(g.asnumpy() for g in by_weights)])
    assert 0.05 < rates[0] < 0.95, rates
for eager, compiled in zip(*shown, strict=True):
    assert np.abs(eager).max() > 0
    np.testing.assert_allclose(compiled, eager, rtol=2e-5, atol=2e-5)
snn.explain(net, x)
"""


def test_a_connection_of_a_new_kind_is_one_file(tmp_path):
    for package in ("autograd", "snn"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "snn" / "connections" / "onetoone.py").write_text(ONE_TO_ONE, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("one to one: each input has one neuron") == 2
