"""Saving and loading weights."""

import numpy as np
import pytest

from autograd import Tensor, nn
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
