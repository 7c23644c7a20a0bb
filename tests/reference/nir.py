"""NIR's equations one sample, neuron and step at a time, from the definitions of the nodes."""

import math

import numpy as np


def moved(value, towards, tau, dt, method):
    """Return where ``tau dvalue/dt = towards - value`` leads to in a step."""
    if method == "euler":
        return value + dt / tau * (towards - value)
    return towards + (value - towards) * math.exp(-dt / tau)


def steps(node, x, dt, method):
    """Return what a node makes of ``[T, N, ...]``; without an input, a function of one step ``[N, ...]``."""
    kind, memory, past = type(node).__name__, {}, []

    def neuron(n, f, value):
        p = {name: float(getattr(node, name)[f]) for name in vars(node) if isinstance(getattr(node, name), np.ndarray)}
        state = memory.setdefault((n, f), {"i": 0.0, "v": p.get("v_leak", p.get("v_reset", 0.0))})
        if kind in ("I", "IF"):
            state["v"] += dt * p["r"] * value
        else:
            if kind.startswith("Cuba"):
                state["i"] = value = moved(state["i"], p["w_in"] * value, p["tau_syn"], dt, method)
            state["v"] = moved(state["v"], p["v_leak"] + p["r"] * value, p.get("tau", p.get("tau_mem")), dt, method)
        if not kind.endswith("F"):
            return state["v"]
        fired = state["v"] > p["v_threshold"]
        state["v"] = p["v_reset"] if fired else state["v"]
        return float(fired)

    def step(xt):
        out = np.zeros_like(xt)
        past.append(xt)
        for n in range(len(xt)):
            for f in np.ndindex(xt.shape[1:]):
                if kind == "Threshold":
                    out[(n, *f)] = xt[(n, *f)] > node.threshold[f]
                elif kind == "Scale":
                    out[(n, *f)] = xt[(n, *f)] * node.scale[f]
                elif kind == "Delay":
                    ago = round(float(node.delay[f]) / dt)
                    out[(n, *f)] = past[-1 - ago][(n, *f)] if ago < len(past) else 0
                elif kind in ("Affine", "Linear"):
                    out[(n, *f)] = sum(node.weight[f][k] * xt[n, k] for k in range(xt.shape[1]))
                    out[(n, *f)] += node.bias[f] if kind == "Affine" else 0
                else:
                    out[(n, *f)] = neuron(n, f, xt[(n, *f)])
        return out

    return step if x is None else np.array([step(xt) for xt in x])
