"""The Mackey-Glass series: chaos from one equation with a delay, to be predicted a step ahead."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, ShapeError

from .dataset import Dataset, Splits
from .seeds import between, counts
from .sources import Source

__all__ = ["mackey_glass", "mackey_glass_series"]

# NeuroBench's table: delay, Lyapunov time, value before the start.
_SERIES = {
    17: (197, 0.7206597), 18: (138, 0.7744313), 19: (315, 0.7783468), 20: (131, 0.9225991), 21: (191, 0.9479431),
    22: (119, 0.5455960), 23: (106, 0.8622247), 24: (97, 0.3259660), 25: (98, 0.8297825), 26: (104, 1.0033490),
    27: (112, 0.6491406), 28: (119, 1.0957495), 29: (131, 0.9256179), 30: (139, 0.2713639),
}  # fmt: skip
_STEP = 0.1  # of the solver, in units of time, at most


def mackey_glass_series(
    tau: float = 17.0,
    *,
    points: int = 1501,
    spacing: float = 197 / 75,
    start: float = 0.7206597,
    beta: float = 0.2,
    gamma: float = 0.1,
    power: float = 10.0,
) -> Array:
    """Solve ``dv/dt = beta v(t - tau) / (1 + v(t - tau)^power) - gamma v`` (Mackey and Glass, 1977).

    Parameters
    ----------
    tau : float
        The delay, in units of time.
    points : int
        Number of values.
    spacing : float
        Units of time from one value to the next.
    start : float
        The value up to time 0.
    beta, gamma, power : float
        Constants of the equation.

    Returns
    -------
    numpy.ndarray
        ``[points]`` float64, from time 0. Fourth-order Runge-Kutta with steps of at most 0.1 and cubic interpolation. The
        series is chaotic: after some Lyapunov times any other solver gives a different series.

    Examples
    --------
    >>> import snn
    >>> series = snn.data.mackey_glass_series(points=600)
    >>> bool(0.2 < series[100:].min() < 0.5), bool(1.2 < series.max() < 1.4)
    (True, True)
    """
    counts("data.mackey_glass_series", points=points)
    between("data.mackey_glass_series", 1e-3, 1e6, tau=tau, spacing=spacing)
    between("data.mackey_glass_series", 0.0, 100.0, start=start, beta=beta, power=power)
    between("data.mackey_glass_series", 0.0, 10.0, gamma=gamma)
    back = math.ceil(tau / _STEP)
    h = tau / back
    count = math.ceil((points - 1) * spacing / h) + 2
    if count > 10**8:
        raise ArgumentError("data.mackey_glass_series", "at most 1e8 steps", f"{count:,}", "Ask for fewer points.")

    def slope(v: float, late: float) -> float:
        return beta * late / (1.0 + math.pow(late, power)) - gamma * v

    try:
        values, slopes = _solved(back, h, count, start, slope)
    except OverflowError:
        values = slopes = np.full(count, np.inf)
    if not np.isfinite(values[-1]):
        got = "one that grows beyond floats"
        raise ArgumentError("data.mackey_glass_series", "a series that stays finite", got, "Choose a larger gamma.")
    place = np.arange(points) * (spacing / h)
    left = place.astype(np.intp)
    s = place - left
    a, b, da, db = values[left], values[left + 1], h * slopes[left], h * slopes[left + 1]
    found: Array = a + s * (da + s * (3 * (b - a) - 2 * da - db + s * (2 * (a - b) + da + db)))
    return found


def _solved(back: int, h: float, count: int, start: float, slope: Callable[[float, float], float]) -> tuple[Array, Array]:
    """Return values and slopes at ``count`` steps of h from time 0, with a delay of ``back`` steps."""
    # v[i] is the value at time (i - back) h, w[i] its slope there.
    v, w = [float(start)] * (back + 1), [0.0] * back
    for i in range(back, back + count):
        early, late = v[i - back], v[i - back + 1]
        v0, k1 = v[i], slope(v[i], early)
        w.append(k1)
        middle = (early + late) / 2 + h * (w[i - back] - w[i - back + 1]) / 8
        k2 = slope(v0 + h / 2 * k1, middle)
        k3 = slope(v0 + h / 2 * k2, middle)
        k4 = slope(v0 + h * k3, late)
        v.append(v0 + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.array(v[back:-1]), np.array(w[back:])


def mackey_glass(
    tau: int = 17, *, window: int = 50, train: int = 750, test: int = 750, offset: int = 0, series: Any = None
) -> Splits:
    """Make windows of the Mackey-Glass series and the next values, as in the benchmark of NeuroBench (Yik et al., 2025).

    Parameters
    ----------
    tau : int
        Delay, from 17 to 30, which chooses Lyapunov time and start from NeuroBench's table; there are 75 values in a Lyapunov
        time.
    window : int
        Values in a sample, the time steps T.
    train, test : int
        Number of target values in each split; ``test`` follows ``train``. In NeuroBench each has 10 Lyapunov times. The first
        ``window`` values are inputs only.
    offset : int
        Values at the beginning to leave out: NeuroBench repeats its measure on shifted pieces.
    series : array_like, optional
        ``[points]``; another series to use instead, such as NeuroBench's own file, for results comparable with its table.

    Returns
    -------
    Splits
        ``train`` and ``test``: windows ``[T, 1]`` float32 and the next value ``[1]`` float32. Nothing is random.

    References
    ----------
    M. C. Mackey, L. Glass: Oscillation and chaos in physiological control systems. Science 197, 1977.
    J. Yik et al.: The neurobench framework for benchmarking neuromorphic computing algorithms and systems. Nature
    Communications 16, 2025.
    """
    counts("data.mackey_glass", window=window, train=train, test=test)
    counts("data.mackey_glass", 0, offset=offset)
    needed = offset + window + train + test
    if series is None:
        if tau not in _SERIES:
            raise ArgumentError(
                "data.mackey_glass", "tau, an int from 17 to 30", describe(tau),
                "For others pass series=mackey_glass_series(...).",
            )  # fmt: skip
        lyapunov, start = _SERIES[tau]
        values = mackey_glass_series(tau, points=needed, spacing=lyapunov / 75, start=start)
    else:
        values = np.asarray(series, np.float64)
        if values.ndim != 1 or len(values) < needed:
            raise ShapeError(
                "data.mackey_glass, series", f"[points] with at least {needed}", describe(values),
                "It must hold offset + window + train + test values.",
            )  # fmt: skip
    values = values[offset:].astype(np.float32)
    whole = Dataset(_Windows(values, window, train + test), kind="sequence", name="mackey_glass")
    return Splits("mackey_glass", train=whole[:train], test=whole[train:])


class _Windows(Source):
    """Windows of a series and the value after each."""

    def __init__(self, values: Array, window: int, count: int) -> None:
        super().__init__(values[window : window + count, None])
        self.windows = np.lib.stride_tricks.sliding_window_view(values, window)

    def read(self, place: int) -> tuple[Array, Array]:
        """Return a window and the next value."""
        return self.windows[place][:, None], self.labels()[place]
