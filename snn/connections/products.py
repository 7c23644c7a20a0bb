"""Recognise layers that multiply by a matrix, and find their factors."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd import Cell, Tensor, nn, ops
from autograd.dtypes import DType, describe, float16, float32, float64, promote
from autograd.errors import CompileError
from autograd.graph import LEAF, Node
from autograd.program import Value
from autograd.state import scope

from ..common.structure import is_over_time, is_stateful
from ..tracing.guard import Dependencies
from ..tracing.reads import Reads, watching

__all__ = ["NotDenseError", "factors_of", "typed", "why_not"]

_COMPILED = (float32, float64)


Factors = tuple[Tensor, Tensor | None, DType]
"""Weights ``[n_out, n_in]``, bias, and the dtype of the weights before their conversion to that of the product."""


class NotDenseError(Exception):
    """The layer is not a product with a matrix; the text gives the reason."""


def why_not(cell: Cell, x: Tensor) -> str | None:
    """Return the reason why a layer with a matrix is not dense; None if it is, or has no matrix."""
    found = factors_of(cell, x)
    return found or None if isinstance(found, str) else None


def factors_of(cell: Cell, x: Tensor) -> Factors | str:
    """Return the factors of a stateless layer, or the reason why it has none; an empty text for another kind of layer.

    Its ``construct`` runs on an input ``[T, N, ..., features]`` that is not known yet: only a product with a matrix and the
    addition of a bias may depend on it.
    """
    if x.ndim < 3 or is_stateful(cell) or is_over_time(cell):
        return ""
    try:
        if type(cell) is nn.Dense and not cell.hooked and "construct" not in vars(cell):
            return _of_dense(cell, x)
        reason = _tried(cell, x)
        return _made(cell, x) if reason is None else reason
    except NotDenseError as error:
        return str(error)


def _of_dense(cell: nn.Dense, x: Tensor) -> Factors | str:
    if cell.activation is not None:
        return "its activation belongs in a separate layer after it"
    if x.shape[-1] != cell.in_channels:
        return ""  # the layer itself will raise this error
    return typed(x, cell.effective_weight(), cell.bias)


def typed(x: Tensor, weight: Tensor, bias: Tensor | None) -> Factors:
    """Convert factors to the dtype of the product, as the eager mode does."""
    dtype = promote(x.dtype, weight.dtype)
    if dtype not in _COMPILED or x.dtype == float16:
        raise NotDenseError(f"its input is {x.dtype} and its weights are {weight.dtype}")
    if bias is not None and bias.dtype != dtype:
        if promote(dtype, bias.dtype) != dtype:
            raise NotDenseError(f"its bias is {bias.dtype}, and its product only {dtype}")
        bias = ops.cast(bias, dtype)
    return weight if weight.dtype == dtype else ops.cast(weight, dtype), bias, weight.dtype


# Once per layer: is its construct a product, and the same each time?


def _tried(cell: Cell, x: Tensor) -> str | None:
    """Return the reason why a layer is not dense, or None.

    A copy is tried if the layer is new, or anything that it reads has changed. Of a layer that changes it itself, such as a
    count of its calls, only the attributes count.
    """
    kept, cells = cell.kept(), [part for _, part in cell.cells_and_names()]
    now = [x.dtype, x.shape[2:], *(id(value) for part in cells for value in (type(part), *vars(part).values()))]
    known = kept.get("product")
    if known is None or known[0] != now[: len(known[0])] or (known[1] is not None and not known[1].unchanged()):
        reason, dependencies = _try(cell, cells, x)
        kept["product"] = known = now if dependencies is None else now[:2], dependencies, reason
    found: str | None = known[2]
    return found


def _try(cell: Cell, cells: Sequence[Cell], x: Tensor) -> tuple[str | None, Dependencies | None]:
    """Return the reason, and what it depends on; None for that if the layer changes it."""
    reads, found = Reads(), list[Dependencies]()
    where = f"{type(cell).__name__}.construct"
    reason = _reason(cell, cells, x, reads, lambda: found.append(Dependencies(cell, reads, where, strict=False)))
    if not found:
        found.append(Dependencies(cell, reads, where, strict=False))
    return reason, found[0] if found[0].unchanged() else None


def _reason(cell: Cell, cells: Sequence[Cell], x: Tensor, reads: Reads, between: Callable[[], None]) -> str | None:
    """Run two copies of a layer, and ``between`` after the first; return why it is not dense, or None."""
    if not any(np.ndim(array) == 2 for part in cells for array in _arrays(part)):
        return ""
    if hooked := [type(part).__name__ for part in cells if part.hooked]:
        return f"{hooked[0]} has a hook"
    if cell.has_bprop:
        return "it has a bprop of its own"
    if type(cell).__call__ is not Cell.__call__:
        return "its class has a __call__ of its own"
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002 - there are users who draw from it
    try:
        twins = [copy.deepcopy(cell) for _ in range(2)]
        before = [_content(twin) for twin in twins]
        with watching(reads, f"{type(cell).__name__}.construct"):
            first = _bytes(_made(twins[0], x))
        between()
        second = _bytes(_made(twins[1], x))
        drawn = pythons != random.getstate() or _content(numpys) != _content(np.random.get_state())  # noqa: NPY002
    except NotDenseError as error:
        return str(error)
    except CompileError as error:
        return f"its construct may make other weights each time: {_line(error)}"
    except Exception as error:
        return f"a copy of it cannot be made: {_line(error)}"
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)
    if before != [_content(twin) for twin in twins]:
        return "its construct changes an attribute"
    return "its construct draws random numbers" if drawn or first != second else None


def _arrays(cell: Cell) -> list[Any]:
    """Return the arrays that a Cell holds in its attributes."""
    values = [item for v in vars(cell).values() for item in (v if isinstance(v, (list, tuple)) else (v,))]
    return [value for value in values if isinstance(value, (Tensor, np.ndarray))]


def _content(value: Any, seen: set[int] | None = None) -> Any:
    """Return the content of an object, down to the numbers of its arrays."""
    seen = set() if seen is None else seen
    if isinstance(value, (Tensor, np.ndarray)):
        return value.shape, value.dtype, np.asarray(value).tobytes()
    if isinstance(value, np.random.Generator):
        return str(value.bit_generator.state)
    inside = value if isinstance(value, (list, tuple, dict)) else getattr(value, "__dict__", None)
    if not inside or id(value) in seen or isinstance(value, (type, FunctionType, ModuleType)):
        return value if isinstance(value, (int, float, str, bytes)) else (type(value), id(value))
    seen.add(id(value))
    items = list(inside.items()) if isinstance(inside, dict) else list(enumerate(inside))
    return [(key, _content(item, seen)) for key, item in items]


def _bytes(factors: Factors) -> list[bytes]:
    return [np.asarray(t).tobytes() for t in factors[:2] if t is not None]


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0].rstrip('.')}"


# In each run: its factors


def _made(cell: Cell, x: Tensor) -> Factors:
    """Run a layer on an input that is not known yet; return its factors."""
    steps = _Steps()
    seed = Node(LEAF, (), x.shape[1:], x.dtype)
    with scope(recording=True):
        try:
            out = cell.construct(Tensor.wrap(steps.value("input", (), x.dtype, x.shape[1:]), seed))
        except NotDenseError:
            raise
        except Exception as error:
            raise NotDenseError(f"its construct needs the values of its input: {_line(error)}") from error
        weight, bias = steps.factors(out, seed)
        return typed(x, weight, bias)


class _Steps:
    """Replaces a program: records the operations on an input that is not known yet."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any, Sequence[Any]]] = []

    def value(self, kind: str, operands: Sequence[Any], dtype: Any, shape: tuple[int, ...], op: Any = None) -> Any:
        """Return the value of a new step: the input, a product or a sum."""
        self.made.append((kind, op, operands))
        return Value(self, len(self.made) - 1, dtype, shape)  # type: ignore[arg-type]

    def apply(self, op: Any, values: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """Record an operation, as :meth:`autograd.program.Program.apply` does."""
        kinds = [self.made[v.index][0] if isinstance(v, Value) else None for v in values]
        if op.label == "ops.matmul" and kinds == ["input", None]:
            x, y = values
            if y.ndim == 2 and y.dtype.kind == "f" and x.shape[-1] == len(y):
                return self.value("product", values, promote(x.dtype, y.dtype), (*x.shape[:-1], y.shape[1]), op)
            raise NotDenseError(f"its input is multiplied by {describe(y)}")
        if op.label == "ops.cast" and kinds == ["input"] and values[0].dtype.kind != "f" and attrs["dtype"].kind == "f":
            return self.value("input", values, attrs["dtype"], values[0].shape, op)
        if (op.label == "ops.add" and set(kinds) == {"product", None}) or (op.label, *kinds) == ("ops.sub", "product", None):
            product, other = values if kinds[0] else values[::-1]
            if np.shape(other) not in ((), (1,), product.shape[-1:]):
                raise NotDenseError(f"{describe(other)} is added to its product: not one value for each output")
            dtype = promote(product.dtype, other.dtype) if isinstance(other, np.ndarray) else product.dtype
            return self.value("sum", values, dtype, product.shape, op)
        raise NotDenseError(f"its input goes through {op.label}")

    def factors(self, out: Any, seed: Node) -> tuple[Tensor, Tensor | None]:
        """Return weights ``[n_out, n_in]`` and bias from a layer's result, with their places in the graph.

        The graph must be exactly the recorded steps: a Cell with its own bprop or hooks has another node.
        """
        value: Any = getattr(out, "array", None)
        if not isinstance(out, Tensor) or not isinstance(value, Value):
            raise NotDenseError(f"it returns {describe(out)}, without its input")
        node: Any = out.node
        bias: Tensor | None = None
        kind, op, operands = self._step(value, node)
        if kind == "sum":
            at = 1 if isinstance(operands[0], Value) else 0
            bias = Tensor.wrap(np.asarray(operands[at], None if np.ndim(operands[at]) else value.dtype), node.parents[at])
            bias = ops.neg(bias) if op.label == "ops.sub" else bias
            value, node = operands[1 - at], node.parents[1 - at]
            kind, op, operands = self._step(value, node)
        if kind != "product":
            raise NotDenseError("its input is not multiplied by a matrix")
        weight = ops.transpose(Tensor.wrap(operands[1], node.parents[1]))
        value, node = operands[0], node.parents[0]
        while node is not seed:
            _, _, operands = self._step(value, node)
            value, node = operands[0], node.parents[0]
        return weight, bias

    def _step(self, value: Any, node: Any) -> tuple[str, Any, Sequence[Any]]:
        step: tuple[str, Any, Sequence[Any]] = self.made[value.index]
        if node is None or (step[1] is not None and node.rule is not step[1]):
            raise NotDenseError("a Cell inside it has a bprop of its own")
        return step
