"""Methods of a Cell that MindSpore has beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..dtypes import describe
from ..errors import CellError, DTypeError
from ..parameter import Parameter

__all__ = ["CellNames"]


class CellNames:
    """MindSpore's names for what a Cell does."""

    _flags: dict[str, Any]

    @property
    def cls_name(self) -> str:
        """Name of the class."""
        return type(self).__name__

    @property
    def bprop_debug(self) -> bool:
        """A flag for the user; :func:`autograd.trace_bprop` lists which ``bprop`` ran."""
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
        """Add a Cell, as assigning it to the attribute ``child_name`` does."""
        if not hasattr(child_cell, "construct"):
            raise CellError(f"{self.cls_name}.insert_child_to_cell", "a Cell", describe(child_cell), "Pass a Cell.")
        self._insert(child_name, child_cell)

    def insert_param_to_cell(
        self: Any, param_name: str, param: Parameter, check_name_contain_dot: bool = True
    ) -> None:  # fmt: skip
        """Add a Parameter, as assigning it to the attribute ``param_name`` does; it keeps a name that it has."""
        if not isinstance(param, Parameter):
            raise CellError(
                f"{self.cls_name}.insert_param_to_cell", "a Parameter", describe(param), "Wrap it as Parameter(...)."
            )
        if check_name_contain_dot and "." in str(param_name):
            raise CellError(f"{self.cls_name}.insert_param_to_cell", "a name without a dot", repr(param_name), "Rename it.")
        self._insert(param_name, param)

    def _insert(self, name: Any, part: Any) -> None:
        if not isinstance(name, str) or not name:
            raise CellError(self.cls_name, "the name of an attribute", describe(name), "Pass a string.")
        if hasattr(type(self), name):
            raise CellError(self.cls_name, "a free name for its part", repr(name), "Choose another name.")
        setattr(self, name, part)

    def untrainable_params(self: Any, recurse: bool = True) -> list[Parameter]:
        """Return the Parameters without ``requires_grad``."""
        return [p for p in self.get_parameters(recurse) if not p.requires_grad]

    def init_parameters_data(self: Any, auto_parallel_mode: bool = False) -> dict[Parameter, Parameter]:
        """Return the Parameters, each as it is: their values are there from the start."""
        return {p: p for p in self.get_parameters()}

    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Call ``fn`` with every Cell below, then with this one."""
        for cell in self.name_cells().values():
            cell.apply(fn)
        fn(self)
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
