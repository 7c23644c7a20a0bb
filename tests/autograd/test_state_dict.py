"""Saving and loading weights."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, nn, optim
from autograd.errors import StateDictError

from .helpers import Linear, plain


def net():
    return nn.SequentialCell(nn.Dense(2, 3, rng=0), nn.Dense(3, 1, rng=1))


def test_state_dict_holds_copies_in_order():
    cell = net()
    saved = cell.state_dict()
    assert list(saved) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    saved["0.weight"][:] = 0
    assert np.count_nonzero(cell[0].weight.array) == 6


def test_a_round_trip_gives_the_same_bits():
    first, second = net(), nn.SequentialCell(nn.Dense(2, 3, rng=7), nn.Dense(3, 1, rng=8))
    assert second.load_state_dict(first.state_dict()) == ([], [])
    for name, value in first.state_dict().items():
        assert np.array_equal(value, second.state_dict()[name])


def test_loading_copies_and_keeps_the_parameters_and_their_dtype():
    cell = Linear()
    w, values = cell.w, {"w": np.array([7.0, 8.0, 9.0]), "b": Tensor([1, 2, 3])}
    cell.load_state_dict(values)
    values["w"][:] = 0
    assert cell.w is w
    assert cell.w.dtype == np.float32
    assert plain((cell.w, cell.b)) == ([7.0, 8.0, 9.0], [1.0, 2.0, 3.0])


def load_fails(cell, weights, message, **options):
    before = {name: value.copy() for name, value in cell.state_dict().items()}
    with pytest.raises(StateDictError, match=message):
        cell.load_state_dict(weights, **options)
    assert all(np.array_equal(before[name], value) for name, value in cell.state_dict().items())


def test_every_mismatch_is_listed_and_nothing_is_loaded():
    weights = {"w": np.zeros(2), "extra": np.zeros(1), "more": np.zeros(1)}
    message = (
        r"Linear.load_state_dict: expected weights for each Parameter, of its shape, got w is ndarray \[2\] Float64, not "
        r"Parameter \[3\] Float32; missing: b; unexpected: extra, more. Nothing was loaded. Build the Cell as it was"
    )
    load_fails(Linear(), weights, message)


def test_a_good_weight_is_not_loaded_beside_a_bad_one():
    load_fails(Linear(), {"w": np.zeros(3)}, r"got missing: b. Nothing was loaded")
    load_fails(Linear(), {"w": np.zeros(3), "b": np.zeros(3), "c": np.zeros(1)}, r"got unexpected: c. Nothing was loaded")
    load_fails(
        Linear(), {"w": np.zeros(3), "b": np.zeros((1, 3))}, r"got b is ndarray \[1, 3\] Float64, not Parameter \[3\] Fl"
    )
    load_fails(
        Linear(), {"w": np.zeros(3), "b": np.array(["a"] * 3)}, r"got b is ndarray \[3\] <u1, not Parameter \[3\] Float32"
    )


def test_not_strict_leaves_names_alone_but_not_shapes():
    cell = Linear()
    assert cell.load_state_dict({"w": np.zeros(3), "extra": np.zeros(1)}, strict=False) == (["b"], ["extra"])
    assert plain((cell.w, cell.b)) == ([0.0] * 3, [1.0] * 3)
    load_fails(Linear(), {"w": np.zeros(2)}, r"got w is ndarray \[2\] Float64", strict=False)


def test_the_error_is_a_key_error_with_a_readable_text():
    with pytest.raises(KeyError) as caught:
        Linear().load_state_dict({})
    assert str(caught.value).startswith("Linear.load_state_dict: expected weights")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            np.array([1.0, 1e300, 0.0]),
            r"b has 1e\+300, not numbers from -3.4\d*e\+38 to 3.4\d*e\+38, the range of P",
        ),
        (np.array([1.0, np.nan, 0.0]), "b has NaN or infinity"),
        ([1.0, -np.inf, 0.0], "b has NaN or infinity"),
        (np.array([1.0, 2.0, 3.0]) + 1j, r"b is ndarray \[3\] Complex128, not Parameter"),
    ],
    ids=["overflow", "NaN", "infinity", "complex"],
)
@pytest.mark.filterwarnings("error")
def test_what_would_be_lost_or_is_not_finite_is_refused_also_where_warnings_are_errors(value, text):
    load_fails(Linear(), {"w": np.full(3, 9.0), "b": value}, text)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("dtype", "value"), [("int8", 300), ("int8", 1.0), ("uint8", -1), ("bool", 1), ("float16", 70000)])
def test_a_value_that_a_dtype_cannot_hold_is_refused(dtype, value):
    cell = Cell()
    cell.a, cell.n = Parameter([1.0]), Parameter(np.zeros(1, dtype), requires_grad=False)
    load_fails(cell, {"a": np.array([2.0]), "n": np.array([value])}, "n (is|has) ")


def test_what_is_not_finite_can_be_asked_for():
    cell = Linear()
    cell.load_state_dict({"w": [np.nan, np.inf, 1.0], "b": np.zeros(3)}, finite=False)
    assert np.array_equal(cell.w, [np.nan, np.inf, 1.0], equal_nan=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "change",
    [
        {"0.w.mean": np.full(2, 1e300)}, {"0.w.square": np.array([np.nan, 0.0])}, {"0.w.mean": np.array(["a", "b"])},
        {"0.w.mean": np.zeros(3)}, {"step": 1.5}, {"step": -1}, {"step": "3"}, {"step": np.array([1, 2])},
    ],
    ids=repr,
)  # fmt: skip
def test_the_state_of_an_optimizer_is_loaded_whole_or_not_at_all(change):
    optimizer = optim.Adam([Parameter([1.0, 2.0], name="w")])
    optimizer([Tensor([1.0, 2.0])])
    before = optimizer.state_dict()
    with pytest.raises(StateDictError, match=r"a mismatch in (0.w|step).* Nothing was loaded"):
        optimizer.load_state_dict({**before, "step": 7, **change})
    assert {k: np.asarray(v).tolist() for k, v in optimizer.state_dict().items()} == {
        k: np.asarray(v).tolist() for k, v in before.items()
    }
