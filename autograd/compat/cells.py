"""Methods of a Cell that MindSpore has in addition to ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..dtypes import as_bool, describe
from ..errors import CellError, DTypeError
from ..parameter import Parameter

__all__ = ["CellNames"]


class CellNames:
    """MindSpore's methods of a Cell."""

    _flags: dict[str, Any]

    @property
    def cls_name(self) -> str:
        """Name of the class."""
        return type(self).__name__

    @property
    def bprop_debug(self) -> bool:
        """A flag for the user; :func:`autograd.trace_bprop` lists the ``bprop`` methods that ran."""
        return bool(self.__dict__.get("_bprop_debug", False))

    @bprop_debug.setter
    def bprop_debug(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise DTypeError(f"{self.cls_name}.bprop_debug", "a bool", describe(value), "Set True or False.")
        self._bprop_debug = value

    # Parts

    def name_cells(self: Any) -> dict[str, Any]:
        """Return the Cells directly below by name."""
        return dict(self._children())

    def insert_child_to_cell(self: Any, child_name: str, child_cell: Any) -> None:
        """Add a Cell as the attribute ``child_name``; None reserves the name. A name with a dot, or in use, is a CellError."""
        where = f"{self.cls_name}.insert_child_to_cell"
        if child_cell is not None and not hasattr(child_cell, "construct"):
            raise DTypeError(where, "a Cell", describe(child_cell), "Add a Parameter with insert_param_to_cell.")
        self._insert(where, child_name, child_cell, Parameter)

    def insert_param_to_cell(
        self: Any, param_name: str, param: Parameter, check_name_contain_dot: bool = True
    ) -> None:  # fmt: skip
        """Add a Parameter as the attribute ``param_name``; it keeps its own name if it has one.

        A name with a dot, or one in use for anything else, is a CellError.
        """
        where = f"{self.cls_name}.insert_param_to_cell"
        if not isinstance(param, Parameter):
            raise DTypeError(where, "a Parameter", describe(param), "Wrap it as Parameter(...).")
        self._insert(where, param_name, param, CellNames, as_bool(check_name_contain_dot, where, "check_name_contain_dot"))

    def _insert(self: Any, where: str, name: Any, part: Any, other: type, dotless: bool = True) -> None:
        if not isinstance(name, str):
            raise DTypeError(where, "the name of an attribute", describe(name), "Pass a string.")
        if not name or (dotless and "." in name):
            raise CellError(where, "a name without a dot", repr(name), "A dot separates the names in a path: rename it.")
        self.require_ready(f"given {name!r}")
        held = self.__dict__.get(name)
        if (
            hasattr(type(self), name)
            or (held is not None and not isinstance(held, (Parameter, CellNames)))
            or isinstance(held, other)
        ):
            raise CellError(where, "a free name for its part", repr(name), "Choose another name.")
        setattr(self, name, part)

    def untrainable_params(self: Any, recurse: bool = True) -> list[Parameter]:
        """Return the Parameters without ``requires_grad``."""
        return [p for p in self.get_parameters(recurse) if not p.requires_grad]

    def init_parameters_data(self: Any, auto_parallel_mode: bool = False) -> dict[Parameter, Parameter]:
        """Return the Parameters unchanged: they have values from the start."""
        return {p: p for p in self.get_parameters()}

    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Call ``fn`` with every Cell below, once, then with this one."""
        done: set[int] = set()
        todo: list[tuple[Any, bool]] = [(self, False)]
        while todo:
            cell, ready = todo.pop()
            if ready:
                fn(cell)
            elif id(cell) not in done:
                done.add(id(cell))
                todo += [(cell, True), *((part, False) for part in reversed(cell.cells()))]
        return self

    # Flags

    def add_flags(self, **flags: Any) -> Self:
        """Set flags, which are attributes too."""
        self.__dict__.setdefault("_flags", {}).update(flags)
        for name, value in flags.items():
            setattr(self, name, value)
        return self

    def add_flags_recursive(self, **flags: Any) -> Self:
        """Set flags here and in all Cells below."""
        return self.apply(lambda cell: cell.add_flags(**flags))

    def get_flags(self) -> dict[str, Any]:
        """Return the flags that were set."""
        return dict(self.__dict__.get("_flags", {}))
