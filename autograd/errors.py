"""Errors that say where, what was expected, what came, and what to do."""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "AutogradError",
    "BpropError",
    "BpropShapeError",
    "CellError",
    "CheckpointError",
    "CompileError",
    "DTypeError",
    "DataError",
    "GradientError",
    "MissingExtraError",
    "NonFiniteError",
    "PositionError",
    "RankError",
    "ShapeError",
    "StateDictError",
    "StateError",
    "UnknownImportError",
    "UnknownNameError",
    "WriteError",
]


class AutogradError(Exception):
    """Base of every error raised on purpose by ``autograd``, ``snn`` and ``experiments``.

    Parameters
    ----------
    where : str
        The operation, Cell or argument that found the problem.
    expected : str
        What would have been right.
    got : str
        What came instead, with shape and dtype where it is an array.
    fix : str
        What the user can do about it.
    """

    def __init__(self, where: str, expected: str, got: str, fix: str) -> None:
        self.where, self.expected, self.got, self.fix = where, expected, got, fix
        super().__init__(f"{where}: expected {expected}, got {got}. {fix}")

    def __reduce__(self) -> tuple[type[AutogradError], tuple[str, str, str, str]]:
        """Pickle by the four parts, so that an error crosses a process boundary whole."""
        return type(self), (self.where, self.expected, self.got, self.fix)


class ShapeError(AutogradError, ValueError):
    """Shapes that do not fit each other or the operation."""


class DTypeError(AutogradError, TypeError):
    """A dtype, or a Python type, that the operation cannot take."""


class ArgumentError(AutogradError, ValueError):
    """An argument outside what it may be."""


class PositionError(AutogradError, IndexError):
    """A position, or a name, that a container does not have."""


class UnknownNameError(AutogradError, AttributeError):
    """A name that is not ours, such as another framework's for something that has another name here."""


class UnknownImportError(AutogradError, ImportError):
    """The same for a name that is imported."""


class DataError(AutogradError, ValueError):
    """A data file that cannot be used."""


class GradientError(AutogradError, RuntimeError):
    """A gradient that cannot be given, or that would be wrong."""


class BpropError(GradientError):
    """A ``bprop`` that breaks its contract."""


class BpropShapeError(BpropError, ShapeError):
    """A gradient of the wrong shape from a ``bprop``."""


class CellError(AutogradError, AttributeError):
    """A Cell that is put together wrongly."""


class CheckpointError(AutogradError, ValueError):
    """A checkpoint that cannot be used; nothing of it was loaded."""


class StateError(AutogradError, ValueError):
    """A state that does not fit the net or its input."""


class StateDictError(AutogradError, KeyError):
    """Saved weights that do not fit the Cell."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class NonFiniteError(AutogradError, ArithmeticError):
    """NaN or infinity where numbers were expected."""


class CompileError(AutogradError, RuntimeError):
    """A compiled run that was asked for and cannot be had."""


class RankError(AutogradError, RuntimeError):
    """A process that trains together with others, and has failed or does not answer."""


class WriteError(AutogradError, OSError):
    """A file or a directory that cannot be written; what was there before stays."""

    __str__ = Exception.__str__  # OSError would print its own arguments


class MissingExtraError(AutogradError, ImportError):
    """An optional package that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of this distribution that brings it.
    where : str
        The function that needs it.
    """

    def __init__(self, package: str, extra: str, where: str) -> None:
        super().__init__(
            where,
            f"the package {package}",
            "no such package in this environment",
            f"Install the extra: pip install 'spikecell[{extra}]'.",
        )
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[type[AutogradError], tuple[str, str, str]]:  # type: ignore[override]
        """Pickle by the three arguments."""
        return type(self), (self.package, self.extra, self.where)


def __dir__() -> list[str]:
    return sorted(__all__)
