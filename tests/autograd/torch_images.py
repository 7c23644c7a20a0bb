"""Operations on images for random programs: a tensor of any shape counts as an image of one, two or three dimensions."""

import numpy as np
from hypothesis import strategies as st

from autograd import ops


def line(x):
    return x.reshape((1, 1, -1))


def plane(x):
    return x.reshape((1, 1, -1, x.shape[-1] if x.ndim else 1))


def volume(x):
    return x.reshape((1, 1, 1, -1, x.shape[-1] if x.ndim else 1))


def channels(x):
    return x.reshape((x.shape[0], -1, 1)) if x.ndim > 1 else x.reshape((1, -1, 1))


def fits(image):
    """Return whether one tensor, as an image, is a kernel for another."""
    return lambda x, y: all(0 < m <= n for n, m in zip(image(x).shape, image(y).shape, strict=True))


def sizeable(x):
    return x.size > 1


def apart(x):
    return x.size > 1 and np.diff(np.sort(x.reshape(-1))).min() > 1e-3


def uneven(groups):
    """Return whether no group has a small variance, of which higher derivatives are large."""
    return lambda x: x.size > 1 and np.var(groups(x), -1).min() > 0.1


def across(x):
    return np.moveaxis(channels(x), 1, 0).reshape(channels(x).shape[1], -1)


def window(draw, shape):
    return {"stride": draw(st.sampled_from([1, 2])), "padding": draw(st.sampled_from([0, 1]))}


def bins(draw, shape):
    return {"output_size": draw(st.integers(1, 4))}


def border(draw, shape):
    return {"mode": draw(st.sampled_from(["replicate", "circular", "reflect"]))}


def length(draw, shape):
    return {"size": (draw(st.integers(1, 6)),), "mode": draw(st.sampled_from(["nearest", "linear"]))}


def table_of_images(kind):
    """Return the table, of instances of a class."""

    def convolved(name, image):
        return kind(
            lambda x, y: getattr(ops, name)(image(x), image(y), pad_mode="pad", padding=1),
            lambda t, x, y: getattr(t, name)(image(x), image(y), padding=1), 2, fits(image),
        )  # fmt: skip

    def pooled(name, image, kernel, where=sizeable, options=window):
        return kind(
            lambda x, **o: getattr(ops, name)(image(x), kernel, **o),
            lambda t, x, **o: getattr(t.nn.functional, name)(image(x), kernel, **o), 1,
            lambda x: where(x) and min(image(x).shape[2:]) >= kernel, options,
        )  # fmt: skip

    def binned(name, image, where=sizeable):
        return kind(
            lambda x, **o: getattr(ops, name)(image(x), **o),
            lambda t, x, **o: getattr(t.nn.functional, name)(image(x), **o), 1, where, bins,
        )  # fmt: skip

    def added(name, image, kernel):
        of = "avg" + name.removeprefix("sum")
        return kind(
            lambda x: getattr(ops, name)(image(x), kernel),
            lambda t, x: getattr(t.nn.functional, of)(image(x), kernel) * kernel ** (image(x).ndim - 2), 1,
            lambda x: min(image(x).shape[2:]) >= kernel,
        )  # fmt: skip

    def normed(name, image):
        return kind(
            lambda x: getattr(ops, name)(image(x * x + 0.2), 2, 2),
            lambda t, x: getattr(t.nn.functional, name)(image(x * x + 0.2), 2.0, 2), 1,
            lambda x: min(image(x).shape[2:]) >= 2,
        )  # fmt: skip

    return {
        "conv1d": convolved("conv1d", line),
        "conv2d": convolved("conv2d", plane),
        "conv3d": convolved("conv3d", volume),
        "conv_transpose2d": kind(
            lambda x, y: ops.conv_transpose2d(plane(x), plane(y), None, 2),
            lambda t, x, y: t.nn.functional.pad(
                t.conv_transpose2d(plane(x), plane(y), None, 2),
                [n for m in plane(y).shape[:1:-1] for n in (0, max(2 - m, 0))]), 2, fits(plane),
        ),
        "max_pool1d": pooled("max_pool1d", line, 2, apart),
        "max_pool2d": pooled("max_pool2d", plane, 2, apart),
        "avg_pool1d": pooled("avg_pool1d", line, 2),
        "avg_pool2d": pooled("avg_pool2d", plane, 2),
        "sum_pool1d": added("sum_pool1d", line, 2),
        "sum_pool2d": added("sum_pool2d", plane, 2),
        "lp_pool1d": normed("lp_pool1d", line),
        "lp_pool2d": normed("lp_pool2d", plane),
        "adaptive_avg_pool1d": binned("adaptive_avg_pool1d", line),
        "adaptive_avg_pool2d": binned("adaptive_avg_pool2d", plane),
        "adaptive_max_pool1d": binned("adaptive_max_pool1d", line, apart),
        "adaptive_max_pool2d": binned("adaptive_max_pool2d", plane, apart),
        "interpolate": kind(lambda x, **o: ops.interpolate(line(x), **o),
                          lambda t, x, **o: t.nn.functional.interpolate(line(x), **o), 1, sizeable, length),
        "pad border": kind(lambda x, mode: ops.pad(line(x), ((0, 0), (0, 0), (1, 1)), mode=mode),
                         lambda t, x, mode: t.nn.functional.pad(line(x), (1, 1), mode), 1, sizeable, border),
        "embedding": kind(lambda x: ops.embedding([[0, 1], [1, 1]], x), lambda t, x: x[t.tensor([[0, 1], [1, 1]])], 1,
                        lambda x: x.ndim == 2 and len(x) > 1),
        "batch_norm": kind(lambda x: ops.batch_norm(channels(x), training=True),
                         lambda t, x: t.nn.functional.batch_norm(channels(x), None, None, training=True), 1,
                         lambda x: x.ndim > 1 and len(x) > 1 and uneven(across)(x)),
        "layer_norm": kind(lambda x: ops.layer_norm(x, x.shape[-1]), lambda t, x: t.nn.functional.layer_norm(x, x.shape[-1:]),
                           1, lambda x: x.ndim > 0 and uneven(lambda x: x)(x)),
        "group_norm": kind(lambda x: ops.group_norm(line(x), 1), lambda t, x: t.nn.functional.group_norm(line(x), 1), 1,
                         uneven(lambda x: x.reshape(1, -1))),
    }  # fmt: skip
