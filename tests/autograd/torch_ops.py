"""The table of differentiable operations for random programs: the calls here and in torch, and where they are smooth.

torch is an argument, so only the tests that run it import it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from autograd import ops

from .torch_images import table_of_images

GAP = 1e-3  # how far from a kink a value must be


@dataclass
class Op:
    """An operation.

    Attributes
    ----------
    ours, theirs : callable
        Take tensors and options; the second takes torch before them.
    arity : int
        How many tensors.
    fits : callable
        Return whether it is defined and smooth for some arrays.
    options : callable
        Draw options for some shapes.
    """

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    arity: int = 1
    fits: Callable[..., bool] = lambda *arrays: True
    options: Callable[..., dict[str, Any]] = lambda draw, *shapes: {}


# Where


def positive(x):
    return x.min() > 0.1


def away_from(*kinks):
    return lambda x: all(np.abs(x - kink).min() > GAP for kink in kinks)


def distinct(x):
    return x.ndim > 0 and (x.size == 1 or np.diff(np.sort(x.reshape(-1))).min() > GAP)


def varied(x):
    """Return whether the standard deviation is smooth along each axis."""
    return x.ndim > 0 and min(x.std(axis).min() for axis in range(x.ndim)) > 0.1


def several_axes(x):
    return x.ndim > 1


def some_axes(x):
    return x.ndim > 0


def broadcast(x, y):
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return True


def broadcast_where(condition):
    return lambda x, y: broadcast(x, y) and condition(*np.broadcast_arrays(x, y))


def matrices(x, y):
    try:
        np.matmul(x, y)
    except ValueError:
        return False
    return True


# Options


def drawn(**choices):
    return lambda draw, *shapes: {name: draw(st.sampled_from(choice)) for name, choice in choices.items()}


def one_axis(draw, shape, *_):
    return {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


def some_axis(draw, shape):
    axes = [None, *range(len(shape)), -1, *([(0, -1)] if len(shape) > 1 else [])]
    return {"axis": draw(st.sampled_from(axes if shape else [None])), "keepdims": draw(st.booleans())}


def none_or_one_axis(draw, shape):
    axes = [None, *range(len(shape))]
    axis = draw(st.sampled_from(axes))
    return {"axis": axis, "keepdims": draw(st.booleans()) if axis is not None else False}


def new_axis(draw, shape, *_):
    return {"axis": draw(st.integers(-len(shape) - 1, len(shape)))}


def new_shape(draw, shape):
    size = int(np.prod(shape))
    factors = [(n, size // n) for n in range(1, size + 1) if size % n == 0]
    return {"shape": draw(st.sampled_from([(size,), *factors, (1, size, 1), *[(n, -1) for n, _ in factors]]))}


def order_of_axes(draw, shape):
    return {"axes": tuple(draw(st.permutations(range(len(shape)))))}


def two_axes(draw, shape):
    axes = st.integers(-len(shape), len(shape) - 1)
    return {"axis1": draw(axes), "axis2": draw(axes)}


def stretched(draw, shape):
    before = draw(st.sampled_from([(), (2,), (2, 1)]))
    return {"shape": before + tuple(draw(st.sampled_from([1, 2, 3])) if n == 1 else n for n in shape)}


def shrunk(draw, shape):
    kept = shape[draw(st.integers(0, len(shape))) :]
    return {"shape": tuple(draw(st.sampled_from([1, n])) for n in kept)}


def index(draw, shape):
    """Draw an index that numpy and torch both accept."""
    n = shape[0]
    rows = st.lists(st.integers(-n, n - 1), min_size=1, max_size=3)
    choices = [
        st.integers(-n, n - 1),
        st.sampled_from([slice(None, -1), slice(None, None, 2), slice(1, None), (None, 0), (Ellipsis, None)]),
        st.sampled_from([(Ellipsis, 0), (Ellipsis, slice(None, None, 2)), (slice(None), None)]),
        rows,
        st.lists(st.booleans(), min_size=n, max_size=n),
    ]
    if len(shape) > 1:
        m = shape[1]
        columns = st.lists(st.integers(-m, m - 1), min_size=2, max_size=2)
        choices += [
            st.tuples(st.lists(st.integers(-n, n - 1), min_size=2, max_size=2), columns),
            st.tuples(st.just(slice(None)), columns),
            st.tuples(st.integers(-n, n - 1), st.just(slice(None, None, 2))),
        ]
    return {"index": draw(st.one_of(choices))}


def positions(draw, shape):
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    n = shape[axis]
    return {"indices": draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3)), "axis": axis}


def labels(draw, shape):
    return {"labels": draw(st.lists(st.integers(0, shape[1] - 1), min_size=shape[0], max_size=shape[0]))}


def widths(draw, shape):
    return {"pad_width": tuple(draw(st.tuples(st.integers(0, 1), st.integers(0, 2))) for _ in shape)}


# Calls that differ more than in their names


def axes_of(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def reduction(name, **more):
    return lambda t, x, axis, keepdims: getattr(t, name)(x, dim=axes_of(x, axis), keepdim=keepdims, **more)


def torch_pad(t, x, pad_width):
    return t.nn.functional.pad(x, [n for before_after in reversed(pad_width) for n in before_after], value=0.5)


def parts(pieces):
    """Use every piece, each in another way."""
    return sum(piece * (k + 1) for k, piece in enumerate(pieces))


def torch_prod(t, x, axis, keepdims):
    return t.prod(x) if axis is None else t.prod(x, axis, keepdim=keepdims)


def torch_cross_entropy(t, x, labels):
    return t.nn.functional.cross_entropy(x, t.tensor(labels))


def torch_flip(t, x, axis):
    return t.flip(x, [axis])


def einsum(subscripts, arity, fits):
    return Op(lambda *xs: ops.einsum(subscripts, *xs), lambda t, *xs: t.einsum(subscripts, *xs), arity, fits)


def same(name, **more):
    """Return an operation on one tensor that both call by the same name."""
    return Op(getattr(ops, name), lambda t, x, **options: getattr(t, name)(x, **options), **more)


def both(name, theirs=None, fits=broadcast):
    return Op(getattr(ops, name), lambda t, x, y: getattr(t, theirs or name)(x, y), 2, fits)


def reduced(name, theirs, **more):
    return Op(getattr(ops, name), reduction(theirs), options=some_axis, **more)


def along(name, theirs, options=one_axis):
    return Op(getattr(ops, name), lambda t, x, axis: theirs(t, x, axis), fits=some_axes, options=options)


TABLE = {
    # Elementwise
    "tanh": same("tanh"),
    "add": both("add"),
    "sub": both("sub"),
    "mul": both("mul"),
    "div": both("div", fits=broadcast_where(lambda x, y: np.abs(y).min() > 0.2)),
    "mod": both("mod", "remainder", broadcast_where(
        lambda x, y: np.abs(y).min() > 0.2 and np.abs(x / y - np.round(x / y)).min() > GAP)),
    "pow": both("pow", fits=broadcast_where(lambda x, y: x.min() > 0.2)),
    "pow cube": Op(lambda x: x**3, lambda t, x: x**3),
    "pow inverse": Op(lambda x: x**-2.0, lambda t, x: x**-2.0, fits=positive),
    "pow exponent": Op(lambda x: 1.7**x, lambda t, x: 1.7**x),
    "neg": same("neg"),
    "square": same("square"),
    "sqrt": same("sqrt", fits=positive),
    "abs": same("abs", fits=away_from(0)),
    "exp": same("exp"),
    "log": same("log", fits=positive),
    "log1p": same("log1p", fits=lambda x: x.min() > -0.8),
    "sin": same("sin"),
    "cos": same("cos"),
    "atan": same("atan"),
    "erf": same("erf"),
    "sigmoid": same("sigmoid"),
    "relu": same("relu", fits=away_from(0)),
    "relu6": Op(ops.relu6, lambda t, x: t.nn.functional.relu6(x), fits=away_from(0, 6)),
    "leaky_relu": Op(ops.leaky_relu, lambda t, x: t.nn.functional.leaky_relu(x, 0.2), fits=away_from(0)),
    "silu": Op(ops.silu, lambda t, x: t.nn.functional.silu(x)),
    "gelu": Op(ops.gelu, lambda t, x, **o: t.nn.functional.gelu(x, **o), options=drawn(approximate=["none", "tanh"])),
    "where": Op(
        lambda x, y: ops.where(y > 0.1, x, y), lambda t, x, y: t.where(y > 0.1, x, y), 2,
        broadcast_where(lambda x, y: np.abs(y - 0.1).min() > GAP),
    ),
    "maximum": both("maximum", fits=broadcast_where(lambda x, y: np.abs(x - y).min() > GAP)),
    "minimum": both("minimum", fits=broadcast_where(lambda x, y: np.abs(x - y).min() > GAP)),
    "clip": Op(ops.clip, lambda t, x, **limits: t.clamp(x, **limits), fits=away_from(-0.5, 0.7),
               options=drawn(min=[None, -0.5], max=[0.7])),
    "cast": Op(lambda x: ops.cast(x, "float64") * 2, lambda t, x: x * 2),
    "astype": Op(lambda x: x.astype("float64") * 2, lambda t, x: x * 2),
    # Reductions
    "sum": reduced("sum", "sum"),
    "sum_to_size": Op(ops.sum_to_size, lambda t, x, shape: x.sum_to_size(shape), options=shrunk),
    "mean": reduced("mean", "mean"),
    "var": Op(ops.var, reduction("var", correction=0), options=some_axis),
    "std": Op(ops.std, reduction("std", correction=0), fits=varied, options=some_axis),
    "prod": Op(ops.prod, torch_prod, options=none_or_one_axis),
    "max": reduced("max", "amax", fits=distinct),
    "min": reduced("min", "amin", fits=distinct),
    "logsumexp": reduced("logsumexp", "logsumexp", fits=some_axes),
    "cumsum": along("cumsum", lambda t, x, axis: t.cumsum(x, axis)),
    "softmax": along("softmax", lambda t, x, axis: t.softmax(x, axis)),
    "log_softmax": along("log_softmax", lambda t, x, axis: t.log_softmax(x, axis)),
    "cross_entropy": Op(ops.cross_entropy, torch_cross_entropy, fits=lambda x: x.ndim == 2, options=labels),
    # Shape
    "reshape": Op(ops.reshape, lambda t, x, shape: x.reshape(shape), options=new_shape),
    "transpose": Op(ops.transpose, lambda t, x, axes: x.permute(axes), options=order_of_axes),
    "swapaxes": Op(ops.swapaxes, lambda t, x, axis1, axis2: x.swapaxes(axis1, axis2), fits=several_axes, options=two_axes),
    "squeeze": Op(ops.squeeze, lambda t, x: x.squeeze()),
    "expand_dims": Op(ops.expand_dims, lambda t, x, axis: x.unsqueeze(axis), options=new_axis),
    "broadcast_to": Op(ops.broadcast_to, lambda t, x, shape: x.broadcast_to(shape), options=stretched),
    "tile": Op(ops.tile, lambda t, x, reps: x.tile(reps), fits=lambda x: x.size < 20, options=drawn(reps=[(2,), (1, 2)])),
    "flatten": Op(ops.flatten, lambda t, x, start: x.flatten(start), fits=several_axes, options=drawn(start=[0, 1])),
    "flip": along("flip", torch_flip),
    "stack": Op(lambda *xs, axis: ops.stack(xs, axis), lambda t, *xs, axis: t.stack(xs, axis), 2,
                lambda x, y: x.shape == y.shape, new_axis),
    "concat": Op(lambda *xs, axis: ops.concat(xs, axis), lambda t, *xs, axis: t.concat(xs, axis), 2,
                 lambda x, y: x.ndim > 0 and x.shape[1:] == y.shape[1:] and x.ndim == y.ndim, drawn(axis=[0])),
    "unstack": Op(lambda x, axis: parts(ops.unstack(x, axis)), lambda t, x, axis: parts(x.unbind(axis)), fits=some_axes,
                  options=one_axis),
    "split": Op(lambda x: parts(ops.split(x, x.shape[0])), lambda t, x: parts(x.split(1)), fits=some_axes),
    "pad": Op(lambda x, pad_width: ops.pad(x, pad_width, value=0.5), torch_pad, fits=some_axes, options=widths),
    # Picking
    "getitem": Op(lambda x, index: x[index], lambda t, x, index: x[index], fits=some_axes, options=index),
    "gather": Op(ops.gather, lambda t, x, indices, axis: x.index_select(axis, t.tensor(indices)), fits=some_axes,
                 options=positions),
    # Products
    "matmul": both("matmul", fits=matrices),
    "einsum": einsum("ij,kj->ik", 2, lambda x, y: x.ndim == y.ndim == 2 and x.shape[1] == y.shape[1]),
    "einsum dots": einsum("...i,...i->...", 2, lambda x, y: x.ndim > 0 and y.ndim > 0 and x.shape[-1] == y.shape[-1]
                          and broadcast(x, y)),
    "einsum outer": einsum("i,j->ji", 2, lambda x, y: x.ndim == y.ndim == 1),
    "einsum diagonal": einsum("ii->i", 1, lambda x: x.ndim == 2 and x.shape[0] == x.shape[1]),
}  # fmt: skip
TABLE |= table_of_images(Op)
