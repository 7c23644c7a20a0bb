"""CIFAR-10, in its binary version."""

import numpy as np
import pytest

from snn.data import cifar10
from tests.snn.data.formats import refused

rng = np.random.default_rng(0)
IMAGES, LABELS = rng.integers(0, 256, (22, 3, 32, 32), np.uint8), np.arange(22, dtype=np.uint8) % 10


def records(part):
    return np.concatenate([LABELS[part, None], IMAGES[part].reshape(-1, 3072)], 1).tobytes()


@pytest.fixture
def place(tmp_path):
    base = tmp_path / "cifar-10-batches-bin"
    base.mkdir()
    for n in range(5):
        (base / f"data_batch_{n + 1}.bin").write_bytes(records(slice(4 * n, 4 * n + 4)))
    (base / "test_batch.bin").write_bytes(records(slice(20, 22)))
    return tmp_path


def test_images_come_from_all_files_in_order(place):
    splits = cifar10(place)
    assert repr(splits) == "<cifar10: train 20, test 2>"
    for n in (0, 3, 4, 19):
        x, label = splits.train[n]
        np.testing.assert_array_equal(x, IMAGES[n] / np.float32(255))
        assert (x.dtype, label) == (np.float32, n % 10)
    np.testing.assert_array_equal(splits.test[1].x, IMAGES[21] / np.float32(255))
    batch = next(iter(splits.train.batches(7, np.random.default_rng(0))))
    assert (batch.x.shape, batch.labels.dtype) == ((7, 3, 32, 32), np.int64)
    assert splits.train.classes[3] == "cat"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "records of 3073 bytes, got 0 bytes"),
        (records(slice(0, 2))[:-1], "records of 3073 bytes, got 6145 bytes"),
        (b"\x0a" + records(slice(0, 1))[1:], "labels from 0 to 9, got 10"),
    ],
    ids=range(3),
)
def test_an_invalid_file_is_refused(place, content, text):
    path = place / "cifar-10-batches-bin" / "data_batch_2.bin"
    path.write_bytes(content)
    assert refused(cifar10, place) == f"reading {path}: expected {text}. Fetch the file again."


def test_what_is_missing_is_named(place, tmp_path):
    (place / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    assert "test_batch.bin: expected a file that can be read, got No such file" in refused(cifar10, place)
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" in refused(cifar10, tmp_path / "none")
