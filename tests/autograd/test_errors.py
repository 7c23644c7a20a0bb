"""The error classes: four parts, one base, the matching builtin, and pickling across processes."""

import copy
import pickle

import pytest

from autograd import Cell, Tensor, errors, grad, nn
from autograd.errors import AutogradError, MissingExtraError, ShapeError

from .helpers import x23

CLASSES = [getattr(errors, name) for name in errors.__all__]
BUILTINS = {
    "AutogradError": Exception, "ArgumentError": ValueError, "BpropError": RuntimeError,
    "BpropShapeError": ValueError, "CellError": AttributeError, "CheckpointError": ValueError,
    "CompileError": RuntimeError, "DTypeError": TypeError, "DataError": ValueError, "GradientError": RuntimeError,
    "MissingExtraError": ImportError, "NonFiniteError": ArithmeticError, "PositionError": IndexError,
    "RankError": RuntimeError, "ShapeError": ValueError, "StateDictError": KeyError, "StateError": ValueError,
    "UnknownImportError": ImportError, "UnknownKeyError": KeyError, "UnknownNameError": AttributeError, "WriteError": OSError,
}  # fmt: skip


def make(cls):
    return (
        cls("numba", "compiled", "snn.run") if cls is MissingExtraError else cls("ops.add", "a thing", "another", "Do this.")
    )


def test_every_error_class_is_exported_and_listed():
    defined = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert set(errors.__all__) == defined == set(BUILTINS)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_is_an_autograd_error_and_the_builtin_that_fits(cls):
    assert issubclass(cls, AutogradError)
    assert issubclass(cls, BUILTINS[cls.__name__])


@pytest.mark.parametrize("cls", [c for c in CLASSES if c is not MissingExtraError])
def test_the_text_has_four_parts(cls):
    error = make(cls)
    assert str(error) == "ops.add: expected a thing, got another. Do this."
    assert (error.where, error.expected, error.got, error.fix) == ("ops.add", "a thing", "another", "Do this.")


def test_a_missing_extra_says_how_to_install_it():
    error = make(MissingExtraError)
    assert str(error) == (
        "snn.run: expected the package numba, got no such package in this environment. "
        "Install the extra: pip install 'spikecell[compiled]'."
    )
    assert (error.package, error.extra) == ("numba", "compiled")


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_survives_copying_and_pickling(cls, twin):
    error = make(cls)
    again = twin(error)
    assert type(again) is cls
    assert str(again) == str(error)
    assert (again.where, again.expected, again.got, again.fix) == (error.where, error.expected, error.got, error.fix)


def test_an_error_inside_a_net_names_the_cells_on_the_way():
    class Wrong(Cell):
        def construct(self, x):
            return x + Tensor([1.0, 2.0])

    with pytest.raises(ShapeError) as caught:
        grad(nn.SequentialCell(nn.ReLU(), Wrong()))(x23())
    assert caught.value.__notes__ == ["  in Wrong.construct", "  in SequentialCell.construct"]


def test_an_error_of_python_is_left_as_it_is():
    class Wrong(Cell):
        def construct(self, x):
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        Wrong()(x23())
    assert not hasattr(caught.value, "__notes__")
