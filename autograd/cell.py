"""Cell: the unit of a network, with ``construct`` and an optional ``bprop``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from .assign import check_saved, fitted_all
from .compat.cells import CellNames
from .custom import call_with_bprop
from .dtypes import as_bool, describe
from .errors import AutogradError, CellError, GradientError, StateDictError
from .foreign import CELL, OwnArguments, hint, listed
from .hooks import Hook, Hookable, enter
from .html import of_layers
from .parameter import Parameter, ParameterTuple
from .state import state
from .tensor import Tensor

__all__ = ["Cell"]


class Cell(Hookable, CellNames, OwnArguments):
    """Base class of networks and their parts.

    A subclass defines ``construct``. It may also define ``bprop(self, *inputs, out, dout)``, which then replaces the
    derivative of ``construct``. A ``bprop`` takes the inputs, the output and the gradient of the output. It returns a tuple
    with one gradient per input (None for zero), optionally followed by a dict of gradients by Parameter, as in
    ``return (dx,), {self.weight: dw}``.

    A Cell finds Parameters, Cells, and lists, tuples or dicts of them when they are assigned to its attributes, in order.

    Attributes
    ----------
    training : bool
        Whether the Cell is being trained; see :meth:`set_train`.
    requires_grad : bool
        A flag for users; see :meth:`set_grad`.

    Parameters
    ----------
    auto_prefix : bool
        Prefix the names of Parameters in Cells below with attribute names. ``parameters_dict`` always uses attribute names.

    Examples
    --------
    >>> from autograd import Cell, Tensor, grad
    >>> class Step(Cell):
    ...     def construct(self, x):
    ...         return (x > 0).astype(x.dtype)
    ...
    ...     def bprop(self, x, out, dout):
    ...         return (dout * 0.5,)
    >>> print(grad(Step())(Tensor([-1.0, 2.0])))
    [0.5 0.5]
    """

    __slots__ = ("_kept",)
    training: bool
    requires_grad: bool
    _kept: dict[Any, Any]
    _prefix = ""  # the path to this Cell in its net, for the names of parts that are added later
    per_sample = False
    """Whether ``construct`` treats each sample of a batch separately, so that all time steps can be passed as one batch."""
    checkpointed: ClassVar[tuple[str, ...]] = ()
    """Names of attributes, numbers, arrays or Tensors, that a checkpoint saves and restores beside the Parameters. A subclass
    lists its own; those of its parents are included."""

    @property
    def repeatable(self) -> bool:
        """Whether the same input gives the same output, so that a constant input needs only one run."""
        return True

    def __init__(self, auto_prefix: bool = True) -> None:
        self._auto_prefix = as_bool(auto_prefix, type(self).__name__, "auto_prefix")
        self.training = False
        self.requires_grad = False
        self._hooks: tuple[Hook, ...] = ()

    def construct(self, *inputs: Any) -> Any:
        """Compute the outputs; a subclass defines this."""
        fix = "Define `def construct(self, x): ...`."
        if hasattr(self, "forward"):
            fix = "Call it `construct` instead of `forward`."
        raise CellError(type(self).__name__, "a method `construct`", "a class without one", fix)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``construct``. While a transform records, ``bprop`` becomes its derivative, if the Cell has one."""
        if state.calling is not None and (made := state.calling(self, args, kwargs)) is not NotImplemented:
            return made
        leave = None
        if self.__dict__.get("_hooks", True):
            self.require_ready("called")
            args, leave = enter(self, args)
        try:
            if state.recording and hasattr(self, "bprop"):
                out = call_with_bprop(self, args, kwargs)
            else:
                out = self.construct(*args, **kwargs)
        except AutogradError as error:
            if len(getattr(error, "__notes__", ())) < _NOTES:
                error.add_note(f"  in {type(self).__name__}.construct")
            raise
        except RecursionError:
            raise too_deep(f"{type(self).__name__}.construct") from None
        if out is None:
            raise GradientError(
                f"{type(self).__name__}.construct", "a Tensor or a tuple of them", "None", "End it with a `return`."
            )
        return out if leave is None else leave(out)

    def kept(self) -> dict[Any, Any]:
        """Return a cache of facts about this Cell. It lives as long as the Cell; copies and pickles omit it."""
        try:
            return self._kept
        except AttributeError:
            object.__setattr__(self, "_kept", {})
            return self._kept

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        if isinstance(state, tuple):
            inside, slots = state
            slots.pop("_kept", None)
            return (inside, slots) if slots else inside
        return state

    @property
    def has_bprop(self) -> bool:
        """Whether the Cell defines its own backward pass."""
        return hasattr(self, "bprop")

    # Parts

    def __setattr__(self, name: str, value: Any) -> None:
        """Assign; Parameters and Cells take their names from the attribute."""
        if isinstance(value, Parameter):
            self.require_ready(f"given the Parameter {name!r}")
            if value.own_name is None:
                value.own_name = value.name = name
            if value.name == value.own_name:
                value.name = self._prefix + value.name
        elif isinstance(self.__dict__.get(name), Parameter) and value is not None:
            if not isinstance(value, Tensor):
                raise CellError(
                    f"{type(self).__name__}.{name}", "a Parameter or a Tensor of new values", describe(value),
                    f"For new values, {name}.set_data(values). Delete the attribute first if it should be something else.",
                )  # fmt: skip
            self.__dict__[name].set_data(value)
            return
        elif isinstance(value, (Cell, list, tuple, dict)):
            for path, part in _parts(name, value):
                self.require_ready(f"given {name!r}")
                if isinstance(part, Cell):
                    part.require_ready(f"made part {path!r} of {type(self).__name__}")
        before = self.__dict__.get(name)
        object.__setattr__(self, name, value)
        if type(value) not in _PLAIN or type(before) not in _PLAIN:
            self._name_parts(before, value)

    def __delattr__(self, name: str) -> None:
        before = self.__dict__.get(name)
        object.__delattr__(self, name)
        self._name_parts(before)

    def _name_parts(self, *values: Any) -> None:
        """Name the parts in attributes by the first path that leads to them, as ``state_dict`` does."""
        holders = [v for v in values if isinstance(v, (Cell, list, tuple, dict)) and not isinstance(v, ParameterTuple)]
        parts = [part for value in holders for _, part in _parts("", value)]
        if not parts:
            return
        moved = {id(part) for part in parts}
        if self._auto_prefix:
            moved |= {id(below) for part in parts if isinstance(part, Cell) for _, below in _walk("", part, {id(self)})}
        else:
            moved -= {id(p) for cell in self.cells() for p in cell.get_parameters()}
        for path, part in _walk(self._prefix, self, {id(self)}):
            if id(part) not in moved:
                continue
            if isinstance(part, Parameter):
                part.name = path
            elif self._auto_prefix:
                part._prefix = f"{path}."

    def require_ready(self, what: str) -> None:
        """Raise a CellError if ``super().__init__()`` has not been called."""
        if "_hooks" not in self.__dict__:
            raise CellError(
                type(self).__name__, f"super().__init__() before it is {what}", "no such call",
                "Make `super().__init__()` the first line of __init__.",
            )  # fmt: skip

    def parameters_and_names(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (dotted name, Parameter) in the order of assignment, each once."""
        self.require_ready("asked for its Parameters")
        for name, part in _walk("", self, {id(self)}):
            if isinstance(part, Parameter):
                yield name, part

    def cells_and_names(self) -> Iterator[tuple[str, Cell]]:
        """Iterate over (dotted name, Cell), starting with this one under the name ''."""
        self.require_ready("asked for its Cells")
        yield "", self
        for name, part in _walk("", self, {id(self)}):
            if isinstance(part, Cell):
                yield name, part

    def get_parameters(self, expand: bool = True) -> list[Parameter]:
        """Return all Parameters in order; with ``expand=False``, without those of the Cells below."""
        below = {id(p) for cell in self.cells() for p in cell.get_parameters()} if not expand else ()
        return [p for _, p in self.parameters_and_names() if id(p) not in below]

    def trainable_params(self, recurse: bool = True) -> list[Parameter]:
        """Return the Parameters with ``requires_grad``; with ``recurse=False``, without those of the Cells below."""
        return [p for p in self.get_parameters(recurse) if p.requires_grad]

    def parameters_dict(self) -> dict[str, Parameter]:
        """Return all Parameters by dotted name.

        Raises
        ------
        CellError
            If two different Parameters have the same name.
        """
        found: dict[str, Parameter] = {}
        for name, parameter in self.parameters_and_names():
            if name in found:
                raise CellError(
                    type(self).__name__, "distinct names for its Parameters", f"{name!r} twice",
                    "Leave `name=` out, so that the attribute names it.",
                )  # fmt: skip
            found[name] = parameter
        return found

    def cells(self) -> list[Cell]:
        """Return the Cells directly below this one."""
        return [cell for _, cell in self._children()]

    def _children(self) -> list[tuple[str, Cell]]:
        return [(path, part) for path, part in _own_parts(self) if isinstance(part, Cell)]

    # Modes

    def set_train(self, mode: bool = True) -> Self:
        """Set ``training`` here and in all Cells below."""
        mode = as_bool(mode, f"{type(self).__name__}.set_train", "mode")
        for _, cell in self.cells_and_names():
            cell.training = mode
        return self

    def set_grad(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` here and in all Cells below."""
        requires_grad = as_bool(requires_grad, f"{type(self).__name__}.set_grad", "requires_grad")
        for _, cell in self.cells_and_names():
            cell.requires_grad = requires_grad
        return self

    # Weights

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of all Parameters' values by dotted name."""
        return {name: p.array.copy() for name, p in self.parameters_dict().items()}

    def load_state_dict(
        self, weights: Mapping[str, Any], strict: bool = True, *, finite: bool = True
    ) -> tuple[list[str], list[str]]:
        """Set Parameters from a mapping of dotted names to arrays. If anything does not fit, nothing is set.

        Parameters
        ----------
        weights : mapping
            As :meth:`state_dict` returns it. Floats are rounded to the precision of the Parameter; nothing else is lost.
        strict : bool
            Require exactly one entry per Parameter. Otherwise missing and unexpected entries are ignored.
        finite : bool
            Reject NaN and infinity. With False they are loaded.

        Returns
        -------
        missing, unexpected : list of str
            The names that ``weights`` lacks, and those that the Cell lacks.

        Raises
        ------
        StateDictError
            If names (when strict), shapes, dtypes or values do not fit; all of them are listed.
        """
        missing, unexpected, load = self.prepare_state_dict(weights, strict, finite=finite)
        load()
        return missing, unexpected

    def prepare_state_dict(
        self, weights: Mapping[str, Any], strict: bool = True, *, finite: bool = True
    ) -> tuple[list[str], list[str], Callable[[], None]]:
        """Check weights as :meth:`load_state_dict` does; return its result and a function that sets the weights.

        A caller that loads several things can thus check all of them before it sets the first.
        """
        check_saved(weights, f"{type(self).__name__}.load_state_dict")
        parameters = self.parameters_dict()
        missing = [name for name in parameters if name not in weights]
        unexpected = [name for name in weights if name not in parameters]
        new, problems = fitted_all({name: (weights[name], p) for name, p in parameters.items() if name in weights}, finite)
        problems += [f"missing: {', '.join(missing)}"] if missing and strict else []
        problems += [f"unexpected: {', '.join(unexpected)}"] if unexpected and strict else []
        if problems:
            raise StateDictError(
                f"{type(self).__name__}.load_state_dict", "weights for each Parameter, of its shape", "; ".join(problems),
                "Nothing was loaded. Build the Cell as it was when saved, or pass strict=False for names, finite=False for "
                "NaN and infinity.",
            )  # fmt: skip

        def load() -> None:
            for name, array in new.items():
                parameters[name].array = array

        return missing, unexpected, load

    # Printing

    def __dir__(self) -> list[str]:
        return listed(self, super().__dir__())

    def extra_repr(self) -> str:
        """Return the text in the parentheses of ``repr``; a subclass may define this."""
        return ""

    def __repr__(self) -> str:
        lines: list[str] = []
        open_cells: set[int] = set()
        todo: list[tuple[int, str, Cell | None]] = [(0, "", self)]
        while todo:
            depth, before, cell = todo.pop()
            indent = "  " * depth
            if cell is None:  # closes a Cell that has parts
                lines.append(indent + ")")
                open_cells.remove(int(before))
            elif id(cell) in open_cells:
                lines.append(f"{indent}{before}{type(cell).__name__}(...)")
            elif cell is not self and type(cell).__repr__ is not Cell.__repr__:
                lines.append(indent + before + repr(cell).replace("\n", "\n" + indent))
            else:
                head, parts = f"{indent}{before}{type(cell).__name__}({cell.extra_repr()}", cell._children()
                lines.append(head + ")" * (not parts))
                if parts:
                    open_cells.add(id(cell))
                    todo.append((depth, str(id(cell)), None))
                    todo += [(depth + 1, f"({name}): ", part) for name, part in reversed(parts)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the net as a table, for notebooks."""
        return of_layers(type(self).__name__, self._html_rows())

    def _html_rows(self) -> Iterator[tuple[str, Cell, bool, list[tuple[str, Parameter]]]]:
        """Iterate over the Cells that ``repr`` shows, each once: path, Cell, whether it prints itself, its own Parameters."""
        seen: set[int] = set()
        todo: list[tuple[str, Cell]] = [("", self)]
        while todo:
            path, cell = todo.pop()
            if id(cell) in seen:
                continue
            seen.add(id(cell))
            whole = type(cell).__repr__ is not Cell.__repr__
            parts = list(_walk("", cell, {id(cell)})) if whole else _own_parts(cell)
            yield path, cell, whole, [(name, part) for name, part in parts if isinstance(part, Parameter)]
            if not whole:
                inside = [(f"{path}.{name}" if path else name, part) for name, part in parts if isinstance(part, Cell)]
                todo += reversed(inside)


def too_deep(where: str) -> CellError:
    """Return the error for Cells that are nested beyond Python's recursion limit."""
    return CellError(
        where, "Cells nested within Python's recursion limit", "deeper nesting",
        "Put the layers into one SequentialCell, or call sys.setrecursionlimit. Check that no Cell calls itself.",
    )  # fmt: skip


_NOTES = 20
_PLAIN = {int, float, bool, str, type(None), np.ndarray}


def _parts(name: str, value: Any) -> Iterator[tuple[str, Cell | Parameter]]:
    """Iterate over the Cells and Parameters in an attribute's value, looking into lists, tuples and dicts."""
    if isinstance(value, Parameter):
        yield value.own_name or name, value
    elif isinstance(value, Cell):
        yield name, value
    elif isinstance(value, (list, tuple, dict)) and value:
        yield from _inside(name, value)


def _inside(name: str, value: Any) -> Iterator[tuple[str, Cell | Parameter]]:
    """Iterate over the Cells and Parameters in a list, tuple or dict, and in those nested inside it."""
    stack = [("" if isinstance(value, ParameterTuple) else f"{name}.", id(value), _items(value))]
    while stack:
        prefix, _, items = stack[-1]
        for key, item in items:
            if isinstance(item, (Parameter, Cell)):
                yield f"{prefix}{key}", item
            elif isinstance(item, (list, tuple, dict)) and all(id(item) != above for _, above, _ in stack):
                inside = prefix if isinstance(item, ParameterTuple) else f"{prefix}{key}."
                stack.append((inside, id(item), _items(item)))
                break
        else:
            stack.pop()


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    """Iterate over the items of a container, with their names there."""
    if isinstance(value, ParameterTuple):  # its Parameters have their names elsewhere
        return ((part.name, part) for part in value)
    pairs = [*value.items()] if isinstance(value, dict) else enumerate(value)  # all at once: another thread may change a dict
    return ((item.own_name or key, item) if isinstance(item, Parameter) else (key, item) for key, item in pairs)


def _walk(prefix: str, cell: Cell, seen: set[int]) -> Iterator[tuple[str, Cell | Parameter]]:
    """Iterate over all Cells and Parameters below a Cell, depth first, each once, with their dotted names."""
    stack = [(prefix, iter(_own_parts(cell)))]
    while stack:
        before, parts = stack[-1]
        for path, part in parts:
            if id(part) not in seen:
                seen.add(id(part))
                yield before + path, part
                if isinstance(part, Cell):
                    stack.append((f"{before}{path}.", iter(_own_parts(part))))
                    break
        else:
            stack.pop()


def _own_parts(cell: Cell) -> list[tuple[str, Cell | Parameter]]:
    """Return the Cells and Parameters in the attributes of a Cell, with their names there."""
    found: list[tuple[str, Cell | Parameter]] = []
    for name, value in vars(cell).items():
        if type(value) in _PLAIN:  # as most attributes are
            continue
        if isinstance(value, (Parameter, Cell)):
            found.append((value.own_name or name if isinstance(value, Parameter) else name, value))
        elif isinstance(value, (list, tuple, dict)) and value:
            found += _inside(name, value)
    return found


hint(Cell, CELL)
