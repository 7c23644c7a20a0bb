"""Data of other packages: stand-ins with their interface, and batches of torch if it is installed."""

import sys

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, DataError, DTypeError, ShapeError
from snn.data import from_loader, wrap
from snn.data.transforms import TimeBins


class Tonic:
    """As a Dataset of tonic: structured events, a sensor size the other way round, labels in ``targets``."""

    sensor_size = (34, 30, 2)
    dtype = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])

    def __init__(self, targets):
        self.targets, self.read = targets, []

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        self.read.append(index)
        return np.array([(33, 29, 20, 1), (index, 0, 10, 0)], self.dtype), self.targets[index]


def test_a_set_of_tonic_is_one_of_ours():
    theirs = Tonic([3, 1, 4])
    ours = wrap(theirs)
    assert (ours.kind, ours.labels.tolist(), repr(ours)) == ("events", [3, 1, 4], "<Tonic: 3 samples, events>")
    assert theirs.read == [0]  # to see what it is
    events, label = ours[2]
    assert (events.t.tolist(), events.x.tolist(), events.shape, label) == ([10, 20], [2, 33], (2, 30, 34), 4)
    batch = next(iter(ours.map(TimeBins(5)).batches(3, np.random.default_rng(0), prefetch=1)))
    assert (batch.x.shape, batch.x.sum()) == ((5, 3, 2, 30, 34), 6)


def test_names_of_classes_become_numbers():
    ours = wrap(Tonic(["dog", "ant", "dog"]))
    assert (ours.classes, ours.labels.tolist(), ours[1].label) == (("ant", "dog"), [1, 0, 1], 0)


def test_channels_have_no_rows_and_labels_may_be_read():
    class Cochlea(list):
        sensor_size = (700, 1, 1)

    audio = np.array([(5, 600, 1), (9, 3, 1)], [("t", int), ("x", int), ("p", int)])
    ours = wrap(Cochlea([(audio, np.int64(4)), (audio[:1], 2)]))
    assert (ours[0].x.shape, ours[0].label, ours.labels.tolist()) == ((700,), 4, [4, 2])


def test_other_samples_are_arrays():
    ours = wrap([(np.ones((5, 2)), 1.5), (np.ones((3, 2)), 2.5)], kind="sequence")
    batch = next(iter(ours.batches(2)))
    assert (batch.x.shape, batch.labels.tolist(), batch.mask.sum(0).tolist()) == ((5, 2, 2), [1.5, 2.5], [5, 3])
    assert wrap([]).kind == "static"


class Jelly(list):
    """As a data set of SpikingJelly: a dict of arrays for each sample, and the size by a method."""

    @staticmethod
    def get_H_W():  # noqa: N802
        return 30, 34


def test_a_set_of_spikingjelly_is_one_of_ours(tmp_path):
    events = {"p": np.array([1, 0]), "t": np.array([20, 10]), "x": np.array([33, 2]), "y": np.array([29, 0])}
    np.savez(tmp_path / "sample.npz", **events)
    for sample in (events, np.load(tmp_path / "sample.npz")):
        ours = wrap(Jelly([(sample, 3)]))
        found, label = ours[0]
        assert (ours.kind, found.shape, label) == ("events", (2, 30, 34), 3)
        assert [getattr(found, name).tolist() for name in "txyp"] == [[10, 20], [2, 33], [0, 29], [0, 1]]
    assert wrap([(events, 3)])[0].x.shape == (2, 30, 34)
    assert wrap([(events, 3)], shape=(2, 40, 40))[0].x.shape == (2, 40, 40)


@pytest.mark.parametrize(
    ("sample", "error", "text"),
    [
        ({"v": np.ones(2)}, DTypeError, r"from_structured: expected .* or a mapping with fields t, x, .*got dict .*fields v"),
        ({"t": np.ones(2, int), "x": np.ones(3, int)}, ShapeError, r"arrays \[E\] of one length, got t \[2\], x \[3\]"),
        ({"t": np.ones((2, 1), int), "x": np.ones((2, 1), int)}, ShapeError, r"arrays \[E\] of one length"),
        (np.array([None, 1]), DTypeError, r"data\.wrap, sample 0: expected numbers or events.*a dict of arrays t, x, y, p"),
        ("a.npz", DTypeError, r"data\.wrap, sample 0: expected numbers or events, got str"),
    ],
)
def test_samples_that_are_neither_numbers_nor_events_are_refused(sample, error, text):
    with pytest.raises(error, match=text):
        wrap([(sample, 0)])


def test_batches_that_are_no_numbers_are_refused():
    with pytest.raises(DTypeError, match=r"data\.from_loader, batch 0: expected numbers or events, got dict"):
        list(from_loader([({"t": 1}, [0])], batch_first=None))


def test_what_is_no_data_set_is_refused():
    with pytest.raises(DTypeError, match=r"data\.wrap: expected a data set with len and items"):
        wrap(iter([]))
    for item in (np.ones(3), (1, 2, 3)):
        with pytest.raises(DataError, match=r"items \(sample, label\)"):
            wrap([item], kind="static")[0]


def test_batches_of_others_get_time_first():
    x, labels = np.arange(24.0).reshape(2, 3, 4), np.array([0, 1])
    (one,), (two,) = (list(from_loader([(x, labels)], batch_first=first)) for first in (True, None))
    np.testing.assert_array_equal(one.x, x.transpose(1, 0, 2))
    np.testing.assert_array_equal(two.x, x)
    (three,) = from_loader([(x, np.arange(3))], batch_first=False)
    assert (three.x.shape, three.mask) == (x.shape, None)
    assert snn.run(snn.LIFNode(beta=0.9), one.x, mode="eager").out.shape == (3, 2, 4)


def test_batches_that_cannot_be_are_refused():
    x, labels = np.ones((2, 3, 4)), np.array([0, 1])
    with pytest.raises(ArgumentError, match=r"batch 0: expected as many labels as samples, 3, .+ Is batch_first right\?"):
        list(from_loader([(x, labels)], batch_first=False))
    with pytest.raises(DataError, match="batch 1: expected x and labels, got tuple of ndarray"):
        list(from_loader([(x, labels), (x, labels, labels)], batch_first=True))
    with pytest.raises(DataError, match=r"x \[N, T, \.\.\.\]"):
        list(from_loader([(np.ones(2), labels)], batch_first=True))


def test_batches_of_a_loader_of_torch():
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    frames = torch.arange(60.0).reshape(5, 3, 4)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(frames, torch.arange(5)), batch_size=2)
    batches = list(from_loader(loader, batch_first=True))
    assert [batch.x.shape for batch in batches] == [(3, 2, 4), (3, 2, 4), (3, 1, 4)]
    assert batches[1].labels.tolist() == [2, 3]
    assert type(batches[0].x) is np.ndarray
    ours = wrap(torch.utils.data.TensorDataset(frames, torch.arange(5)), kind="sequence")
    assert (ours[4].label, ours.labels.tolist(), next(iter(ours.batches(5))).x.shape) == (4, [0, 1, 2, 3, 4], (3, 5, 4))
    with pytest.raises(DTypeError, match=r"tensors on the CPU without gradient, got Tensor .+ x\.detach\(\)\.cpu\(\)"):
        list(from_loader([(frames.clone().requires_grad_(), torch.arange(5))], batch_first=True))


def test_neither_tonic_nor_torch_is_imported():
    import subprocess

    code = "import sys, snn; list(snn.data.from_loader([([[[1.0]]], [0])], batch_first=True)); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
