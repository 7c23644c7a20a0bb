"""Training: a resumable loop with hooks, and groups of Parameters for the optimizer.

:class:`Trainer` is the loop, a :class:`Hook` is called while it runs, and :class:`Ranks` divides its batches among processes.
The progress bar and checkpoints need the extra ``train``, ranks the extra ``mpi``.
"""

from .groups import groups
from .hooks import EarlyStopping, SaveCheckpoints
from .logs import JSONLines, Progress, TensorBoard
from .ranks import Ranks
from .trainer import Hook, Trainer

__all__ = ["EarlyStopping", "Hook", "JSONLines", "Progress", "Ranks", "SaveCheckpoints", "TensorBoard", "Trainer", "groups"]


def __dir__() -> list[str]:
    return sorted(__all__)
