"""Train a spiking network on the Spiking Heidelberg Digits, read from local files.

The recurrent network of Cramer et al. (The Heidelberg spiking data sets for the systematic evaluation of spiking neural
networks, IEEE Transactions on Neural Networks and Learning Systems 33, 2022): 700-128-20 with time constants of 20 ms for
membranes and 10 ms for currents, and a loss on the largest value over time of a readout's membrane. They report a test
accuracy of 71.4 %, 83.2 % with augmentation. Their steps are finer, and a penalty keeps their rates in bounds; here there is
none.

--network delays: the feed-forward network of Hammouamri et al. (Learning delays in spiking neural networks using dilated
convolutions with learnable spacings, ICLR 2024), whose connections learn their delays. They report 95.07 %, for the
epoch that is best on the test set, and round delays to whole steps for the test.
Their settings are --step 10 --steps 100 --group 5 --hidden 256 --batch-size 256 --epochs 150.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import snn

from . import words
from .samples import write_words
from .words import run

__all__ = ["Config", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(words.WordOptions):
    """Options of the SHD experiment."""

    of = "SHD"

    @staticmethod
    def read(directory: Path) -> snn.data.Splits:
        """Return the events of words."""
        return snn.data.shd(directory)

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write 100 and 40 words."""
        write_words(directory, {"shd_train.h5": 100, "shd_test.h5": 40}, 20)
