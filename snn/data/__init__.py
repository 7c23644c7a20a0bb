"""Data sets, read from files that are there; nothing is downloaded."""

from .idx import MNIST, mnist, read_idx

__all__ = ["MNIST", "mnist", "read_idx"]
