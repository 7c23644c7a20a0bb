"""Train a spiking network on the Spiking Speech Commands, read from local files.

The recurrent network of Cramer et al. (The Heidelberg spiking data sets for the systematic evaluation of spiking neural
networks, IEEE Transactions on Neural Networks and Learning Systems 33, 2022), as in the experiment shd: 700-128-35, and a loss
on the largest value over time of a readout's membrane. They report a test accuracy of 50.9 %.

--network delays: the feed-forward network of Hammouamri et al. (ICLR 2024), whose connections learn their delays. Their
settings are --step 10 --steps 100 --group 5 --hidden 512 --layers 3 --longest 30 --epochs 60. They report 80.69 %.
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
    """Options of the SSC experiment."""

    epochs: int = 40
    tau: float = 1.5
    dropout: float = 0.25

    of = "SSC"

    @staticmethod
    def read(directory: Path) -> snn.data.Splits:
        """Return the events of words."""
        return snn.data.ssc(directory)

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write 105, 35 and 35 words."""
        write_words(directory, {"ssc_train.h5": 105, "ssc_valid.h5": 35, "ssc_test.h5": 35}, 35)
