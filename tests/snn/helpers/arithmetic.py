"""Functions of one element, traced and emitted, against the same operations run eagerly: bits and dtypes.

A NaN is a NaN: its sign and payload are the processor's choice, and differ within numpy too.
"""

import functools

import numpy as np

from autograd import Tensor, ops, trace
from autograd.dtypes import converted
from autograd.primitive import Primitive
from autograd.program import Program
from snn.engine.backends import back_end
from snn.engine.expression import expression
from snn.engine.loop import Body, Loop

WHOLE = [np.dtype(f"{sign}int{bits}") for bits in (8, 16, 32, 64) for sign in ("", "u")]
FLOATS = [np.dtype("float32"), np.dtype("float64")]
HALF = np.dtype("float16")
DTYPES = [np.dtype("bool"), *WHOLE, *FLOATS]

# What numbers an operation is tried on

PYTHON = [True, False, 0, 1, 2, 3, -1, -2, 7, 100, 127, 128, 255, 256, -129, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64, 0.0,
          -0.0, 0.5, -1.5, 2.0, 1e-40, 1e-320, 3e38, 1e300, float("inf"), -float("inf"), float("nan")]  # fmt: skip
NUMPY = [np.bool_(True), np.int8(-2), np.uint8(200), np.int64(3), np.uint64(2**63), np.float16(0.5), np.float32(0.1),
         np.float64(1e300)]  # fmt: skip


def special(dtype):
    """Return the values of a dtype on which arithmetic is likely to go wrong."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        near = {0, 1, 2, 3, 7, 100, high, high - 1, high // 2, low, low + 1, -1, -2, -7, 2**53 + 1, 2**24 + 1}
        return np.array(sorted(n for n in near if low <= n <= high), dtype)
    info = np.finfo(dtype)
    edges = [0.0, 0.3, 0.5, 1.0, 1.5, 2.0, 2.5, 7.0, 100.7, 127.5, 128.0, 255.9, 256.0, 300.0, 2.0**31, 2.0**32, 2.0**62]
    edges += [2.0**63, 2.0**64, 1e19, 1e35, np.inf, info.max, info.tiny, info.smallest_subnormal, info.tiny * 0.75]
    with np.errstate(over="ignore"):
        return np.array([*edges, *(-e for e in edges), np.nan], dtype)


# Every operation on one element that is public, however it is written

UNARY_METHODS = ["__neg__", "__pos__", "__abs__", "__invert__", "abs", "exp", "log", "sqrt", "square", "tanh", "sigmoid"]
BINARY_METHODS = [
    f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow") for side in ("", "r")
]
BINARY_METHODS += [f"__{name}__" for name in ("and", "or", "rand", "ror", "gt", "ge", "lt", "le", "eq", "ne")] + ["pow"]
COMPOSED = {  # public functions that are made of several operations
    "leaky_relu": ops.leaky_relu, "silu": ops.silu, "gelu": ops.gelu, "gelu tanh": lambda x: ops.gelu(x, "tanh"),
}  # fmt: skip
COMPOSED_BINARY = {
    "clip above": lambda x, y: ops.clip(x, y), "clip below": lambda x, y: ops.clip(x, None, y),
    "x.clip": lambda x, y: x.clip(y, 3) if isinstance(x, Tensor) else ops.clip(x, y, 3),
    "where x": lambda x, y: ops.where(x, y, x), "where y": lambda x, y: ops.where(y, x, 1),
    "where 0": lambda x, y: ops.where(x, 0, y), "where >": lambda x, y: ops.where(x > y, x, y),
}  # fmt: skip


def elementwise():
    """Return the elementwise primitives that are public, by name."""
    found = {}
    for name in ops.__all__:
        value = getattr(ops, name)
        if isinstance(value, Primitive) and (value.scalar is not None or value.expand is not None):
            found[name] = value
    return found


def unary():
    """Return every function of one Tensor that works on one element at a time, by name."""
    found = {name: op for name, op in elementwise().items() if op.arity == 1} | COMPOSED
    return (
        found
        | {f"x.{name}": (lambda x, name=name: getattr(x, name)()) for name in UNARY_METHODS}
        | {f"astype {dtype}": (lambda x, dtype=dtype: x.astype(dtype)) for dtype in DTYPES}
    )


def binary():
    """Return the same of two inputs, of which one may be a number."""
    found = {name: op for name, op in elementwise().items() if op.arity == 2} | COMPOSED_BINARY
    return found | {f"x.{name}": (lambda x, y, name=name: _method(name, x, y)) for name in BINARY_METHODS}


def _method(name, x, y):
    if not isinstance(x, Tensor):
        raise TypeError(f"{type(x).__name__} has no operators of ours")
    return getattr(x, name)(y)


# Both sides


def eager(fn, arrays):
    """Return what a function makes of arrays, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return np.array(fn(*map(Tensor, arrays)).array)
        except Exception as error:  # whatever it is, the traced one must be refused too
            return error


def traced(fn, dtypes):
    """Return the traced function, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return trace(fn, *dtypes)
        except Exception as error:
            return error


def together(fns, dtypes):
    """Trace many functions of the same inputs as one program."""
    with np.errstate(all="ignore"):
        return trace(lambda *inputs: [fn(*inputs) for fn in fns], *dtypes)


def run(program, inputs, outputs, arrays, mode="python", backward=False):
    """Return what the emitted loop writes for each output, from flat arrays of one length."""
    n = max(map(len, arrays), default=1)
    outputs = list(outputs)
    body = Body(streams=tuple(inputs), written=tuple(dict.fromkeys(outputs)))
    loop = Loop("forward", (body,), backward=backward)
    function, _, always = back_end(mode).loop([program], loop)
    u = np.uint64
    written = {i: np.empty(n, program.instructions[i].dtype) for i in body.written}
    given = {"samples": u(1), "span": u(1), "members": u(1), "width": u(n), "columns": u(n), "order": np.zeros(1, np.uint64)}
    given["strides"] = np.array([n, 0, 0] * (len(arrays) + len(written)), np.uint64)
    given |= {f"in{k}": np.ascontiguousarray(a) for k, a in enumerate(arrays)}
    given |= {f"out{k}": a for k, a in enumerate(written.values())}
    with np.errstate(all="ignore"):
        function(u(0), u(1), *[given[name] for name in loop.arguments()], *always)
    return [written[i] for i in outputs]


def difference(got, want):
    """Return how two arrays differ in dtype or bits, or nothing."""
    want = np.broadcast_to(want, got.shape)
    if got.dtype != want.dtype:
        return f"{got.dtype} instead of {want.dtype}"
    same = got == want
    if got.dtype.kind == "f":
        same = (same & (np.signbit(got) == np.signbit(want))) | (np.isnan(got) & np.isnan(want))
    if same.all():
        return ""
    at = int(np.flatnonzero(~same)[0])
    return f"{got[at]!r} instead of {want[at]!r} at {at}"


def pairs(*dtypes):
    """Return special values of dtypes, each with each, as flat arrays."""
    grids = np.meshgrid(*map(special, dtypes), indexing="ij")
    return [np.ascontiguousarray(g.reshape(-1)) for g in grids]


def kinds_of(program):
    """Return what a program computes: operations, or None for conversions, with the dtypes that go in and come out."""
    steps = program.instructions
    return {
        (s.what if s.kind == "operation" else None, tuple(steps[o].dtype for o in s.operands), s.dtype)
        for s in steps if s.kind in ("convert", "operation")
    }  # fmt: skip


@functools.cache
def every_kind():
    """Return all that the programs of one operation, on all pairs of dtypes, are made of."""
    found = set()
    for a in DTYPES:
        found |= _kinds(unary().values(), (a,)).union(*(_kinds(binary().values(), (a, b)) for b in DTYPES))
        found |= _kinds([lambda x: ops.pow(x, 3), lambda x: ops.pow(2, x)], (a,))
    return found


def _kinds(fns, dtypes):
    return set().union(*(kinds_of(t.program) for fn in fns if not isinstance(t := traced(fn, dtypes), Exception)))


def as_numpy(op, dtype, arrays):
    """Return what numpy makes of arrays by an operation, or a conversion."""
    with np.errstate(all="ignore"):
        return converted(arrays[0], dtype) if op is None else op.forward(*arrays)


def compiled(kinds, dtype):
    """Return the values of operations whose last input has a dtype, and what each makes of them in one compiled function.

    This is much less to compile than a loop over time, which is tested elsewhere.
    """
    y, x = pairs(dtype, dtype)
    program, arrays, body, calls, functions, given, compiled = Program(), {}, [], [], {}, [], back_end()
    outs = {out: np.empty((len(kinds), x.size), out) for _, _, out in kinds}
    for k, (op, dtypes, out) in enumerate(kinds):
        names = []
        for at, kind in enumerate(dtypes):
            natural = op is ops.pow and out.kind != "f" and at == 1  # numpy has no whole power with a negative exponent
            name = f"{'cxy'[at + 3 - max(2, len(dtypes))]}_{kind}{'_natural' * natural}"
            other = np.resize(special(kind), x.size)
            value = {"c": other, "x": x if kind == dtype else other, "y": y if kind == dtype else other}[name[0]]
            arrays[name] = np.where(value < 0, value.dtype.type(3), value) if natural else value
            names.append(name)
        given.append([arrays[name] for name in names])
        if getattr(op, "ufunc", None):
            functions |= dict(zip((f"function{k}", f"data{k}"), compiled.of_numpy(op.ufunc, out), strict=True))
            places = ", ".join(f"{name}, 1" for name in [*names, f"out_{out}[{k}]"][:2])
            calls.append(f"apply(function{k}, data{k}, n, {places}, out_{out}[{k}], places, count, steps)")
        else:
            numbers = [program.input(name, kind).index for name, kind in zip(names, dtypes, strict=True)]
            number = program.add("convert" if op is None else "operation", op, tuple(numbers), out, k)
            text = expression(program, number, {i: f"{name}[j]" for i, name in zip(numbers, names, strict=True)}, False)
            body.append(f"    out_{out}[{k}, j] = {text}")
    arguments = {"n": np.uint64(x.size)} | arrays | functions | {f"out_{out}": array for out, array in outs.items()}
    lines = [f"def lines({', '.join(arguments)}):", "for j in range(n):", *body]
    lines += ["places, count, steps = np.empty(3, np.intp), np.empty(1, np.intp), np.empty(3, np.intp)", *calls]
    compiled.load(compiled.module(["\n    ".join(lines) + "\n"])).lines(*arguments.values())
    return [(arrays, outs[out][k]) for k, (arrays, (_, _, out)) in enumerate(zip(given, kinds, strict=True))]
