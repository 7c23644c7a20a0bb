from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _no_figures_left():
    yield
    plt.close("all")


@pytest.fixture
def lif():
    """Input, membrane before its reset, and spikes of six leaky neurons over 60 steps."""
    generator = np.random.default_rng(0)
    x = generator.uniform(0.0, 0.5, (60, 6))
    v, spikes, state = np.zeros_like(x), np.zeros_like(x), np.zeros(6)
    for t in range(60):
        state = 0.9 * state + x[t]
        v[t], spikes[t] = state, state >= 1.0
        state = np.where(spikes[t] > 0, 0.0, state)
    assert spikes.sum(axis=0).all()
    return x, v, spikes
