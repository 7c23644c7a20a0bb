"""Write the file: a step of the net, its weights, and the loop over time around it."""

from __future__ import annotations

import base64
import functools
import inspect
import io
import keyword
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, as_tensor, tree
from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, CompileError, DTypeError, ShapeError

from ...checkpoint.generators import generators_of
from ...common.files import write_whole
from ...common.structure import sample_state, state_names, zeros_of
from ...data.files import as_path
from ...graphs.graph import Edge, Graph
from ...graphs.trace import trace_step
from ...simulate import run
from . import functions
from .step import SIZES, Step

__all__ = ["Exported", "export_numpy"]

_FILE = '''\
"""{name} as plain numpy: this file needs nothing else. Written by spikecell's export_numpy.

run(x) takes {dtype} of shape [T, N{features}] (time, batch, features) and returns the output, [T, N, ...], and the state after
the last step, from which run(x, state) continues.
"""
{about}
import base64
import io
{imports}
import numpy as np

STATE = {states}
{functions}

def initial_state(n):
    """Return the state before the first step of n samples: {count}."""
    return ({start})


def step(x, state):
    """Return the output of one step, and the state after it, for x [N{features}]."""
    n = len(x)
    {unpack}
{lines}
    return {out}, ({after})


def run(x, state=None):
    """Return the output of all steps and the state after the last one, for x [T, N{features}]."""
    x = np.asarray(x)
    if x.dtype != np.dtype("{dtype}") or x.ndim < 2 or x.shape[2:] != {shape} or not len(x):
        raise ValueError(f"expected x as {dtype} [T, N{features}] with at least one step, got {{x.dtype}} {{list(x.shape)}}")
    start = initial_state(x.shape[1])
    state = start if state is None else tuple(state)
    if [np.shape(s) for s in state] != [s.shape for s in start]:
        raise ValueError(f"expected a state {{[list(s.shape) for s in start]}}, got {{[list(np.shape(s)) for s in state]}}")
    outs = []
    with np.errstate(all="ignore"):
        for now in x:
            out, state = step(now, state)
            outs.append({flat})
    outs = [np.stack(each) for each in zip(*outs)]
    return {stacked}, state


_WEIGHTS = """
{weights}
"""
globals().update(np.load(io.BytesIO(base64.b64decode(_WEIGHTS)), allow_pickle=False))
'''


class Exported(NamedTuple):
    """Result of :func:`export_numpy`.

    Attributes
    ----------
    path : Path
        The file.
    size : int
        Its size in bytes.
    equal : float
        The share of the elements of the output for ``x`` that equal those of :func:`snn.run`, to the bit.
    """

    path: Path
    size: int
    equal: float


def export_numpy(net: Cell, path: str | os.PathLike[str], x: Any) -> Exported:
    """Write a net, with its weights, as one Python file that needs only numpy.

    The file has ``run(x, state=None)``, which returns the output and the state, and ``step`` for a step at a time. It is
    written from the operations of one traced step, so your own neurons need nothing extra. Spikes are those of
    :func:`snn.run` to the bit where weights and input are whole numbers; otherwise sums are rounded in another order, and a
    neuron within a rounding error of its threshold may fire a step earlier or later.

    Parameters
    ----------
    net : Cell
        The net: not in training, and without layers over time, hooks and random numbers.
    path : path
        Target file; its name ends in ``.py``.
    x : array
        An input ``[T, N, ...]``, for its features and dtype, and to compare the file with the net. The file takes any T and N.

    Returns
    -------
    Exported
        The path, the size, and the share of the output for ``x`` that is equal.

    Raises
    ------
    CompileError
        If the net does something that cannot be written; the message names it.
    ArgumentError
        If the net is in training, or the path has another ending.
    DTypeError
        If ``x`` is float16, ``net`` is not a Cell, or ``path`` is not a path.
    WriteError
        If the file cannot be written.

    Examples
    --------
    >>> import pathlib, runpy, tempfile
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(3, 4, rng=0), snn.LIFNode(beta=0.9))
    >>> x = np.ones((10, 2, 3), np.float32)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     written = snn.interop.export_numpy(net, pathlib.Path(place) / "net.py", x)
    ...     spikes, state = runpy.run_path(str(written.path))["run"](x)
    >>> bool((spikes == snn.run(net, x).out.asnumpy()).all()), written.equal
    (True, 1.0)
    """
    where = "export_numpy"
    if not isinstance(net, Cell):
        raise DTypeError(where, "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    path, given = as_path(path, where), as_tensor(x, where)
    if path.suffix != ".py" or not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise ArgumentError(where, "a path whose file can be imported, such as net.py", repr(str(path)), "Change its name.")
    if given.ndim < 2 or not given.size:
        raise ShapeError(where, "an input x [T, N, ...], time and batch first", describe(given), "For example one batch.")
    if given.dtype == np.float16:
        raise DTypeError(where, "float32 or float64", describe(given), "Convert it with .astype(np.float32).")
    if training := [name or type(net).__name__ for name, cell in net.cells_and_names() if cell.training]:
        raise ArgumentError(where, "a net that is not in training", f"training of {training[0]}", "Call net.set_train(False).")
    source = _source(net, given)
    found = _compared(net, source, str(path), given)
    data = source.encode()
    write_whole(path, data)
    return Exported(path, len(data), found)


def _source(net: Cell, x: Tensor) -> str:
    """Return the text of the file."""
    random = [(rng.bit_generator, rng.bit_generator.state) for rng in generators_of(net).values()]
    try:
        graphs = [trace_step(net, zeros_of((n, *x.shape[2:]), x.dtype), inside=True) for n in SIZES]
        starts = [_starts(graph) for graph in graphs]
    finally:
        for source, before in random:
            source.state = before
    step = Step((graphs[0], graphs[1]))
    names = [name for name, _ in starts[0]]
    start = [step.constant(one, other, f"the initial {name}") for (name, one), (_, other) in zip(*starts, strict=True)]
    shape = x.shape[2:]
    shown = functools.partial(_structure, graphs[0].out)
    helpers = _helpers(step.functions)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **step.arrays)  # type: ignore[arg-type]
    text = base64.b64encode(buffer.getvalue()).decode()
    return _FILE.format(
        name=_quoted(type(net).__name__), dtype=x.dtype, features="".join(f", {k}" for k in shape), shape=shape,
        about=textwrap.indent(_shown(repr(net)), "# ", lambda line: True),
        states=repr(tuple(names)), count=_quoted(", ".join(names)) or "none",
        imports="from itertools import product\n" * ("places" in helpers), functions="".join(helpers.values()),
        start="".join(f"{value}, " for value in start),
        unpack="".join(f"s{k}, " for k in range(len(names))) + "= state" * bool(names),
        lines=textwrap.indent("\n".join(step.lines), "    "),
        out=shown(iter(step.outs)), after="".join(f"{value}, " for value in step.after),
        flat=f"({', '.join(_paths(graphs[0].out, 'out'))},)", stacked=shown(f"outs[{k}]" for k in range(len(step.outs))),
        weights="\n".join(textwrap.wrap(text, 120)),
    )  # fmt: skip


def _structure(out: Any, leaves: Iterator[str]) -> str:
    """Return the expression of an output with its leaves in the place of edges; a NamedTuple becomes a tuple."""
    if isinstance(out, Edge):
        return next(leaves)
    if isinstance(out, dict):
        return "{" + ", ".join(f"{_key(key)}: {_structure(item, leaves)}" for key, item in out.items()) + "}"
    items = [_structure(item, leaves) for item in out]
    return f"[{', '.join(items)}]" if isinstance(out, list) else f"({', '.join(items)}{',' * (len(items) == 1)})"


def _paths(out: Any, path: str) -> list[str]:
    """Return the expressions of the leaves of an output that has a name."""
    if isinstance(out, Edge):
        return [path]
    items = out.items() if isinstance(out, dict) else enumerate(out)
    return [leaf for key, item in items for leaf in _paths(item, f"{path}[{_key(key)}]")]


def _key(key: Any) -> str:
    if type(key) not in (str, int, bool, type(None)):
        raise CompileError(
            "export_numpy, the output", "dicts whose keys are texts or whole numbers", f"{type(key).__name__} as a key",
            "Name the outputs by texts.",
        )  # fmt: skip
    return repr(key)


def _shown(text: str) -> str:
    """Return a text with all characters escaped that cannot be printed, except line breaks."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _quoted(text: str) -> str:
    """Return a text escaped for a docstring, which it then cannot end."""
    return _shown(text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))


def _starts(graph: Graph) -> list[tuple[str, Array]]:
    """Return the variables of the initial state by name, in the order of the graph's states."""
    found = []
    for part in graph.starts:
        state = sample_state(part.cell, zeros_of(part.shape, part.dtype), part.name)
        names = [f"{part.name}.{name}" if part.name else name for name in state_names(state)]
        found += [(name, as_tensor(leaf).array) for name, leaf in zip(names, tree.leaves(state), strict=True)]
    return found


def _helpers(names: set[str]) -> dict[str, str]:
    """Return the source of functions and of those that they call, in the order of their file."""
    sources = {name: inspect.getsource(getattr(functions, name)) for name in functions.__all__}
    waiting, needed = list(names), set()
    while waiting:
        needed.add(name := waiting.pop())
        waiting += [other for other in sources if f"{other}(" in sources[name] and other not in needed]
    order = sorted(needed, key=lambda name: inspect.getsourcelines(getattr(functions, name))[1])
    return {name: f"\n\n{sources[name]}" for name in order}


def _compared(net: Cell, source: str, path: str, x: Tensor) -> float:
    """Run the file beside the net; return the share of the output that is equal."""
    space: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, path, "exec"), space)
    found = space["run"](x.asnumpy())[0]
    mine = tree.leaves(found)
    theirs = [leaf.asnumpy() for leaf in tree.leaves(run(net, x, mode="eager").out)]
    for one, other in zip(mine, theirs, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            raise CompileError(
                "export_numpy", f"the output of snn.run, {describe(other)}", describe(one), "Nothing was written. Report it."
            )
    same = sum(np.count_nonzero((a == b) | ((a != a) & (b != b))) for a, b in zip(mine, theirs, strict=True))
    return float(same / max(sum(b.size for b in theirs), 1))
