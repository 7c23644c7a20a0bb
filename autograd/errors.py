"""Errors that say where, what was expected, what came instead, and what to do."""

from __future__ import annotations

__all__ = [
    "ArgumentError", "AutogradError", "BpropError", "BpropShapeError", "CellError", "CheckpointError", "CompileError",
    "DTypeError", "DataError", "GradientError", "MissingExtraError", "NonFiniteError", "PositionError", "RankError",
    "ShapeError", "StateDictError", "StateError", "UnknownImportError", "UnknownKeyError", "UnknownNameError", "WriteError",
]  # fmt: skip


class AutogradError(Exception):
    """Base of every error raised on purpose by ``autograd``, ``snn`` and ``experiments``.

    Parameters
    ----------
    where : str
        The operation, Cell or argument that found the problem.
    expected : str
        Valid values.
    got : str
        The value that came instead, with shape and dtype if it is an array.
    fix : str
        What the user can do about it.
    """

    def __init__(self, where: str, expected: str, got: str, fix: str) -> None:
        self.where, self.expected, self.got, self.fix = where, expected, got, fix
        super().__init__(f"{where}: expected {expected}, got {got}. {fix}")

    def __reduce__(self) -> tuple[type[AutogradError], tuple[str, str, str, str]]:
        """Pickle by the four parts, so that an error can be sent to another process."""
        return type(self), (self.where, self.expected, self.got, self.fix)


class ShapeError(AutogradError, ValueError):
    """Shapes that do not fit each other or the operation."""


class DTypeError(AutogradError, TypeError):
    """A dtype, or a Python type, that the operation cannot take."""


class ArgumentError(AutogradError, ValueError):
    """An argument outside its valid range or choices."""


class PositionError(AutogradError, IndexError):
    """A position, or a name, that a container does not have."""


class UnknownNameError(AutogradError, AttributeError):
    """An unknown name, such as another framework's name for something that is called differently here."""


class UnknownKeyError(AutogradError, KeyError):
    """A key that a result does not have."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class UnknownImportError(AutogradError, ImportError):
    """An unknown name in an import."""


class DataError(AutogradError, ValueError):
    """A data file that cannot be used."""


class GradientError(AutogradError, RuntimeError):
    """A gradient that cannot be computed, or would be wrong."""


class BpropError(GradientError):
    """A ``bprop`` that breaks its contract."""


class BpropShapeError(BpropError, ShapeError):
    """A gradient of the wrong shape from a ``bprop``."""


class CellError(AutogradError, AttributeError):
    """A Cell that is built incorrectly."""


class CheckpointError(AutogradError, ValueError):
    """A checkpoint that cannot be used; nothing was loaded."""


class StateError(AutogradError, ValueError):
    """A state that does not fit the net or its input."""


class StateDictError(AutogradError, KeyError):
    """Saved weights that do not fit the Cell."""

    __str__ = Exception.__str__  # KeyError would print the repr of the message


class NonFiniteError(AutogradError, ArithmeticError):
    """NaN or infinity where numbers were expected."""


class CompileError(AutogradError, RuntimeError):
    """A compiled run that was requested but is not possible."""


class RankError(AutogradError, RuntimeError):
    """A process of a distributed training run that has failed or does not answer."""


class WriteError(AutogradError, OSError):
    """A file or a directory that cannot be written; earlier contents are kept."""

    __str__ = Exception.__str__  # OSError would print its own arguments


class MissingExtraError(AutogradError, ImportError):
    """An optional package that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of this distribution that installs it.
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
