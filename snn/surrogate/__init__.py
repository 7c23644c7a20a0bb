"""Surrogate functions: a step forward, a smooth derivative backward.

Each is a Cell of ``u = v - v_threshold`` with its ``derivative`` and its ``primitive``, the smooth step of which that is the
derivative. A surrogate is added as one class in a file here. Survey: Neftci, Mostafa and Zenke, 2019.

What is one function is here once. Other names of it, ``a`` being ``alpha``:

======================== ==============================================================================================
here                     elsewhere
======================== ==============================================================================================
``atan``                 arctan
``erf``                  gaussian with ``a = 1 / (sqrt(2) sigma)``; derfc
``exponential``          SLAYER with ``a = 1 / tau_rho``; piecewise exp; but for a factor, spike rate escape
``fast_sigmoid``         superspike
``leaky_relu``           leaky spike operator; leaky k ReLU; with ``leak=0`` heaviside
``rectangle``            rect, boxcar
``sigmoid``              logistic; with ``2 a`` what has ``(1 + tanh(a u)) / 2`` as its primitive
``sparse_fast_sigmoid``  SFS
``step_pwl``             heaviside with a window
``straight_through``     straight-through estimator, deterministic pass
``triangle``             piecewise quadratic, triangular, tent
======================== ==============================================================================================
"""

from .base import Surrogate
from .compact import rectangle, sparse_fast_sigmoid, triangle
from .others import (
    fake_numerical_gradient,
    leaky_relu,
    log_tailed_relu,
    multi_gaussian,
    periodic_exponential,
    s2nn,
    step_pwl,
    straight_through,
)
from .smooth import (
    atan,
    circ,
    erf,
    exponential,
    fast_sigmoid,
    nonzero_sign_log_abs,
    q_pseudo_spike,
    relusigmoid,
    sigmoid,
    soft_sign,
    tanh,
)

__all__ = [
    "Surrogate",
    "atan",
    "circ",
    "erf",
    "exponential",
    "fake_numerical_gradient",
    "fast_sigmoid",
    "leaky_relu",
    "log_tailed_relu",
    "multi_gaussian",
    "nonzero_sign_log_abs",
    "periodic_exponential",
    "q_pseudo_spike",
    "rectangle",
    "relusigmoid",
    "s2nn",
    "sigmoid",
    "soft_sign",
    "sparse_fast_sigmoid",
    "step_pwl",
    "straight_through",
    "tanh",
    "triangle",
]
