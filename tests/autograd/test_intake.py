"""Data from outside: masked, sparse, text, dates, objects, other packages' arrays."""

import array
import collections
import decimal

import numpy as np
import pytest
import scipy.sparse

import snn
from autograd import Parameter, Tensor, as_tensor, nn, ops
from autograd.errors import DTypeError, ShapeError, StateDictError

MASKED = np.ma.masked_array([[1.0, 2.0]], mask=[[False, True]])
LOST = "The mask would be lost. Fill the array with .filled(0); if there is an argument mask=, pass the valid steps."
TEXT = "Convert the text first, such as with np.asarray(values, float)."
COLUMNS = "Take the columns that hold numbers, and convert them with .astype(float)."
PASS = "Pass numbers, a list of them or an array."
DENSE = "Convert it with .toarray()."
PART = "Take its .real, its .imag or its absolute value."
START, UNIT = "Count from a start: (t - t[0]) / np.timedelta64(1, 's').", "Divide by a unit: t / np.timedelta64(1, 's')."
FIELD = "Take one field of it, or convert it with .astype(np.float32)."

FOREIGN = {
    "masked": (MASKED, "an array without a mask", "MaskedArray [1, 2] Float64", LOST),
    "masked, nothing": (np.ma.masked_array([1.0]), "an array without a mask", "MaskedArray [1] Float64", LOST),
    "masked in a list": ([MASKED, MASKED], "an array without a mask", "MaskedArray [1, 2] Float64", LOST),
    "the masked constant": ([1.0, np.ma.masked], "an array without a mask", "MaskedConstant [] Float64", LOST),
    "csr matrix": (scipy.sparse.csr_matrix(np.eye(2)), "a dense array", "csr_matrix [2, 2] Float64", DENSE),
    "coo array": (scipy.sparse.coo_array(np.eye(2)), "a dense array", "coo_array [2, 2] Float64", DENSE),
    "text": ("abc", None, "str 'abc'", TEXT),
    "texts": (["1", "2"], None, "list ['1', '2']", TEXT),
    "bytes": (b"12", None, "bytes b'12'", TEXT),
    "array of texts": (np.array(["1"]), None, "ndarray [1] <u1", TEXT),
    "dates": (np.array(["2020-01-01"], "M8[D]"), None, "ndarray [1] Datetime64[d]", START),
    "durations": (np.array([1], "m8[s]"), None, "ndarray [1] Timedelta64[s]", UNIT),
    "complex": (1j, None, "complex 1j", PART),
    "complex array": (np.ones(2, np.complex64), None, "ndarray [2] Complex64", PART),
    "fields": (np.zeros(2, "f4,i4"), None, "ndarray [2] [('f0', '<f4'), ('f1', '<i4')]", FIELD),
    "objects": (np.array([1.0, None]), None, "ndarray [2] Object", COLUMNS),
    "numbers as objects": (np.array([1.0, 2.0], object), None, "ndarray [2] Object", COLUMNS),
    "too large": ([2**70], None, f"list [{2**70}]", COLUMNS),
    "decimals": ([decimal.Decimal(1)], None, "list [Decimal('1')]", COLUMNS),
    "nothing": (None, None, "NoneType None", PASS),
    "a set": ({1.0}, None, "set {1.0}", "Make a list of it first."),
    "a dict": ({"a": 1.0}, None, "dict {'a': 1.0}", "Make a list of it first."),
    "a function": (len, None, "builtin_function_or_method <built-in function len>", PASS),
}  # fmt: skip
TAKES = {
    "Tensor": (Tensor, "Tensor"),
    "Tensor, dtype": (lambda value: Tensor(value, np.float32), "Tensor"),
    "Parameter": (Parameter, "Parameter"),
    "set_data": (lambda value: Parameter(np.zeros(2, np.float32)).set_data(value), "Parameter 'Parameter'.set_data"),
    "as_tensor": (as_tensor, "as_tensor"),
}


@pytest.mark.parametrize(("take", "where"), TAKES.values(), ids=TAKES)
@pytest.mark.parametrize(("value", "expected", "got", "fix"), FOREIGN.values(), ids=FOREIGN)
def test_what_cannot_be_taken_whole_is_refused_with_advice(take, where, value, expected, got, fix):
    with pytest.raises(DTypeError) as error:
        take(value)
    assert str(error.value) == f"{where}: expected {expected or 'numbers or an array of them'}, got {got}. {fix}"


def node():
    return snn.IFNode()


X = np.ones((3, 1, 2), np.float32)
LABELS = np.ma.masked_array([0])
STEPS = np.ma.masked_array(np.ones((3, 1), bool))
PLACES = {
    "operator": lambda: Tensor([[1.0]]) + MASKED,
    "operator on the left": lambda: MASKED + Tensor([[1.0]]),
    "operation": lambda: ops.exp(MASKED),
    "layer": lambda: nn.Dense(2, 3)(MASKED),
    "weights": lambda: nn.Dense(2, 1, weight_init=MASKED),
    "input of a run": lambda: snn.run(node(), np.ma.masked_array(X)),
    "state of a run": lambda: snn.run(node(), X[:, :, :2], MASKED.astype(np.float32)),
    "mask of a run": lambda: snn.run(node(), X, mask=STEPS),
    "mask of health": lambda: snn.health(node(), X, mask=STEPS),
    "threshold": lambda: snn.IFNode(MASKED),
    "reset": lambda: snn.IFNode(v_reset=-MASKED),
    "time constant": lambda: snn.LIFNode(beta=MASKED / 4),
    "refractory": lambda: snn.Refractory(node(), LABELS + 1),
    "steepness": lambda: snn.surrogate.atan(MASKED),
    "encoder": lambda: snn.encode.direct(MASKED, 3),
    "labels of a loss": lambda: snn.losses.count_cross_entropy(X, LABELS),
    "mask of a loss": lambda: snn.losses.membrane_cross_entropy(X, [0], STEPS),
    "labels of a metric": lambda: snn.metrics.accuracy(X, LABELS),
    "mask of a metric": lambda: snn.metrics.firing_rate(X, mask=STEPS),
    "plot": lambda: snn.plot.trace(v=np.ma.masked_array(X[:, 0])),
    "raster": lambda: snn.plot.raster(np.ma.masked_array(X)),
    "confusion": lambda: snn.plot.confusion(LABELS, LABELS),
}


@pytest.mark.parametrize("take", PLACES.values(), ids=PLACES)
def test_no_place_loses_the_mask_of_an_array(take):
    with pytest.raises(DTypeError, match=r"expected an array without a mask, got Masked\w+ .*The mask would be lost"):
        take()


def test_a_masked_array_is_no_saved_weight():
    with pytest.raises(StateDictError, match=r"weight is MaskedArray \[1, 2\] Float64, not Parameter \[1, 2\] Float32"):
        nn.Dense(2, 1).load_state_dict({"weight": MASKED, "bias": np.zeros(1)})


class Frame:
    """What pandas has: an object that becomes an array of its dtype."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0], dtype)


ONES = np.ones(2)
TAKEN = {
    "an object with __array__": (Frame(), np.float64),
    "list of arrays": ([ONES, ONES], np.float64),
    "list of Tensors": ([Tensor(ONES), Tensor(ONES)], np.float64),
    "list of Tensors float16": ([Tensor(ONES, np.float16)], np.float16),
    "memory": (memoryview(ONES), np.float64),
    "array.array": (array.array("d", [1.0]), np.float64),
    "big endian": (ONES.astype(">f8"), np.float64),
    "big endian int": (ONES.astype(">i4"), np.int32),
    "a subclass": (ONES.view(np.recarray), np.float64),
    "floats": ([1.0, 2.0], np.float32),
    "floats of numpy in a list": ([np.float64(1.0)], np.float32),
    "deque": (collections.deque([1.0]), np.float32),
    "range": (range(3), np.int64),
    "bools": ([True], np.bool_),
}


@pytest.mark.parametrize("take", [Tensor, as_tensor, Parameter])
@pytest.mark.parametrize(("value", "dtype"), TAKEN.values(), ids=TAKEN)
def test_what_is_an_array_keeps_its_dtype_and_values(take, value, dtype):
    taken = take(value).asnumpy()
    assert type(taken) is np.ndarray
    assert taken.dtype == dtype
    assert taken.dtype.isnative
    wanted = [np.asarray(item) for item in value] if isinstance(value, list) else np.asarray(value)
    np.testing.assert_array_equal(taken, wanted)


def test_rows_of_different_length_are_still_a_matter_of_shape():
    with pytest.raises(ShapeError, match="nested sequences of one length"):
        Tensor([[1.0], [1.0, 2.0]])


class Stubborn:
    """What cannot become an array as it is, such as a tensor of torch on another device."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("it is on the moon")

    def __repr__(self):
        return "moonstone"


def test_what_refuses_to_become_an_array_is_quoted():
    with pytest.raises(DTypeError) as error:
        Tensor(Stubborn())
    assert str(error.value) == (
        "Tensor: expected numbers or an array of them, got Stubborn moonstone. Convert it to a numpy array first, a torch "
        "tensor with .detach().cpu().numpy() (numpy says: it is on the moon)."
    )


def test_tensors_of_torch_keep_their_dtype_and_are_refused_with_a_gradient():
    torch = pytest.importorskip("torch", reason="needs torch, whose tensors are taken: pip install 'spikecell[test]'")
    for dtype, wanted in ((torch.float64, np.float64), (torch.float16, np.float16), (torch.int32, np.int32)):
        taken = Tensor(torch.ones(2, dtype=dtype)).asnumpy()
        assert (taken.dtype, taken.tolist()) == (wanted, [1, 1])
    with pytest.raises(
        DTypeError, match=r"\.detach\(\)\.cpu\(\)\.numpy\(\) \(numpy says: Can't call numpy\(\) on Tensor that requires"
    ):
        Tensor(torch.ones(2, requires_grad=True))
