"""The digest of a data set is the same for the same samples only; and batches read in one go."""

import numpy as np
import pytest

import snn
from autograd.errors import DataError
from snn.data import Dataset, Events
from snn.data.sources import Arrays, Drawn, Files, Source
from tests.snn.data.formats import aedat3, bin40, cochlea, packet

X, Y = np.arange(24, dtype=np.float32).reshape(8, 3), np.arange(8) % 3


class Listed(Source):
    """Samples in a list, of which nothing is known but how each is read."""

    def __init__(self, samples, labels):
        super().__init__(np.asarray(labels))
        self.samples = samples

    def read(self, place):
        return self.samples[place], self.label(place)


def events(first=3):
    return Events([0, 5], x=[first, 1], y=[0, 1], p=[1, 0], shape=(2, 4, 5))


def digest(source, kind="static"):
    return Dataset(source, kind=kind).digest()


def test_a_digest_depends_on_the_arrays_and_the_selected_samples():
    data = Dataset(Arrays(X, Y), kind="static")
    found = [
        data.digest(), data[:4].digest(), data[::-1].digest(), digest(Arrays(X + 1, Y)), digest(Arrays(X, Y[::-1])),
        digest(Arrays(X.reshape(8, 3, 1), Y)), digest(Arrays(X.astype(np.float64), Y)),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
    assert digest(Arrays(X.copy(order="F"), Y.copy())) == found[0]
    assert data.map(lambda x: x + 1).digest() == found[0]  # what is read is the same


def test_a_digest_depends_on_each_sample_that_is_read_one_by_one():
    same = [digest(Listed([events(), events(2)], [0, 1]), "events") for _ in range(2)]
    others = [
        digest(Listed([events(), events(1)], [0, 1]), "events"), digest(Listed([events(), events(2)], [0, 2]), "events"),
        digest(Listed([events(2), events()], [0, 1]), "events"),
    ]  # fmt: skip
    assert same[0] == same[1]
    assert len({same[0], *others}) == 4
    named = [digest(Listed([events()] * 2, ["a", name]), "events") for name in ("b", "c")]
    assert named[0] != named[1]
    drawn = [digest(Drawn(Y, lambda label, rng: rng.random(4), np.random.default_rng(seed)), "sequence") for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_byte_of_a_file_changes_the_digest(tmp_path):
    paths = [tmp_path / f"{n}.bin" for n in range(2)]
    for path in paths:
        path.write_bytes(bin40([0, 9], [1, 2], [3, 4], [0, 1]))
    source = Files(paths, np.array([0, 1]), snn.data.read_bin)
    before = digest(source, "events")
    assert digest(source, "events") == before
    paths[1].write_bytes(bin40([0, 9], [1, 2], [3, 5], [0, 1]))
    assert digest(source, "events") != before
    paths[1].unlink()
    with pytest.raises(DataError, match=r"1\.bin: expected a file that can be read, got No such file"):
        digest(source, "events")


def test_words_and_gestures_are_their_files(tmp_path):
    pytest.importorskip("h5py", reason="comes with the extra 'data'")
    for split in ("train", "test"):
        cochlea(tmp_path / f"shd_{split}.h5", [[0.25]], [[1 + (split == "test")]], [3])
    words = snn.data.shd(tmp_path)
    assert words.train.digest() == snn.data.shd(tmp_path).train.digest() != words.test.digest()
    base = tmp_path / "DvsGesture"
    base.mkdir()
    for name in ("train", "test"):
        (base / f"trials_to_{name}.txt").write_text("user01.aedat\n")
    (base / "user01.aedat").write_bytes(aedat3(packet([(100, 1, 2, 0)])))
    tables = ["1,100,200\n", "2,100,200\n", "1,100,201\n"]
    found = []
    for table in tables:
        (base / "user01_labels.csv").write_text("class,startTime_usec,endTime_usec\n" + table)
        found.append(snn.data.dvs_gesture(tmp_path).train.digest())
    (base / "user01.aedat").write_bytes(aedat3(packet([(100, 1, 3, 0)])))
    assert len({*found, snn.data.dvs_gesture(tmp_path).train.digest()}) == 4


@pytest.mark.parametrize("prepare", [None, lambda x: x / np.float32(2)])
def test_batches_of_arrays_are_those_of_samples_one_by_one(prepare):
    labels = Y.astype(np.uint8)
    at_once = Dataset(Arrays(X, labels, prepare), kind="static")
    one_by_one = Dataset(Listed(X if prepare is None else prepare(X), labels), kind="static")
    pairs = [list(data[1:].batches(3, np.random.default_rng(0))) for data in (at_once, one_by_one)]
    for first, second in zip(*pairs, strict=True):
        np.testing.assert_array_equal(first.x, second.x)
        np.testing.assert_array_equal(first.labels, second.labels)
        assert (first.x.dtype, first.labels.dtype, first.mask) == (second.x.dtype, second.labels.dtype, None)
    first.x[:] = -1
    assert (X >= 0).all()  # a batch is a copy
