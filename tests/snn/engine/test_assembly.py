"""The loops over time are vectorised: their assembly has packed instructions."""

import platform
import re

import numpy as np
import pytest

import snn
from autograd import Tensor, grad
from snn.tracing.traced import Loops

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason=f"reads assembly of x86-64, this is {platform.machine()}"
)


@pytest.mark.parametrize(
    ("node", "dtype", "suffix"),
    [
        (snn.LIFNode(beta=0.9), np.float32, "ps"),
        (snn.LIFNode(tau=3.0, decay_input=True, v_reset=0.0), np.float32, "ps"),
        (snn.IFNode(), np.float64, "pd"),
    ],
    ids=repr,
)
def test_loops_of_neurons_use_packed_instructions(node, dtype, suffix, monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKECELL_CACHE", str(tmp_path))  # assembly is not kept with what is stored
    monkeypatch.setattr("snn.engine.cache._modules", {})
    functions = {}
    make = Loops.function

    def spied(self, loop, backend, order):
        functions[loop.name] = make(self, loop, backend, order)
        return functions[loop.name]

    monkeypatch.setattr(Loops, "function", spied)
    grad(lambda x: snn.run(node, x, mode="compiled")[0])(Tensor(np.ones((3, 2, 300), dtype)))
    assert functions.keys() == {"forward", "backward"}
    for function, *_ in functions.values():
        (text,) = function.inspect_asm().values()
        packed = re.findall(rf"\bv?(?:mul|add|sub|fmadd\d+|fnmadd\d+)\d*{suffix}\s[^\n]*[xyz]mm", text)
        assert len(packed) >= 2
