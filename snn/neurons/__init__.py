"""Neurons: one file per family, with only the equations and their defaults."""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from ..common.discover import export

if TYPE_CHECKING:  # for type checkers and editors; at run time export() finds the files
    from .adaptive import *
    from .base import *
    from .current import *
    from .exponential import *
    from .firing import *
    from .gated import *
    from .integrate import *
    from .izhikevich import *
    from .leaky import *
    from .parallel import *
    from .parametric import *
    from .quadratic import *
    from .refractory import *
    from .resonate import *
    from .stochastic import *

export(__name__)
