"""Adding a file adds a neuron: it is found everywhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import snn

ROOT = Path(snn.__file__).parents[1]

NEURON = '''
"""A neuron that halves its membrane."""

from .base import Neuron

__all__ = ["HalvingNode"]


class HalvingNode(Neuron):
    drive = 0.6

    def charge(self, x, v):
        return 0.5 * v + x
'''

SURROGATE = '''
"""A surrogate of constant derivative."""

from autograd import ops

from .base import Surrogate

__all__ = ["constant_slope"]


class constant_slope(Surrogate):
    def __init__(self, alpha=1.0):
        super().__init__(alpha)

    def derivative(self, u):
        return ops.zeros_like(u) + self.alpha

    def primitive(self, u):
        return self.alpha * u
'''


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Return a copy of the sources with a neuron and a surrogate added, each by a file."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("autograd", "snn", "experiments", "tests/snn"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    (root / "snn" / "neurons" / "halving.py").write_text(NEURON)
    (root / "snn" / "surrogate" / "constant.py").write_text(SURROGATE)
    return root


def run(root, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_neuron_and_a_surrogate_are_exported_and_drawn(copied):
    code = """
import snn
from experiments.zoo import Config, gallery
print(snn.__file__)
print(snn.HalvingNode is snn.neurons.HalvingNode, "HalvingNode" in snn.__all__, snn.surrogate.constant_slope())
print([text.get_text() for ax in gallery(Config(steps=10)).flat for text in ax.texts if "Halving" in text.get_text()])
"""
    file, found, drawn = run(copied, "-c", code).splitlines()
    assert Path(file).is_relative_to(copied)
    assert found == "True True constant_slope(alpha=1)"
    assert drawn.count("HalvingNode") == 1


@pytest.fixture(scope="module")
def passed(copied):
    """Return the tests that the new neuron and the new surrogate passed."""
    names = ["compiled/test_conformance", "neurons/test_state_contract", "neurons/test_gradients"]
    names += ["surrogate/test_derivatives", "surrogate/test_alpha", "surrogate/test_smoothed_network"]
    files = [f"tests/snn/{name}.py" for name in names]
    new = "HalvingNode or (constant_slope and not conformance)"
    out = run(copied, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", new, "--no-header", "-rA", *files)
    return [line for line in out.splitlines() if line.startswith("PASSED")]


def test_a_neuron_is_held_to_the_compiled_mode_and_to_the_contract_of_its_state(passed):
    assert any("test_a_neuron_is_as_in_the_eager_mode[HalvingNode" in line and "compiled" in line for line in passed)
    for way in ("", "-MultiSpike", "-Ternary", "-Refractory", "-Stochastic", "-Conductance"):
        assert any(f"wherever_it_is_split[HalvingNode{way}-python]" in line for line in passed)
    for reset in ("soft", "hard", "never"):
        assert any(f"by_finite_differences[HalvingNode-{reset}]" in line for line in passed)


def test_a_surrogate_is_held_to_its_properties_and_tried_in_a_network(passed):
    passed = [line for line in passed if "constant_slope" in line]
    for name in ("as_its_surrogate_says", "that_of_its_primitive", "learnt_as_in_the_eager_mode", "the_smooth_network"):
        assert any(name in line for line in passed)
