"""Layers for spikes and time: delays, pooling, norms, dropout and feedback between neurons."""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from ..common.discover import export

if TYPE_CHECKING:  # for type checkers and editors; at run time export() finds the files
    from .conv_lstm import *
    from .delay import *
    from .delayed import *
    from .dropout import *
    from .learnt_delays import *
    from .norm import *
    from .one_to_one import *
    from .pool import *
    from .recurrent import *
    from .residual import *

export(__name__)
