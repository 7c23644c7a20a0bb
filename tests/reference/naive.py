"""Integrate-and-fire neurons as three plain loops over time, batch and neuron, forward and backward.

Written from the equations (h is the membrane before firing, th the threshold, z the step, r the reset value or 0):

    IF                       h = v + x
    LIF, tau, decay_input    h = v + (x - (v - r)) / tau
    LIF, tau                 h = v - (v - r) / tau + x
    LIF, beta, decay_input   h = r + beta (v - r) + (1 - beta) x
    LIF, beta                h = r + beta (v - r) + x
    fire                     z = 1 if h - th > 0 (or >= 0), else 0; the spike is z th, or z
    soft reset               v = h - z th
    hard reset               v = (1 - z) h + z v_reset

The forward uses numpy scalars of one dtype, so it can be equal to the bit; the backward uses Python floats.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Equations:
    """What a neuron does; v_threshold, tau and beta may be lists with a value for each neuron."""

    tau: Any = None
    beta: Any = None
    decay_input: bool = False
    v_threshold: Any = 1.0
    v_reset: float | None = None
    fire: bool = True
    fire_at_threshold: bool = False
    spike_value: str = "threshold"
    detach_reset: bool = False

    def of(self, name, i, number=float):
        """Return a constant of neuron i; one that is the same for all stays a weak Python float."""
        value = getattr(self, name)
        return number(value[i]) if isinstance(value, list) else value


def charge(eq, x, v, i, number=float):
    r = eq.v_reset or 0.0
    tau, beta = eq.of("tau", i, number), eq.of("beta", i, number)
    if tau is not None:
        return v + (x - (v - r)) / tau if eq.decay_input else v - (v - r) / tau + x
    if beta is not None:
        return r + beta * (v - r) + (1 - beta) * x if eq.decay_input else r + beta * (v - r) + x
    return v + x


def forward(eq, x, v0):
    """Return outputs, membranes before firing and membranes after reset, [T, N, features] each, and the steps z."""
    number = x.dtype.type
    out, before, after, steps = (np.zeros(x.shape, x.dtype) for _ in range(4))
    for t in range(x.shape[0]):
        for n in range(x.shape[1]):
            for i in range(x.shape[2]):
                h = charge(eq, x[t, n, i], after[t - 1, n, i] if t else v0[n, i], i, number)
                before[t, n, i] = h
                if not eq.fire:
                    out[t, n, i] = after[t, n, i] = h
                    continue
                th = eq.of("v_threshold", i, number)
                z = number(h - th >= 0 if eq.fire_at_threshold else h - th > 0)
                steps[t, n, i] = z
                out[t, n, i] = z * th if eq.spike_value == "threshold" else z
                after[t, n, i] = h - z * th if eq.v_reset is None else (1 - z) * h + z * eq.v_reset
    return out, before, after, steps


def backward(eq, derivative, x, v0, weight_out, weight_v):
    """Return the gradients of sum(weight_out * out) + sum(weight_v * v after reset), by hand, backward through time.

    They are those by x and v0, and by v_threshold, tau and beta of each neuron, by name. ``derivative`` is the surrogate's.
    """
    _, before, after, steps = forward(eq, x, v0)
    names = ("v_threshold", "tau", "beta")
    by = {"x": np.zeros(x.shape), "v0": np.zeros(v0.shape)} | {name: np.zeros(x.shape[2]) for name in names}
    r = eq.v_reset or 0.0
    for n in range(x.shape[1]):
        for i in range(x.shape[2]):
            th, tau, beta = (eq.of(name, i) for name in names)
            dv = 0.0  # by the membrane after reset, from the steps that follow
            for t in reversed(range(x.shape[0])):
                h, z, ds = float(before[t, n, i]), float(steps[t, n, i]), float(weight_out[t, n, i])
                v, current = float(after[t - 1, n, i] if t else v0[n, i]), float(x[t, n, i])
                dv += float(weight_v[t, n, i])
                if not eq.fire:
                    dh = dv + ds
                else:
                    in_threshold = eq.spike_value == "threshold"
                    dz = ds * th if in_threshold else ds
                    by["v_threshold"][i] += ds * z if in_threshold else 0.0
                    if eq.v_reset is None:
                        dh = dv
                        if not eq.detach_reset:
                            dz -= dv * th
                            by["v_threshold"][i] -= dv * z
                    else:
                        dh = dv * (1 - z)
                        if not eq.detach_reset:
                            dz += dv * (eq.v_reset - h)
                    du = dz * derivative(h - th)
                    by["v_threshold"][i] -= du
                    dh += du
                if tau is not None:
                    by["x"][t, n, i] = dh / tau if eq.decay_input else dh
                    by["tau"][i] += dh * ((v - r) - current if eq.decay_input else v - r) / tau**2
                    dv = dh * (1 - 1 / tau)
                elif beta is not None:
                    by["x"][t, n, i] = dh * (1 - beta) if eq.decay_input else dh
                    by["beta"][i] += dh * (v - r - current if eq.decay_input else v - r)
                    dv = dh * beta
                else:
                    by["x"][t, n, i] = dv = dh
            by["v0"][n, i] = dv
    return by
