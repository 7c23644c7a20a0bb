"""Places in the user's code, as errors name them."""

import sys
import types

import pytest

import autograd as ms
from autograd import Tensor, nn, ops
from autograd.errors import CompileError
from autograd.places import described, file_of


@pytest.fixture
def notebook(monkeypatch):
    """Pretend that a notebook runs, in which one file is its third cell."""
    cells = {"ipykernel_1/2.py": ("Cell", "In[3]")}
    compiler = types.SimpleNamespace(format_code_name=cells.get)
    python = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(compile=compiler))
    monkeypatch.setitem(sys.modules, "IPython", python)


def test_a_file_has_its_own_name():
    assert file_of("ipykernel_1/2.py") == "ipykernel_1/2.py"
    assert described("net.py", 7, "construct") == "net.py, line 7, in construct"


def test_a_cell_of_a_notebook_has_its_number(notebook):
    assert described("ipykernel_1/2.py", 7, "construct") == "Cell In[3], line 7, in construct"
    assert file_of("net.py") == "net.py"


def test_an_error_names_the_cell(notebook):
    import snn

    space = {"snn": snn, "ops": ops, "nn": nn, "ms": ms}
    source = """
class Sums(snn.Neuron):
    def charge(self, v, x):
        return v + ops.sum(x)
"""
    exec(compile(source, "ipykernel_1/2.py", "exec"), space)
    with pytest.raises(CompileError, match=r"Cell In\[3\], line 4, in charge"):
        snn.run(space["Sums"](), Tensor([[[1.0]]]), mode="compiled")


def test_an_explanation_names_the_cell(monkeypatch, capsys):
    import snn
    from snn.inspect import explanation

    monkeypatch.setattr(explanation, "file_of", lambda name: "Cell In[3]")
    snn.explain(snn.IFNode())
    assert "The forward loop, in Cell In[3]:" in capsys.readouterr().out


def test_a_global_of_a_cell_without_a_module_name_is_named_after_the_cell(notebook):
    from snn.tracing.reach import reach
    from snn.tracing.reads import Reads

    space = {"__builtins__": __builtins__, "rate": 0.5}
    exec(compile("def rated(v):\n    return v * rate\n", "ipykernel_1/2.py", "exec"), space)
    reads = Reads()
    reads.add(space["rated"].__code__, space)
    assert "rate of Cell In[3]" in reach(nn.Cell(), reads, "here").found
