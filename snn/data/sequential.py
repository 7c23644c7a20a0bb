"""Sequential MNIST: the pixels of an image one after another, in order or in one random order."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .dataset import Dataset, Splits
from .images import in_unit
from .mnist import mnist
from .seeds import generator
from .sources import Arrays

__all__ = ["sequential_mnist"]


def sequential_mnist(directory: str | os.PathLike[str], seed: Any = None, *, download: bool = False) -> Splits:
    """Read MNIST as sequences of 784 pixels, permuted or not (Le, Jaitly and Hinton, 2015).

    Parameters
    ----------
    directory : str or path
        As for :func:`mnist`.
    seed : int or numpy.random.Generator, optional
        Draws one pixel order for all images: permuted sequential MNIST. None: row by row.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``train`` and ``test``: ``[784, 1]`` float32 in [0, 1].

    References
    ----------
    Q. V. Le, N. Jaitly, G. E. Hinton: A simple way to initialize recurrent networks of rectified linear units.
    arXiv:1504.00941, 2015.
    """
    data = mnist(directory, download=download)
    order = np.arange(784) if seed is None else generator(seed, "data.sequential_mnist").permutation(784)

    def sequences(images: Any) -> Any:
        return in_unit(images.reshape(-1, 784)[:, order])[:, :, None]

    parts = {
        split: Dataset(Arrays(images, labels, sequences), kind="sequence", classes=data.train.classes, name="sequential_mnist")
        for split, images, labels in (
            ("train", data.train_images, data.train_labels), ("test", data.test_images, data.test_labels),
        )
    }  # fmt: skip
    return Splits("sequential_mnist", **parts)
