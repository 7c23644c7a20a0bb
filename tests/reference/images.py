"""Convolution, pooling and resampling as plain loops over every element, written from their definitions."""

import itertools
import math

import numpy as np


def _numbers(value, axes):
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _pairs(padding, axes):
    if isinstance(padding, int):
        padding = (padding,) * axes
    return list(zip(padding[::2], padding[1::2], strict=True)) if len(padding) == 2 * axes else [(p, p) for p in padding]


def _same(size, kernel, stride, dilation):
    pads = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0)
        pads.append((total // 2, total - total // 2))
    return pads


def _count(n, pad, k, s, d):
    return (n + sum(pad) - d * (k - 1) - 1) // s + 1


def conv(x, weight, bias=None, stride=1, pad_mode="valid", padding=0, dilation=1, groups=1):
    """Return each output as the sum over channels and kernel of what lies there, zeros outside."""
    axes = x.ndim - 2
    size, kernel = x.shape[2:], weight.shape[2:]
    stride, dilation = _numbers(stride, axes), _numbers(dilation, axes)
    pads = _same(size, kernel, stride, dilation) if pad_mode == "same" else _pairs(padding, axes)
    counts = [_count(*each) for each in zip(size, pads, kernel, stride, dilation, strict=True)]
    inputs, outputs = weight.shape[1], weight.shape[0] // groups
    out = np.zeros((len(x), len(weight), *counts))
    for n, o, *place in np.ndindex(out.shape):
        total = 0.0 if bias is None else bias[o]
        for c, *inside in np.ndindex(weight.shape[1:]):
            there = [p * s - pad[0] + i * d for p, s, pad, i, d in zip(place, stride, pads, inside, dilation, strict=True)]
            if all(0 <= t < length for t, length in zip(there, size, strict=True)):
                total += weight[(o, c, *inside)] * x[(n, o // outputs * inputs + c, *there)]
        out[(n, o, *place)] = total
    return out


def conv_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Add the kernel, times each element, to the output where it reaches."""
    axes = x.ndim - 2
    stride, dilation, more = _numbers(stride, axes), _numbers(dilation, axes), _numbers(output_padding, axes)
    pads = _pairs(padding, axes)
    lengths = zip(x.shape[2:], pads, weight.shape[2:], stride, dilation, more, strict=True)
    size = [(n - 1) * s - sum(pad) + d * (k - 1) + 1 + m for n, pad, k, s, d, m in lengths]
    each, outputs = weight.shape[0] // groups, weight.shape[1]
    out = np.zeros((len(x), outputs * groups, *size))
    for n, c, *place in np.ndindex(x.shape):
        for o, *inside in np.ndindex(weight.shape[1:]):
            there = [p * s - pad[0] + i * d for p, s, pad, i, d in zip(place, stride, pads, inside, dilation, strict=True)]
            if all(0 <= t < length for t, length in zip(there, size, strict=True)):
                out[(n, c // each * outputs + o, *there)] += weight[(c, o, *inside)] * x[(n, c, *place)]
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def pool(x, reduce, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return ``reduce`` of the elements of each window, and of how many places it covers with the padding, at each place."""
    axes = x.ndim - 2
    kernel, dilation, pads = _numbers(kernel_size, axes), _numbers(dilation, axes), _pairs(padding, axes)
    stride = kernel if stride is None else _numbers(stride, axes)
    counts = []
    for n, pad, k, s, d in zip(x.shape[2:], pads, kernel, stride, dilation, strict=True):
        room = n + sum(pad) - d * (k - 1) - 1
        count = (math.ceil(room / s) if ceil_mode else room // s) + 1
        counts.append(count - (ceil_mode and (count - 1) * s >= n + pad[0]))
    out = np.zeros((*x.shape[:2], *counts))
    for n, c, *place in np.ndindex(out.shape):
        values, covered = [], 0
        for inside in itertools.product(*map(range, kernel)):
            there = [p * s - pad[0] + i * d for p, s, pad, i, d in zip(place, stride, pads, inside, dilation, strict=True)]
            near = zip(there, x.shape[2:], pads, strict=True)
            covered += all(-pad[0] <= t < length + pad[1] for t, length, pad in near)
            if all(0 <= t < length for t, length in zip(there, x.shape[2:], strict=True)):
                values.append(x[(n, c, *there)])
        out[(n, c, *place)] = reduce(values, covered)
    return out


def largest(values, covered):
    return max(values)


def total(values, covered):
    return sum(values)


def mean(values, covered):
    return sum(values) / covered


def mean_inside(values, covered):
    return sum(values) / len(values)


def norm(power):
    return lambda values, covered: sum(v**power for v in values) ** (1 / power)


def adaptive(x, output_size, reduce):
    """Return ``reduce`` of each bin."""
    sizes = _numbers(output_size, x.ndim - 2)
    out = np.zeros((*x.shape[:2], *sizes))
    for n, c, *place in np.ndindex(out.shape):
        lengths = zip(place, x.shape[2:], sizes, strict=True)
        bins = [range(math.floor(i * length / m), math.ceil((i + 1) * length / m)) for i, length, m in lengths]
        values = [x[(n, c, *there)] for there in itertools.product(*bins)]
        out[(n, c, *place)] = reduce(values, len(values))
    return out


def interpolate(x, size, mode="nearest", align_corners=None):
    """Return the element under each place of the new array, or the mean of its neighbours weighed by how near they are."""
    out = np.zeros((*x.shape[:2], *size))
    for n, c, *place in np.ndindex(out.shape):
        choices = []
        for p, length, new in zip(place, x.shape[2:], size, strict=True):
            if mode == "nearest":
                choices.append([(math.floor(p * length / new), 1.0)])
                continue
            there = p * (length - 1) / max(new - 1, 1) if align_corners else max((p + 0.5) * length / new - 0.5, 0.0)
            low = math.floor(there)
            choices.append([(low, 1 - (there - low)), (min(low + 1, length - 1), there - low)])
        for several in itertools.product(*choices):
            out[(n, c, *place)] += x[(n, c, *(i for i, _ in several))] * math.prod(w for _, w in several)
    return out


def normalised(x, axes, eps=1e-5):
    """Return the elements less the mean over some axes, by the root of the variance."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
