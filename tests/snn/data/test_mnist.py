"""MNIST and the sets of its format, made of four IDX files."""

import gzip

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError
from snn.data import mnist
from tests.snn.data.formats import idx, of, refused, zipped

GOOD = idx(0x0B, (2, 3), [1, 2, 3, 4, 5, 6])


@pytest.fixture
def put(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="some.idx", packed=False):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    return write


NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (15, 28, 28), np.uint8)
LABELS = np.arange(15, dtype=np.uint8) % 10
FILES = dict(zip(NAMES, map(of, (IMAGES[:10], LABELS[:10], IMAGES[10:], LABELS[10:])), strict=True))
SPELLINGS = {
    "dash": lambda name: name,
    "dot": lambda name: name.replace("-idx", ".idx"),
    "dash, gz": lambda name: f"{name}.gz",
    "dot, gz": lambda name: f"{name.replace('-idx', '.idx')}.gz",
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_the_four_files_are_found_in_every_spelling(put, tmp_path, spell):
    for name, content in FILES.items():
        put(content, spell(name), packed=spell(name).endswith(".gz"))
    data = mnist(tmp_path)
    np.testing.assert_array_equal(data.train_images, IMAGES[:10])
    np.testing.assert_array_equal(data.train_labels, LABELS[:10])
    np.testing.assert_array_equal(data.test_images, IMAGES[10:])
    np.testing.assert_array_equal(data.test_labels, LABELS[10:])
    assert [array.dtype for array in (data.train_images, data.train_labels, data.test_images, data.test_labels)] == [
        np.uint8,
        np.int64,
    ] * 2
    assert data.split == "train and t10k files"


@pytest.mark.parametrize(("count", "cut"), [(15, 12), (10, 8), (2, 1)])
def test_t10k_files_alone_are_split_into_its_first_80_percent_and_the_rest(put, tmp_path, count, cut):
    put(of(IMAGES[:count]), NAMES[2])
    put(of(LABELS[:count]), NAMES[3])
    data = snn.data.mnist(str(tmp_path))
    np.testing.assert_array_equal(data.train_images, IMAGES[:cut])
    np.testing.assert_array_equal(data.train_labels, LABELS[:cut])
    np.testing.assert_array_equal(data.test_images, IMAGES[cut:count])
    np.testing.assert_array_equal(data.test_labels, LABELS[cut:count])
    assert data.split == "no training files: the first 80 % of the t10k files, and the rest of them"


def test_a_directory_that_is_not_there(put, tmp_path):
    place = tmp_path / "none"
    fix = "Pass the directory of the four files."
    assert refused(mnist, place) == (
        f"reading {place}: expected a directory with the MNIST files, got no such directory. {fix}"
    )
    path = put(GOOD)
    assert refused(mnist, path) == f"reading {path}: expected a directory with the MNIST files, got a file. {fix}"


@pytest.mark.parametrize("missing", NAMES)
def test_a_file_of_a_pair_that_is_missing(put, tmp_path, missing):
    for name in NAMES:
        if name != missing:
            put(FILES[name], name)
    assert refused(mnist, tmp_path) == (
        f"reading {tmp_path}: expected {missing} or {missing}.gz, got no such file. "
        "Put images and labels into this directory; download=True fetches the published files."
    )


def test_an_empty_directory_misses_the_t10k_files(tmp_path):
    assert f"expected {NAMES[2]} or {NAMES[2]}.gz, got no such file." in refused(mnist, tmp_path)


OTHER = "Other sets: snn.data.read_idx."
SWAPPED = "Are images and labels swapped?"


@pytest.mark.parametrize("part", [0, 2], ids=["train", "t10k"])
@pytest.mark.parametrize(
    ("which", "content", "text"),
    [
        (0, of(IMAGES.reshape(15, 784)), f"images [N, 28, 28] Uint8, got ndarray [15, 784] Uint8. {OTHER}"),
        (0, of(IMAGES[:, :, :27]), f"images [N, 28, 28] Uint8, got ndarray [15, 28, 27] Uint8. {OTHER}"),
        (0, of(LABELS), f"images [N, 28, 28] Uint8, got ndarray [15] Uint8. {OTHER}"),
        (0, idx(0x0D, (0, 28, 28), []), f"images [N, 28, 28] Uint8, got ndarray [0, 28, 28] Float32. {OTHER}"),
        (1, of(IMAGES), f"labels [N] Uint8, got ndarray [15, 28, 28] Uint8. {SWAPPED}"),
        (1, idx(0x0C, (2,), [1, 2]), f"labels [N] Uint8, got ndarray [2] Int32. {SWAPPED}"),
        (1, of(LABELS + np.uint8(1)), f"labels from 0 to 9, got 10. {OTHER}"),
    ],
    ids=range(7),
)
def test_files_that_hold_something_else(put, tmp_path, part, which, content, text):
    for name, good in zip(NAMES, (of(IMAGES), of(LABELS)) * 2, strict=True):
        put(good, name)
    path = put(content, NAMES[part + which])
    assert refused(mnist, tmp_path) == f"reading {path}: expected {text}"


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_images_and_labels_that_do_not_match_in_number(put, tmp_path, part):
    for name in NAMES:
        put(FILES[name], name)
    put(of(LABELS[:3]), f"{part}-labels-idx1-ubyte")
    assert refused(mnist, tmp_path) == (
        f"reading {tmp_path}: expected a label for each of {10 if part == 'train' else 5} {part} images, got 3 labels. "
        "Take both files from one set."
    )


@pytest.mark.parametrize(("count", "numbers"), [(0, "0 and 0"), (1, "0 and 1")])
def test_a_file_that_is_too_small_to_be_split(put, tmp_path, count, numbers):
    put(of(IMAGES[:count]), NAMES[2])
    put(of(LABELS[:count]), NAMES[3])
    assert refused(mnist, tmp_path) == (
        f"reading {tmp_path}: expected at least one training and one test image, got {numbers}. "
        "Without training files the t10k files are split."
    )


def test_a_damaged_file_among_the_four_is_named(put, tmp_path):
    for name in NAMES:
        put(FILES[name], name)
    path = put(FILES[NAMES[1]][:-2], NAMES[1])
    assert refused(mnist, tmp_path).startswith(f"reading {path}: expected 18 bytes, for shape [10] uint8, got 16 bytes.")


def test_samples_are_images_of_one_channel_in_the_unit_interval(put, tmp_path):
    for name, content in FILES.items():
        put(content, name)
    for read, names in ((mnist, "0"), (snn.data.fashion_mnist, "T-shirt"), (snn.data.kmnist, "o")):
        data = read(tmp_path)
        x, label = data.train[3]
        np.testing.assert_array_equal(x, IMAGES[3][None] / np.float32(255))
        assert (x.dtype, label, data.train.classes[0], len(data.test)) == (np.float32, 3, names, 5)
        batch = next(iter(data.train.batches(4)))
        assert (batch.x.shape, batch.labels.tolist(), batch.mask) == ((4, 1, 28, 28), [0, 1, 2, 3], None)
        assert snn.encode.direct(batch.x, 3).shape == (3, 4, 1, 28, 28)
    assert repr(data) == "<kmnist: train 10, test 5>"


@pytest.mark.parametrize("place", ["loose", "folder", "archive"])
def test_emnist_is_upright_and_counts_from_zero(tmp_path, place):
    labels = (np.arange(4) * 8 + 1).astype(np.uint8)
    files = {}
    for part, shown in (("train", IMAGES[:4]), ("test", IMAGES[4:8])):
        files[f"gzip/emnist-letters-{part}-images-idx3-ubyte.gz"] = gzip.compress(of(shown.transpose(0, 2, 1)))
        files[f"gzip/emnist-letters-{part}-labels-idx1-ubyte.gz"] = gzip.compress(of(labels))
    if place == "archive":
        zipped(tmp_path / "gzip.zip", files)
    else:
        (tmp_path / "gzip").mkdir()
        for name, content in files.items():
            path = tmp_path / name
            (path if place == "folder" else tmp_path / path.name).write_bytes(content)
    if place == "archive":  # it is not the published one
        assert "expected sha256 fb9bb67e" in refused(snn.data.emnist, tmp_path, "letters")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["gzip.zip"]
        return
    data = snn.data.emnist(tmp_path, "letters")
    np.testing.assert_array_equal(data.train_images, IMAGES[:4])
    assert [data.train.classes[label] for label in data.train.labels] == ["a", "i", "q", "y"]
    assert "labels from 0 to 9, got 25" in refused_with(tmp_path, files, "digits")


def refused_with(place, files, split):
    for name, content in files.items():
        (place / name.replace("gzip/", "").replace("letters", split)).write_bytes(content)
    return refused(snn.data.emnist, place, split)


def test_emnist_has_known_splits_and_says_where_it_is_fetched(tmp_path):
    with pytest.raises(ArgumentError, match="a split among balanced, bymerge, byclass, letters, digits, mnist, got str 'all'"):
        snn.data.emnist(tmp_path, "all")
    text = refused(snn.data.emnist, tmp_path)
    assert text.endswith(
        f"fetch gzip.zip from https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip and put it into {tmp_path}."
    )


def test_sequential_mnist_shows_the_pixels_one_by_one_in_one_order_for_all(put, tmp_path):
    for name, content in FILES.items():
        put(content, name)
    plain, permuted, again, other = (snn.data.sequential_mnist(tmp_path, seed) for seed in (None, 1, 1, 2))
    np.testing.assert_array_equal(plain.train[2].x[:, 0], IMAGES[2].ravel() / np.float32(255))
    order = np.random.default_rng(1).permutation(784)
    np.testing.assert_array_equal(permuted.test[1].x[:, 0], IMAGES[11].ravel()[order] / np.float32(255))
    np.testing.assert_array_equal(permuted.train[0].x, again.train[0].x)
    assert not np.array_equal(permuted.train[0].x, other.train[0].x)
    assert next(iter(permuted.train.batches(5, np.random.default_rng(0)))).x.shape == (784, 5, 1)
