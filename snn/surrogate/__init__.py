"""Surrogate functions: a step forward, a smooth derivative backward.

Each is a Cell of ``u = v - v_threshold`` with a ``derivative`` and a ``primitive``, the smooth step that has this derivative.
A new surrogate is one class in a file here. Survey: Neftci, Mostafa and Zenke, 2019.

Each function appears once. Its names in other packages, with ``a`` for ``alpha``:

======================== ==============================================================================================
here                     elsewhere
======================== ==============================================================================================
``atan``                 arctan
``erf``                  gaussian with ``a = 1 / (sqrt(2) sigma)``; derfc
``exponential``          SLAYER with ``a = 1 / tau_rho``; piecewise exp; up to a factor, spike rate escape
``fast_sigmoid``         superspike
``leaky_relu``           leaky spike operator; leaky k ReLU; with ``leak=0`` heaviside
``rectangle``            rect, boxcar
``sigmoid``              logistic; with ``2 a`` the surrogate with the primitive ``(1 + tanh(a u)) / 2``
``sparse_fast_sigmoid``  SFS
``step_pwl``             heaviside with a window
``straight_through``     straight-through estimator, deterministic pass
``triangle``             piecewise quadratic, triangular, tent
======================== ==============================================================================================
"""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ..common.discover import export
from ..common.foreign import MODULES

if TYPE_CHECKING:  # for type checkers and editors; at run time export() finds the files
    from .base import *
    from .compact import *
    from .others import *
    from .smooth import *

export(__name__)

if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])
