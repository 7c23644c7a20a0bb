"""New values for a Parameter: rounded to its precision, kept exactly, or refused, by every way to assign them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Cell, Parameter, Tensor, ops
from autograd.errors import ArgumentError, AutogradError, DTypeError, GradientError, ShapeError

from .helpers import plain

INT_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def attribute(p, value):
    cell = Cell()
    cell.p = p
    cell.p = +value if isinstance(value, Tensor) else Tensor(value)
    assert cell.p is p


def load(p, value):
    cell = Cell()
    cell.p = p
    cell.load_state_dict({p.name: value}, finite=False)


WAYS = {
    "set_data": lambda p, value: p.set_data(value),
    "attribute": attribute,
    "assign": ops.assign,
    "Assign": ops.Assign(),
    "assign_add": lambda p, value: ops.assign_add(p, value) if p.dtype == bool else ops.assign_add(zeroed(p), value),
    "AssignAdd": lambda p, value: ops.AssignAdd()(zeroed(p), value),
    "load_state_dict": load,
}


def zeroed(p):
    p.array = np.zeros_like(p.array)
    return p


LOSSY = [
    ("int64", [1.9, -0.5], "float"), ("int64", [1.0, 2.0], "float"), ("int8", [300, 0], "range"), ("int8", [-129, 0], "range"),
    ("uint8", [-1, 0], "range"), ("uint8", [256, 0], "range"), ("int64", np.array([2**63, 0], np.uint64), "range"),
    ("uint64", np.array([-1, 0]), "range"), ("bool", [0, 1], "bool"), ("bool", [0.0, 1.0], "bool"),
    ("float32", np.array([1e39, 0]), "range"), ("float16", np.array([70000.0, 0], np.float32), "range"),
    ("float16", [70000, 0], "range"), ("float32", np.zeros(3), "shape"), ("int64", np.zeros((2, 1), int), "shape"),
]  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("dtype", "value", "why"), LOSSY, ids=lambda v: str(v))
def test_a_lossy_assignment_is_refused_and_changes_nothing(way, dtype, value, why):
    p = Parameter(np.array([0, 0], dtype), requires_grad=False)
    with pytest.raises(AutogradError) as caught:
        WAYS[way](p, value)
    assert plain(p) == [0, 0]
    assert p.dtype == dtype
    if way not in ("load_state_dict", "assign_add", "AssignAdd"):
        kinds = {"range": ArgumentError, "shape": ShapeError, "float": DTypeError, "bool": DTypeError}
        assert isinstance(caught.value, kinds[why])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int8", [127, -128]), ("int64", np.array([7, 8], np.int32)), ("uint8", [True, False]), ("float32", [7, 8]),
        ("float32", np.array([7.5, 8.5])), ("float64", [0.5, 2.5]), ("float16", np.array([0.5, 65504.0])),
        ("float32", [np.nan, np.inf]), ("int64", Tensor([7, 8])), ("float32", Parameter([1.0, 2.0])),
    ],
    ids=lambda v: str(v),
)  # fmt: skip
def test_what_fits_is_taken(way, dtype, value):
    p = Parameter(np.array([0, 0], dtype), requires_grad=False)
    WAYS[way](p, value)
    assert p.dtype == dtype
    assert np.array_equal(p, np.asarray(value), equal_nan=p.dtype.kind == "f")


def test_python_floats_keep_their_precision_in_float64():
    assert Parameter(np.zeros(1)).set_data([0.1]).item() == 0.1


@given(
    dtype=st.sampled_from(INT_TYPES), value=st.integers(-(2**63), 2**64 - 1), add=st.integers(-(2**63), 2**64 - 1),
    other=st.sampled_from(INT_TYPES),
)  # fmt: skip
def test_whole_numbers_come_out_exact_or_are_refused(dtype, value, add, other):
    info, wide = np.iinfo(dtype), np.iinfo(other)
    value, add = min(max(value, info.min), info.max), min(max(add, wide.min), wide.max)
    change = np.array([add], other)
    for way, want in ((ops.assign, add), (ops.assign_add, value + add), (ops.assign_sub, value - add)):
        p = Parameter(np.array([value], dtype), requires_grad=False)
        if info.min <= want <= info.max:
            assert way(p, change).item() == want
        else:
            with pytest.raises(ArgumentError, match="range of Parameter"):
                way(p, change)
            assert p.item() == value


def test_the_texts():
    q, n, b = Parameter([1, 2], name="q"), Parameter(np.zeros(1, np.int8), name="n"), Parameter([True], name="b")
    with pytest.raises(DTypeError) as caught:
        q.set_data([1.9, -0.5])
    assert str(caught.value) == (
        "Parameter 'q'.set_data: expected bools or whole numbers for Parameter [2] Int64, got ndarray [2] Float64. If "
        "rounding is meant, convert them first: .astype('int64')."
    )
    with pytest.raises(ArgumentError) as other:
        n.set_data([300])
    assert str(other.value) == (
        "Parameter 'n'.set_data: expected numbers from -128 to 127, the range of Parameter [1] Int8, got 300. Scale them, or "
        "make a new Parameter of a wider dtype."
    )
    with pytest.raises(DTypeError, match=r"'b'.set_data: expected bools for Parameter \[1\] Bool, got ndarray \[1\] Int64"):
        b.set_data([1])
    with pytest.raises(ShapeError, match=r"ops.assign_add: expected shape \[2\], got ndarray \[3\] Int64. Reshape it"):
        ops.assign_add(q, np.zeros(3, int))


def test_values_that_are_being_differentiated_are_refused_in_a_list():
    from autograd import grad

    p = Parameter([1.0])
    with pytest.raises(GradientError, match=r"Join them with ops\.stack"):
        grad(lambda x: p.set_data([x]) * x)(Tensor(2.0))


@pytest.mark.parametrize("flag", ["no", 1, 0, None, np.array([1, 0]), [True]], ids=repr)
def test_a_flag_that_is_no_bool_is_refused(flag):
    p = Parameter([1.0], name="p")
    with pytest.raises(DTypeError, match=r"expected requires_grad to be a bool, got .* Pass True or False"):
        Parameter([1.0], requires_grad=flag)
    with pytest.raises(DTypeError, match="Parameter 'p': expected requires_grad to be a bool"):
        p.requires_grad = flag
    for make in (
        lambda: Parameter([1.0], layerwise_parallel=flag), lambda: Parameter([1.0], parallel_optimizer=flag),
        lambda: Cell(auto_prefix=flag), lambda: Cell().set_train(flag), lambda: Cell().set_grad(flag),
    ):  # fmt: skip
        with pytest.raises(DTypeError, match="to be a bool, got"):
            make()


def test_a_bool_of_numpy_is_a_flag():
    p = Parameter([1.0], requires_grad=np.bool_(False))
    assert p.requires_grad is False
    assert Cell().set_train(np.bool_(True)).training is True
