"""Parameter and ParameterTuple. Cases V of the behaviour table."""

import numpy as np
import pytest

from autograd import Parameter, ParameterTuple, Tensor, grad, nn
from autograd.errors import ArgumentError, DTypeError

from .helpers import plain


def test_a_parameter_is_a_tensor_and_its_results_are_not_parameters():
    p = Parameter([1.0, 2.0], name="p")
    assert isinstance(p, Tensor)
    assert type(p + 1) is Tensor
    assert type(grad(lambda: p * p, None, p)()) is Tensor


@pytest.mark.parametrize(
    ("value", "dtype"), [(np.ones(2), "float64"), (3, "int64"), (3.0, "float32"), ([1.0, 2.0], "float32")]
)  # fmt: skip
def test_dtype_of_a_parameter(value, dtype):
    assert Parameter(value).dtype == dtype


def test_print_of_a_parameter():
    p = Parameter([1.0, 2.0], name="p")
    assert repr(p) == str(p) == f"{p}" == "Parameter (name=p, shape=(2,), dtype=Float32, requires_grad=True)"
    assert Parameter([1.0], requires_grad=False).name == "Parameter"


def test_a_parameter_copies_its_values():
    values = np.array([1.0, 2.0])
    p = Parameter(values)
    values[0] = 9.0
    assert plain(p) == [1.0, 2.0]
    p.set_data(values)
    values[1] = 9.0
    assert plain(p) == [9.0, 2.0]


def test_set_data_keeps_the_dtype():
    p = Parameter([1.0, 2.0])
    assert p.set_data(np.array([7, 8])) is p
    assert (p.dtype, plain(p)) == (np.float32, [7.0, 8.0])


def test_a_clone_has_the_names_and_a_copy_of_the_values():
    net = nn.SequentialCell(nn.Dense(2, 1))
    p = net[0].weight
    p.requires_grad = False
    q = p.clone()
    assert (q.name, q.own_name, q.requires_grad, plain(q)) == ("0.weight", "weight", False, plain(p))
    q.set_data([[0.0, 0.0]])
    assert plain(p) != [[0.0, 0.0]]


def test_what_mindspore_has_for_many_processes_is_taken_and_changes_nothing():
    p = Parameter([1.0], name="p", layerwise_parallel=True, parallel_optimizer=False)
    assert plain(p) == [1.0]


@pytest.mark.parametrize("name", [3, b"w", ["w"]])
def test_a_name_that_is_no_string_is_refused(name):
    with pytest.raises(DTypeError, match=r"Parameter: expected a name that is a string or None, got .* Leave name out"):
        Parameter([1.0], name=name)


def test_parameter_tuple():
    w, b = Parameter([1.0], name="w"), Parameter([2.0], name="b")
    pair = ParameterTuple([w, b])
    assert isinstance(pair, tuple)
    assert pair == (w, b)
    assert len(ParameterTuple(iter([w, w]))) == 2


def test_parameter_tuple_refuses_two_of_one_name_and_what_is_no_parameter():
    w = Parameter([1.0], name="w")
    with pytest.raises(ArgumentError, match=r"ParameterTuple: expected distinct names, got 'w' twice. Name them"):
        ParameterTuple([w, Parameter([1.0], name="w")])
    with pytest.raises(DTypeError, match=r"ParameterTuple: expected Parameters only, got int 1. Pass cell.trainable_params"):
        ParameterTuple([w, 1])
