"""The table of differentiable operations: their equivalents in numpy, and where they are smooth.

A new operation needs an entry here; ``test_ops_gradients.py`` tests every entry, and fails for an operation without one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from autograd import ops

from ..reference import images

# Where an operation is smooth, as intervals that values are drawn from
ANY = ((-2.0, 2.0),)
POSITIVE = ((0.3, 2.0),)
NOT_ZERO = ((-2.0, -0.3), (0.3, 2.0))
NOT_0_6 = ((-2.0, -0.1), (0.1, 5.9), (6.1, 8.0))
NOT_0_1 = ((-1.0, -0.1), (0.1, 0.9), (1.1, 2.0))
UNEQUAL = ((0.0, 0.0),)  # every value at least 0.05 from every other

seeds = st.integers(0, 2**32 - 1)


def fill(seed, shapes, domains):
    """Return one float64 array a shape, with values from its domain."""
    rng = np.random.default_rng(seed)
    arrays = []
    for i, (shape, domain) in enumerate(zip(shapes, domains, strict=True)):
        if domain is UNEQUAL:
            values = rng.permutation(int(np.prod(shape)) + 3)[: int(np.prod(shape))] * 0.2 + 0.07 * i - 1
        else:
            pieces = [rng.uniform(low, high, shape) for low, high in domain]
            values = np.choose(rng.integers(0, len(pieces), shape), pieces)
        arrays.append(np.array(values, dtype=float).reshape(shape))
    return tuple(arrays)


@st.composite
def broadcast(draw, *domains):
    """Draw arrays whose shapes broadcast together, empty ones among them."""
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(domains), max_dims=3, min_side=0, max_side=3))
    return fill(draw(seeds), found.input_shapes, domains), {}


@st.composite
def shaped(draw, shapes, domain=ANY, **options):
    """Draw arrays of one of the given lists of shapes, and options from their lists."""
    chosen = draw(st.sampled_from(shapes))
    return fill(draw(seeds), chosen, [domain] * len(chosen)), {k: draw(st.sampled_from(v)) for k, v in options.items()}


@st.composite
def reduced(draw, domain=ANY, several=True, none=True, keepdims=True, min_side=1):
    """Draw one array, and axes of it to reduce over: None, an int or a tuple, negative ones too."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=min_side, max_side=3))
    axes = st.integers(-len(shape), len(shape) - 1)
    choice = [axes, *[st.none()] * none]
    if several:
        choice.append(hnp.valid_tuple_axes(len(shape), min_size=1))
    options = {"axis": draw(st.one_of(choice))} | ({"keepdims": draw(st.booleans())} if keepdims else {})
    return fill(draw(seeds), [shape], [domain]), options


def np_sum_to_size(x, shape):
    """Sum ``x`` to ``shape`` element by element: each adds to the one that broadcasting takes it from."""
    out = np.zeros(shape)
    np.add.at(out.reshape(-1), np.broadcast_to(np.arange(out.size).reshape(shape), x.shape), x)
    return out


@dataclass(frozen=True)
class Case:
    """One way to call an operation.

    Attributes
    ----------
    op : str
        The public name in ``autograd.ops``.
    inputs : strategy
        Draws (float64 arrays, options) where the operation is smooth.
    reference : callable
        Computes the same with numpy, from arrays and options.
    call : callable, optional
        Calls the operation with tensors and options where ``ops.<op>(*tensors, **options)`` would not do.
    note : str
        Tells the cases of one operation apart.
    """

    op: str
    inputs: Any
    reference: Callable[..., Any]
    call: Callable[..., Any] | None = None
    note: str = ""

    def __call__(self, *tensors, **options):
        """Run the operation."""
        return (self.call or getattr(ops, self.op))(*tensors, **options)

    def __str__(self):
        return f"{self.op}-{self.note}" if self.note else self.op


def pooled(reduce):
    return lambda x, **options: images.pool(x, reduce, **options)


def binned(reduce):
    return lambda x, output_size: images.adaptive(x, output_size, reduce)


def softmax(x, axis):
    return special.softmax(x, axis)


def getitem_case(note, index, shape=(3, 4)):
    return Case("getitem", shaped([[shape]]), lambda x: x[index], lambda x: x[index], note)


def einsum_case(subscripts, *shapes):
    return Case(
        "einsum",
        shaped([list(shapes)]),
        lambda *arrays: np.einsum(subscripts, *arrays),
        lambda *tensors: ops.einsum(subscripts, *tensors),
        subscripts,
    )


MATMUL = [
    [(3,), (3,)], [(3,), (3, 2)], [(2, 3), (3,)], [(2, 3), (3, 4)], [(4, 2, 3), (3, 2)], [(2, 3), (4, 3, 2)],
    [(4, 2, 3), (4, 3, 2)], [(1, 2, 3), (4, 3, 2)], [(2, 1, 2, 3), (3, 3, 1)], [(3,), (2, 3, 2)], [(2, 2, 3), (3,)],
    [(2, 0), (0, 3)], [(2, 3, 0), (0, 2)],
]  # fmt: skip
LABELS = np.array([1, 0, 1])
POSITIONS = np.array([[0, 2], [2, 2]])
WINDOWS = {"kernel_size": [2, 3], "stride": [None, 1], "padding": [0, 1], "ceil_mode": [False, True]}
PLANES = {"kernel_size": [2, (3, 2)], "stride": [None, 1, (2, 3)], "ceil_mode": [False, True]}
CASES = [
    # Elementwise
    Case("add", broadcast(ANY, ANY), np.add),
    Case("sub", broadcast(ANY, ANY), np.subtract),
    Case("mul", broadcast(ANY, ANY), np.multiply),
    Case("div", broadcast(ANY, NOT_ZERO), np.divide),
    Case("mod", broadcast(((1.1, 1.4), (2.2, 2.6)), ((0.95, 1.05),)), np.mod),
    Case("mod", broadcast(((1.1, 1.4), (2.2, 2.6)), ((-1.05, -0.95),)), np.mod, note="negative"),
    Case("pow", broadcast(POSITIVE, ANY), np.power),
    Case("pow", broadcast(NOT_ZERO), lambda x: x**3, lambda x: x**3, "cube"),
    Case("pow", broadcast(NOT_ZERO), lambda x: x**-2.0, lambda x: x**-2.0, "inverse square"),
    Case("pow", broadcast(ANY), lambda y: 1.7**y, lambda y: 1.7**y, "exponent"),
    Case("pow", broadcast(ANY), lambda y: 0.6**y, lambda y: 0.6**y, "exponent of a fraction"),
    Case("neg", broadcast(ANY), np.negative),
    Case("square", broadcast(ANY), np.square),
    Case("sqrt", broadcast(POSITIVE), np.sqrt),
    Case("abs", broadcast(NOT_ZERO), np.abs),
    Case("exp", broadcast(ANY), np.exp),
    Case("log", broadcast(POSITIVE), np.log),
    Case("log1p", broadcast(((-0.7, 2.0),)), np.log1p),
    Case("sin", broadcast(ANY), np.sin),
    Case("cos", broadcast(ANY), np.cos),
    Case("atan", broadcast(ANY), np.arctan),
    Case("tanh", broadcast(ANY), np.tanh),
    Case("erf", broadcast(ANY), special.erf),
    Case("sigmoid", broadcast(ANY), special.expit),
    Case("relu", broadcast(NOT_ZERO), lambda x: np.maximum(x, 0)),
    Case("relu6", broadcast(NOT_0_6), lambda x: np.clip(x, 0, 6)),
    Case("gelu", broadcast(ANY), lambda x: x * special.ndtr(x)),
    Case(
        "gelu",
        broadcast(ANY),
        lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        lambda x: ops.gelu(x, approximate="tanh"),
        "tanh",
    ),
    Case("leaky_relu", broadcast(NOT_ZERO), lambda x: np.where(x > 0, x, 0.2 * x)),
    Case("leaky_relu", broadcast(NOT_ZERO), lambda x: np.where(x > 0, x, 0.5 * x), lambda x: ops.leaky_relu(x, 0.5), "alpha"),
    Case("silu", broadcast(ANY), lambda x: x * special.expit(x)),
    Case("where", broadcast(ANY, ANY), lambda x, y: np.where(y > 0, x, y), lambda x, y: ops.where(y > 0, x, y)),
    Case("maximum", broadcast(UNEQUAL, UNEQUAL), np.maximum),
    Case("minimum", broadcast(UNEQUAL, UNEQUAL), np.minimum),
    Case("clip", broadcast(NOT_0_1), lambda x: np.clip(x, 0, 1), lambda x: ops.clip(x, 0.0, 1.0)),
    Case("clip", broadcast(NOT_ZERO), lambda x: np.clip(x, 0, None), lambda x: ops.clip(x, min=0.0), "below"),
    Case("clip", broadcast(NOT_0_1), lambda x: np.clip(x, None, 1), lambda x: ops.clip(x, max=1.0), "above"),
    Case("cast", broadcast(ANY), lambda x: x, lambda x: ops.cast(x, np.float64)),
    Case("astype", broadcast(ANY), lambda x: x, lambda x: ops.astype(x, "float64")),
    # Reductions
    Case("sum", reduced(min_side=0), np.sum),
    Case("sum_to_size", shaped([[(4, 2, 3)]], shape=[(4, 2, 3), (2, 3), (2, 1), (1, 1, 3), (3,), ()]), np_sum_to_size),
    Case("mean", reduced(), np.mean),
    Case("var", reduced(), np.var),
    Case("var", shaped([[(2, 3)]], axis=[0, -1, None, (0, 1)]), lambda x, axis: np.var(x, axis, ddof=1),
         lambda x, axis: ops.var(x, axis, ddof=1), "ddof"),
    Case("std", reduced(domain=UNEQUAL).filter(lambda drawn: np.std(*drawn[0], **drawn[1]).min() > 0.01), np.std),
    Case("prod", reduced(min_side=0), np.prod),
    Case("prod", reduced().map(lambda drawn: ((np.round(drawn[0][0]),), drawn[1])), np.prod, note="zeros"),
    Case("max", reduced(UNEQUAL), np.max),
    Case("min", reduced(UNEQUAL), np.min),
    Case("cumsum", reduced(several=False, none=False, keepdims=False, min_side=0), np.cumsum),
    Case("logsumexp", reduced(), special.logsumexp),
    Case("softmax", reduced(several=False, none=False, keepdims=False), softmax),
    Case("log_softmax", reduced(several=False, none=False, keepdims=False), special.log_softmax),
    Case("cross_entropy", shaped([[(3, 4)], [(3, 2)]]),
         lambda x: -special.log_softmax(x, -1)[range(3), LABELS].mean(), lambda x: ops.cross_entropy(x, labels=LABELS)),
    # Shape
    Case("reshape", shaped([[(2, 6)], [(12,)], [(3, 1, 4)]], shape=[(3, 4), (4, -1), (12,), 12, (2, 1, 6)]),
         lambda x, shape: x.reshape(shape)),
    Case("transpose", shaped([[(2, 3, 4)]], axes=[None, (2, 0, 1), (0, -1, 1), [1, 0, 2]]), np.transpose),
    Case("swapaxes", shaped([[(2, 3, 4)]], axis1=[0, -1, -3], axis2=[1, 2, -3]), np.swapaxes),
    Case("squeeze", shaped([[(1, 3, 1)]], axis=[None, 0, -1, (0, 2)]), np.squeeze),
    Case("expand_dims", shaped([[(2, 3)], [()]], axis=[0, -1]), np.expand_dims),
    Case("broadcast_to", shaped([[(3,)], [(2, 1)], [()], [(1, 3)]], shape=[(2, 3), (4, 2, 3)]), np.broadcast_to),
    Case("flatten", shaped([[(2, 3, 2)], [(2,)]], start=[0, 1]), lambda x, start: x.reshape(*x.shape[:start], -1)),
    Case("tile", shaped([[(2, 3)], [(3,)], [()]], reps=[2, (2, 1), (3, 1, 2), (0, 2), ()]), np.tile),
    Case("flip", shaped([[(2, 3)]], axis=[None, 0, -1, (0, 1)]), np.flip),
    Case("stack", shaped([[(2, 3)] * 3, [()] * 2], axis=[0, -1]), lambda *xs, axis: np.stack(xs, axis),
         lambda *xs, axis: ops.stack(xs, axis)),
    Case("unstack", shaped([[(2, 3)], [(3, 2, 2)]], axis=[0, 1, -1]), lambda x, axis: tuple(np.moveaxis(x, axis, 0))),
    Case("concat", shaped([[(2, 3), (1, 3), (4, 3)], [(2, 3), (0, 3)]], axis=[0, -2]),
         lambda *xs, axis: np.concatenate(xs, axis), lambda *xs, axis: ops.concat(xs, axis)),
    Case("split", shaped([[(6, 4)]], sections=[2, [1, 3]], axis=[0, 1, -1]), lambda x, **o: tuple(np.split(x, *o.values()))),
    Case("pad", shaped([[(2, 3)]], pad_width=[1, (1, 2), ((0, 1), (2, 0))], value=[0.0, 5.0]),
         lambda x, pad_width, value: np.pad(x, pad_width, constant_values=value)),
    # Picking
    getitem_case("number", 1),
    getitem_case("negative", (-1, -2)),
    getitem_case("slice", slice(None, None, 2)),
    getitem_case("backwards", (slice(None, None, -1), slice(3, 0, -2))),
    getitem_case("new axis", (None, Ellipsis, 1, None)),
    getitem_case("repeated", [0, 2, 0, 0]),
    getitem_case("pairs", (np.array([0, 0, 2]), np.array([1, 1, 3]))),
    getitem_case("mixed", (slice(None), np.array([[0, 0], [1, 3]]))),
    getitem_case("mask", np.eye(3, 4) > 0),
    getitem_case("nothing", slice(2, 2)),
    Case("gather", shaped([[(3, 4)], [(3, 3)]], axis=[0, 1, -1, -2]), lambda x, axis: np.take(x, POSITIONS, axis),
         lambda x, axis: ops.gather(x, POSITIONS, axis)),
    # Products
    Case("matmul", shaped(MATMUL), np.matmul),
    einsum_case("ij,jk->ik", (2, 3), (3, 4)),
    einsum_case("ij,jk", (2, 3), (3, 4)),
    einsum_case("ba", (2, 3)),
    einsum_case("tni,oi->tno", (2, 2, 3), (4, 3)),
    einsum_case("i,j->ij", (2,), (3,)),
    einsum_case("ij->", (2, 3)),
    einsum_case("ij,k->i", (2, 3), (4,)),
    einsum_case("ii->i", (3, 3)),
    einsum_case("ii", (3, 3)),
    einsum_case("iij,jk->ik", (2, 2, 3), (3, 2)),
    einsum_case("iii->i", (2, 2, 2)),
    einsum_case("...ij,...jk->...ik", (3, 2, 3), (3, 2)),
    einsum_case("...ij,...jk", (1, 2, 3), (4, 3, 2)),
    einsum_case("i...,i...->...", (2, 3), (2, 4, 3)),
    einsum_case("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
    einsum_case("ij,ij->i", (2, 1), (2, 3)),
    einsum_case(" i j , i j -> j ", (2, 3), (2, 3)),
    # Images
    Case("conv1d", shaped([[(2, 2, 5), (3, 2, 2)]], stride=[1, 2], dilation=[1, 2], pad_mode=["valid", "same"]), images.conv),
    Case("conv1d", shaped([[(1, 4, 4), (4, 2, 2), (4,)]], groups=[2], pad_mode=["pad"], padding=[1, (0, 2)]), images.conv,
         note="groups"),
    Case("conv2d", shaped([[(2, 2, 3, 4), (2, 2, 2, 2)], [(1, 2, 4, 3), (1, 2, 3, 1)]], stride=[1, (1, 2)], pad_mode=["pad"],
                          padding=[1, (1, 0), (0, 1, 2, 0)], dilation=[1, (1, 2)]), images.conv),
    Case("conv2d", shaped([[(1, 2, 4, 3), (4, 1, 2, 2), (4,)]], stride=[1, 2], groups=[2], pad_mode=["same", "valid"]),
         images.conv, note="depthwise"),
    Case("conv3d", shaped([[(1, 2, 2, 3, 2), (2, 1, 2, 2, 1)]], groups=[2], pad_mode=["same", "valid"]), images.conv),
    Case("conv_transpose2d", shaped([[(1, 2, 2, 3), (2, 2, 2, 2)], [(1, 2, 2, 2), (2, 1, 3, 2)]], stride=[2, (2, 3)],
                                    pad_mode=["pad"], padding=[0, 1], output_padding=[0, 1], dilation=[1, 2]),
         lambda x, w, pad_mode, **options: images.conv_transpose(x, w, **options)),
    Case("conv_transpose2d", shaped([[(1, 4, 2, 2), (4, 1, 2, 2), (2,)]], groups=[2]), images.conv_transpose, note="groups"),
    Case("max_pool1d", shaped([[(1, 2, 6)]], UNEQUAL, **WINDOWS), pooled(images.largest)),
    Case("max_pool2d", shaped([[(1, 2, 4, 5)]], UNEQUAL, **PLANES, padding=[0, 1]), pooled(images.largest)),
    Case("avg_pool1d", shaped([[(1, 2, 6)]], **WINDOWS), pooled(images.mean)),
    Case("avg_pool2d", shaped([[(1, 2, 4, 5)]], **PLANES, padding=[0, 1]), pooled(images.mean)),
    Case("avg_pool2d", shaped([[(1, 2, 4, 5)]], **PLANES, padding=[1], count_include_pad=[False]),
         lambda x, count_include_pad, **options: images.pool(x, images.mean_inside, **options), note="inside"),
    Case("sum_pool1d", shaped([[(1, 2, 6)]], **WINDOWS), pooled(images.total)),
    Case("sum_pool2d", shaped([[(1, 2, 4, 5)]], **PLANES), pooled(images.total)),
    Case("lp_pool1d", shaped([[(1, 2, 5)]], POSITIVE, norm_type=[2, 1.5], kernel_size=[2, 3], stride=[None, 1]),
         lambda x, norm_type, **options: images.pool(x, images.norm(norm_type), **options)),
    Case("lp_pool2d", shaped([[(1, 2, 3, 4)]], NOT_ZERO, norm_type=[2], kernel_size=[2, (1, 3)], stride=[None, 1]),
         lambda x, norm_type, **options: images.pool(x, images.norm(norm_type), **options)),
    Case("adaptive_avg_pool1d", shaped([[(1, 2, 5)]], output_size=[1, 3, 5, 7]), binned(images.mean)),
    Case("adaptive_avg_pool2d", shaped([[(1, 2, 3, 4)]], output_size=[1, 2, (2, 3), (3, 6)]), binned(images.mean)),
    Case("adaptive_max_pool1d", shaped([[(1, 2, 5)]], UNEQUAL, output_size=[1, 3, 5, 7]), binned(images.largest)),
    Case("adaptive_max_pool2d", shaped([[(1, 2, 3, 4)]], UNEQUAL, output_size=[1, 2, (2, 3), (3, 6)]), binned(images.largest)),
    Case("interpolate", shaped([[(1, 2, 2, 3)]], size=[(4, 6), (3, 2), (1, 5)], mode=["nearest", "bilinear"]),
         images.interpolate),
    Case("interpolate", shaped([[(1, 2, 4)]], size=[(7,), (3,), (1,)], mode=["linear"], align_corners=[True, False]),
         images.interpolate, note="corners"),
    Case("pad", shaped([[(2, 3)]], mode=["reflect", "replicate", "circular"]),
         lambda x, mode: np.pad(x, ((0, 1), (2, 1)), {"replicate": "edge", "circular": "wrap"}.get(mode, mode)),
         lambda x, mode: ops.pad(x, ((0, 1), (2, 1)), mode=mode), "borders"),
    Case("embedding", shaped([[(3, 2)]]), lambda table: table[POSITIONS], lambda table: ops.embedding(POSITIONS, table)),
    Case("batch_norm", shaped([[(3, 2), (2,), (2,)]]), lambda x, w, b: images.normalised(x, 0) * w + b,
         lambda x, w, b: ops.batch_norm(x, None, None, w, b, True)),
    Case("batch_norm", shaped([[(2, 2, 3), (2,), (2,)]], POSITIVE),
         lambda x, m, v: (x - m[:, None]) / np.sqrt(v[:, None] + 1e-5), ops.batch_norm, "moving"),
    Case("layer_norm", shaped([[(2, 2, 3), (2, 3), (2, 3)]]), lambda x, w, b: images.normalised(x, (1, 2)) * w + b,
         lambda x, w, b: ops.layer_norm(x, (2, 3), w, b)),
    Case("group_norm", shaped([[(2, 4, 2), (4,), (4,)]]), lambda x, w, b: images.normalised(
        x.reshape(2, 2, 4), 2).reshape(x.shape) * w[:, None] + b[:, None], lambda x, w, b: ops.group_norm(x, 2, w, b)),
]  # fmt: skip
