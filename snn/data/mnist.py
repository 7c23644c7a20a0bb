"""MNIST and the sets of its format: Fashion-MNIST, KMNIST and EMNIST."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, DataError

from .dataset import Splits
from .download import Remote, fetch, provide
from .files import as_path
from .idx import read_idx
from .images import of_bytes

__all__ = ["MNIST", "emnist", "fashion_mnist", "kmnist", "mnist"]

_SIDE = 28
_DIGITS = tuple("0123456789")
_PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_OTHER = "Other sets: snn.data.read_idx."


def _remotes(bases: tuple[str, ...], *checksums: str) -> tuple[Remote, ...]:
    names = [f"{part}-ubyte.gz" for part in _PARTS]
    return tuple(
        Remote(name, tuple(base + name for base in bases), f"sha256:{checksum}", limit=1 << 26)
        for name, checksum in zip(names, checksums, strict=True)
    )


_MNIST = _remotes(
    ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
_FASHION = _remotes(
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
_KMNIST = _remotes(
    ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
    "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
    "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
)
_EMNIST = Remote(
    "gzip.zip",
    ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip", "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip"),
    "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    gives="gzip",
    limit=1 << 32,
)
_CAPITALS, _SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_MERGED = (*_DIGITS, *_CAPITALS, *"abdefghnqrt")
_EMNIST_CLASSES: dict[str, tuple[str, ...]] = {
    "balanced": _MERGED, "bymerge": _MERGED, "byclass": (*_DIGITS, *_CAPITALS, *_SMALL), "letters": tuple(_SMALL),
    "digits": _DIGITS, "mnist": _DIGITS,
}  # fmt: skip


class MNIST(Splits):
    """Images and labels, as :func:`mnist` reads them: ``train`` and ``test`` as data sets, and all as arrays.

    Parameters
    ----------
    train_images, train_labels, test_images, test_labels : numpy.ndarray
        Images ``[N, 28, 28]`` uint8, 0 for paper and 255 for ink, and labels ``[N]`` int64.
    split : str
        Files of the two parts.
    name : str
        Name of the set.
    classes : tuple of str
        Names of the classes, by label.
    """

    def __init__(
        self, train_images: Array, train_labels: Array, test_images: Array, test_labels: Array, split: str,
        name: str = "mnist", classes: tuple[str, ...] = _DIGITS,
    ) -> None:  # fmt: skip
        self.train_images, self.train_labels = train_images, train_labels
        self.test_images, self.test_labels, self.split = test_images, test_labels, split
        train, test = of_bytes(train_images, train_labels, classes, name), of_bytes(test_images, test_labels, classes, name)
        super().__init__(name, train=train, test=test)


def mnist(directory: str | os.PathLike[str], *, download: bool = False) -> MNIST:
    """Read MNIST, or a set of its format with ten classes (LeCun, Cortes and Burges, 1998).

    Parameters
    ----------
    directory : str or path
        Where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte`` are; also with ``.gz`` at the end, or with a dot as in ``train-images.idx3-ubyte``.
    download : bool
        Download missing files.

    Returns
    -------
    MNIST
        Images and labels. If there are no training files, the t10k files are split: the first 80 % of the images are the
        training part and the other 20 % the test part (8,000 and 2,000 images). Results on such a part are not results on the
        MNIST test set; ``split`` names the files that were read. Samples of ``train`` and ``test`` are images ``[1, 28, 28]``
        float32 in [0, 1].

    Raises
    ------
    DataError
        If a file is missing or cannot be read (see :func:`read_idx`), images are not ``[N, 28, 28]`` uint8, labels are not
        ``[N]`` uint8 from 0 to 9, their numbers differ, or a part is empty.
    """
    return _four_files(directory, _MNIST, download, "mnist", _DIGITS)


def fashion_mnist(directory: str | os.PathLike[str], *, download: bool = False) -> MNIST:
    """Read Fashion-MNIST: clothes in the format of MNIST (Xiao, Rasul and Vollgraf, 2017).

    Parameters
    ----------
    directory : str or path
        As for :func:`mnist`.
    download : bool
        Download missing files.

    Returns
    -------
    MNIST
        60,000 and 10,000 images in ten classes.
    """
    classes = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
    return _four_files(directory, _FASHION, download, "fashion_mnist", classes)


def kmnist(directory: str | os.PathLike[str], *, download: bool = False) -> MNIST:
    """Read Kuzushiji-MNIST: cursive Japanese in the format of MNIST (Clanuwat et al., 2018).

    Parameters
    ----------
    directory : str or path
        As for :func:`mnist`.
    download : bool
        Download missing files.

    Returns
    -------
    MNIST
        60,000 and 10,000 images in ten classes.
    """
    return _four_files(directory, _KMNIST, download, "kmnist", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"))


def emnist(directory: str | os.PathLike[str], split: str = "balanced", *, download: bool = False) -> MNIST:
    """Read EMNIST: letters and digits in the format of MNIST (Cohen, Afshar, Tapson and van Schaik, 2017).

    Parameters
    ----------
    directory : str or path
        Where ``gzip`` is, with files such as ``emnist-balanced-train-images-idx3-ubyte.gz``; or the files themselves,
        unpacked or not; or the archive ``gzip.zip``, which is unpacked there.
    split : {"balanced", "bymerge", "byclass", "letters", "digits", "mnist"}
        Set of classes, as the authors name it.
    download : bool
        Download missing files.

    Returns
    -------
    MNIST
        Images stand upright here; in the files rows and columns are swapped. Labels count from 0, also those of letters.

    Raises
    ------
    ArgumentError
        If there is no such split.
    DataError
        As for :func:`mnist`.
    """
    if split not in _EMNIST_CLASSES:
        raise ArgumentError(
            "data.emnist", f"a split among {', '.join(_EMNIST_CLASSES)}", describe(split), "Each has its own classes."
        )
    base, first = as_path(directory), int(split == "letters")
    if _find(base, f"emnist-{split}-train-images-idx3-ubyte") is None:
        base = provide(base, _EMNIST, download, "data.emnist")
    classes = _EMNIST_CLASSES[split]
    parts = [_part(base, f"emnist-{split}-{part}", len(classes) + first, first) for part in ("train", "test")]
    (train_x, train_y), (test_x, test_y) = ((images.transpose(0, 2, 1), labels - first) for images, labels in parts)
    return MNIST(train_x, train_y, test_x, test_y, f"{split}: train and test files", "emnist", classes)


def _four_files(directory: Any, remotes: tuple[Remote, ...], download: bool, name: str, classes: tuple[str, ...]) -> MNIST:
    base = as_path(directory)
    if download:
        for remote in remotes:
            if _find(base, remote.name.removesuffix(".gz")) is None:
                fetch(remote, base)
    if not base.is_dir():
        got = "a file" if base.exists() else "no such directory"
        raise DataError(f"reading {base}", "a directory with the MNIST files", got, "Pass the directory of the four files.")
    test = _part(base, "t10k", len(classes))
    if _find(base, "train-images-idx3-ubyte") or _find(base, "train-labels-idx1-ubyte"):
        train, split = _part(base, "train", len(classes)), "train and t10k files"
    else:
        cut = len(test[0]) * 4 // 5
        train, test = (test[0][:cut], test[1][:cut]), (test[0][cut:], test[1][cut:])
        split = "no training files: the first 80 % of the t10k files, and the rest of them"
    if not (len(train[0]) and len(test[0])):
        raise DataError(
            f"reading {base}", "at least one training and one test image", f"{len(train[0])} and {len(test[0])}",
            "Without training files the t10k files are split.",
        )  # fmt: skip
    return MNIST(*train, *test, split, name, classes)


def _find(base: Path, name: str) -> Path | None:
    spellings = (name, name.replace("-idx", ".idx"))
    return next((base / f"{s}{end}" for end in ("", ".gz") for s in spellings if (base / f"{s}{end}").is_file()), None)


def _part(base: Path, part: str, end: int, start: int = 0) -> tuple[Array, Array]:
    """Read images and labels, from ``start`` to before ``end``, of a part such as ``train`` or ``t10k``."""
    paths = []
    for name in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"):
        path = _find(base, name)
        if path is None:
            fix = "Put images and labels into this directory; download=True fetches the published files."
            raise DataError(f"reading {base}", f"{name} or {name}.gz", "no such file", fix)
        paths.append(path)
    images, labels = map(read_idx, paths)
    if images.ndim != 3 or images.shape[1:] != (_SIDE, _SIDE) or images.dtype != np.uint8:
        raise DataError(f"reading {paths[0]}", f"images [N, {_SIDE}, {_SIDE}] Uint8", describe(images), _OTHER)
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(f"reading {paths[1]}", "labels [N] Uint8", describe(labels), "Are images and labels swapped?")
    if len(images) != len(labels):
        raise DataError(
            f"reading {base}", f"a label for each of {len(images)} {part} images", f"{len(labels)} labels",
            "Take both files from one set.",
        )  # fmt: skip
    if labels.size and not start <= labels.min() <= labels.max() < end:
        wrong = labels.max() if labels.max() >= end else labels.min()
        raise DataError(f"reading {paths[1]}", f"labels from {start} to {end - 1}", f"{wrong}", _OTHER)
    return images, labels.astype(np.int64)
