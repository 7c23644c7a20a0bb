"""Data sets of images and events, read from files or made from a seed, and their transforms: one interface for all.

A function such as :func:`nmnist` or :func:`yin_yang` returns :class:`Splits`, each a :class:`Dataset` of samples that are read
on demand. :mod:`snn.data.transforms` makes frames of events.
"""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ..common.discover import export_all
from ..common.foreign import MODULES

if TYPE_CHECKING:  # for type checkers and editors; at run time export_all() finds the files
    from . import transforms as transforms
    from .adapters import *
    from .aedat3 import *
    from .batches import *
    from .cifar10 import *
    from .cifar10_dvs import *
    from .dataset import *
    from .delayed_spikes import *
    from .download import *
    from .dvs_gesture import *
    from .events import *
    from .evidence import *
    from .idx import *
    from .mackey_glass import *
    from .mnist import *
    from .nmnist import *
    from .poisson_patterns import *
    from .randman import *
    from .sequential import *
    from .shd import *
    from .sources import *
    from .store_recall import *
    from .yin_yang import *

export_all(__name__)

if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])
