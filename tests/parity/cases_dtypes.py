"""U and J7: dtypes of results, conversions of a Tensor to Python values, and printing."""

import numpy as np

import autograd as ms
from autograd import Tensor, ops
from autograd.errors import ArgumentError

from .table import Fails, X, differs, same

ARRAYS = "A numpy array in an operation with a Tensor"
MEAN = "The mean of whole numbers"
DTYPES = "How dtypes are written"

F = Tensor([1.0, 2.0])
H = Tensor([1.0, 2.0], ms.float16)
I = Tensor([1, 2], ms.int32)  # noqa: E741 - f, h and i as in the names of the cases
MANY = Fails(ArgumentError, "expected one element")


def of(dtype, *values):
    return np.array(values, dtype)


def scalar(dtype, value):
    return np.array(value, dtype)


SAME = {
    # Two Tensors: the higher kind wins, then the wider
    "i32/i32": (lambda: I / I, [1.0, 1.0]),
    "f16+f32": (lambda: H + F, [2.0, 4.0]),
    "i32+f16": (lambda: I + H, of("float16", 2, 4)),
    "bool+f32": (lambda: (F > 1) + F, [1.0, 3.0]),
    "bool+bool": (lambda: (F > 1) + (F > 1), of(bool, False, True)),
    "f64+f32": (lambda: Tensor([1.0], ms.float64) + Tensor([1.0]), of("float64", 2)),
    "i64+i32": (lambda: Tensor([1], ms.int64) + Tensor([1], ms.int32), of("int64", 2)),
    "u8+i8": (lambda: Tensor([1], ms.uint8) + Tensor([1], ms.int8), of("int16", 2)),
    "f32+int64": (lambda: F + Tensor([1, 1], ms.int64), [2.0, 3.0]),
    # A Python scalar is weak
    "i32*0.5": (lambda: I * 0.5, [0.5, 1.0]),
    "f32*2": (lambda: F * 2, [2.0, 4.0]),
    "f16*2.5": (lambda: H * 2.5, of("float16", 2.5, 5)),
    "1-f32": (lambda: 1 - F, [0.0, -1.0]),
    "bool*2": (lambda: (F > 1) * 2, of("int64", 0, 2)),
    "i32*True": (lambda: I * True, of("int32", 1, 2)),
    "i32//2": (lambda: I // 2, of("int32", 0, 1)),
    "f32%2": (lambda: F % 2, [1.0, 0.0]),
    "-f": (lambda: -F, [-1.0, -2.0]),
    "f**2": (lambda: F**2, [1.0, 4.0]),
    # Comparisons
    "f32>0": (lambda: F > 0, of(bool, True, True)),
    "f32==f32": (lambda: F == F, of(bool, True, True)),
    "f32==1": (lambda: F == 1, of(bool, True, False)),
    "f32==None": (lambda: F == None, False),  # noqa: E711
    "greater(x,0)": (lambda: ops.Greater()(F, 0), of(bool, True, True)),
    "Greater i32,1.5": (lambda: ops.Greater()(I, 1.5), of(bool, False, True)),
    # Made from Python values
    "Tensor(1.0)": (lambda: Tensor(1.0), 1.0),
    "Tensor(1)": (lambda: Tensor(1), scalar("int64", 1)),
    "Tensor([1,2])": (lambda: Tensor([1, 2]), of("int64", 1, 2)),
    "Tensor([1.,2.])": (lambda: Tensor([1.0, 2.0]), [1.0, 2.0]),
    "Tensor(np f64)": (lambda: Tensor(np.array([1.0])), of("float64", 1)),
    "Tensor(True)": (lambda: Tensor(True), scalar(bool, True)),
    # Read as Python values
    "bool(Tensor)": (lambda: bool(F), MANY),
    "bool(T1)": (lambda: bool(Tensor(1.0)), True),
    "float(T1)": (lambda: float(Tensor(1.0)), 1.0),
    "int(T)": (lambda: int(Tensor(1.7)), 1),
    "len": (lambda: len(X), 2),
    "iter": (lambda: tuple(F), (1.0, 2.0)),
    "f[0]": (lambda: F[0], 1.0),
    "x.item()": (lambda: Tensor(1.0).item(), 1.0),
    "hash in dict": (lambda: {F: 1}[F], 1),
    "x in list": (lambda: F in [Tensor([1.0, 2.0])], MANY),
    "x.asnumpy() writable": (lambda: bool(F.asnumpy().flags.writeable), True),
    "shape type": (lambda: type(X.shape).__name__, "tuple"),
    # Reductions and casts
    "f.sum()": (lambda: F.sum(), 3.0),
    "i.sum()": (lambda: I.sum(), scalar("int64", 3)),
    "bool.sum()": (lambda: (F > 0).sum(), scalar("int64", 2)),
    "f.mean()": (lambda: F.mean(), 1.5),
    "f16.sum": (lambda: H.sum(), scalar("float16", 3)),
    "astype str": (lambda: F.astype("int32"), of("int32", 1, 2)),
}
DIFFERS = {
    "f32*np64": (ARRAYS, lambda: F * np.array([1.0, 2.0]), of("float64", 1, 4)),
    "np64*f32": (ARRAYS, lambda: np.array([1.0, 2.0]) * F, of("float64", 1, 4)),
    "i.mean()": (MEAN, lambda: I.mean(), 1.5),
    "dtype repr": (DTYPES, lambda: (str(F.dtype), repr(F.dtype)), ("float32", "dtype('float32')")),
}

for name, (run, want) in SAME.items():
    same(want, f"U_{name}")(run)
for name, (subject, run, want) in DIFFERS.items():
    differs(subject, want, f"U_{name}")(run)

IN_J7 = ["i32*0.5", "i32/i32", "f16+f32", "f32*2", "f16*2.5", "i32+f16", "f32>0", "1-f32", "Tensor(1.0)", "Tensor(1)"]
IN_J7 += ["Tensor([1,2])", "Tensor([1.,2.])", "Tensor(np f64)", "bool+f32", "bool*2", "i32//2", "f32%2", "-f", "f**2"]


@differs(ARRAYS, (*(SAME[name][1] for name in IN_J7), DIFFERS["f32*np64"][2]))
def J7_scalar_dtype_rules():  # noqa: N802
    return (*(SAME[name][0]() for name in IN_J7), F * np.array([1.0, 2.0]))


REPR = ("Tensor(shape=[2, 3], dtype=Float32, value=\n[[ 1.00000000e+00,  2.00000000e+00,  3.00000000e+00],\n"
        " [ 4.00000000e+00,  5.00000000e+00,  6.00000000e+00]])")  # fmt: skip


@same(("[[1. 2. 3.]\n [4. 5. 6.]]", REPR, f"({REPR},)"))
def J10_str_repr():  # noqa: N802
    return str(X), repr(X), repr((X,))
