"""Transforms of events: frames, and the steps that precede them.

Each is made with its options and called with :class:`snn.data.Events`; those that draw random numbers take a generator too,
which :meth:`snn.data.Dataset.batches` passes. They leave their argument unchanged.
"""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ...common.discover import export_all
from ...common.foreign import MODULES

if TYPE_CHECKING:  # for type checkers and editors; at run time export_all() finds the files
    from .base import *
    from .frames import *
    from .space import *
    from .time import *

export_all(__name__)

if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])
