"""Numbers of samples in a batch and of batches in an epoch, and the generator of an epoch's order."""

import itertools

import numpy as np
import pytest

import snn
from autograd import Tensor, nn, optim
from autograd.errors import CheckpointError, DTypeError
from snn.train import SaveCheckpoints

from .nets import DiedError, Dies, lines

X = np.random.default_rng(0).random((10, 3), np.float32)
Y = np.arange(10, dtype=np.float32)[:, None]
CHUNKS = [slice(0, 6), slice(6, 9), slice(9, 10)]  # of different size, so that weights matter


def trained(form, values, **options):
    """Train a line on batches of a form; return weights and the loss of each epoch."""
    net = nn.Dense(3, 1, rng=0)

    def loss(batch):
        x, y = values(batch)
        return ((net(Tensor(x)) - Tensor(y)) ** 2).mean()

    batches = lambda start: [form(X[c], Y[c]) for c in CHUNKS][start:]  # noqa: E731
    trainer = snn.train.Trainer(net, optim.SGD(net.trainable_params(), 0.05), loss, batches, accumulate=3, **options)
    history = trainer.fit(2)
    return net.weight.asnumpy(), [line["train_loss"] for line in history]


def by_hand():
    """Do the same as one batch of ten samples, in numpy."""
    net = nn.Dense(3, 1, rng=0)
    w, b, losses = net.weight.asnumpy().astype(np.float64), net.bias.asnumpy().astype(np.float64), []
    for _ in range(2):
        off = X @ w.T + b - Y
        losses.append((off**2).mean())
        w, b = w - 0.05 * 2 * off.T @ X / 10, b - 0.05 * 2 * off.sum(0) / 10
    return w, losses


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (lambda x, y: (x, y), lambda b: b),
        (lambda x, y: [x, y], lambda b: b),
        (lambda x, y: {"x": x, "y": y}, lambda b: (b["x"], b["y"])),
        (lambda x, y: (Tensor(x), {"y": y, "none": None}), lambda b: (b[0].asnumpy(), b[1]["y"])),
        (lambda x, y: snn.data.batches.Batch(x, y, None), lambda b: b[:2]),
        (lambda x, y: np.hstack([x, y]), lambda b: (b[:, :3], b[:, 3:])),
    ],
)
def test_batches_of_every_form_count_their_samples(form, values):
    weight, losses = by_hand()
    assert losses[1] < losses[0]
    found, seen = trained(form, values)
    np.testing.assert_allclose(found, weight, rtol=1e-4)
    np.testing.assert_allclose(seen, losses, rtol=1e-5)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (lambda x, y: (x, y[:1]), "got tuple with first axes of 1 and 6"),
        (lambda x, y: 3, "got int 3"),
        (lambda x, y: (x, 3), "got "),
        (lambda x, y: "six", "got "),
        (lambda x, y: Tensor(1.0), "got "),
    ],
)
def test_a_batch_that_does_not_say_its_number_of_samples_is_refused(form, text):
    with pytest.raises(DTypeError, match="same first axis, " + text) as refused:
        trained(form, lambda b: (X, Y))
    assert "samples=lambda batch" in str(refused.value)


def test_samples_says_how_many_there_are():
    weight, losses = by_hand()
    count = {0: 6, 6: 3, 9: 1}
    found, seen = trained(
        lambda x, y: int(y[0, 0]), lambda b: (X[b : b + count[b]], Y[b : b + count[b]]), samples=lambda b: count[b]
    )
    np.testing.assert_allclose(found, weight, rtol=1e-4)
    np.testing.assert_allclose(seen, losses, rtol=1e-5)


class Drops:
    """A net with dropout, whose generator draws the order of the batches too; batches without a length."""

    def __init__(self, *, skips=True, lengths=(5,)):
        rng = np.random.default_rng(4)
        self.net = nn.SequentialCell(nn.Dense(3, 8, rng=0), nn.Dropout(p=0.3, rng=rng), nn.Dense(8, 1, rng=1))
        self.optimizer = optim.SGD(self.net.trainable_params(), 0.05)
        self.order, self.skips, self.lengths = rng, skips, itertools.cycle(lengths)

    def batches(self, start):
        order, length = self.order.permutation(10), next(self.lengths)
        for chosen in np.array_split(order, length)[start if self.skips else 0 :]:
            yield X[chosen], Y[chosen]

    def loss(self, batch):
        return ((self.net(Tensor(batch[0])) - Tensor(batch[1])) ** 2).mean()

    def trainer(self, *hooks):
        return snn.train.Trainer(self.net, self.optimizer, self.loss, self.batches, hooks=hooks)


def left(trainer):
    net = {name: value.tobytes() for name, value in trainer.net.state_dict().items()}
    return net, trainer.step, lines(trainer.history), trainer.net[1].rng.bit_generator.state


@pytest.mark.parametrize("at", [1, 3, 7])
def test_an_order_from_the_generator_of_the_net_is_the_same_after_a_resume(tmp_path, at):
    whole = Drops().trainer()
    whole.fit(2)
    with pytest.raises(DiedError):
        Drops().trainer(SaveCheckpoints(tmp_path, seconds=0), Dies(at)).fit(2)
    again = Drops().trainer()
    assert again.resume(tmp_path)
    assert again.batch == at % 5
    again.fit(2)
    assert left(again) == left(whole)
    assert (whole.net[0].weight.asnumpy() != Drops().net[0].weight.asnumpy()).any()


def test_batches_that_ignore_start_are_noticed_in_the_epoch_or_in_the_one_after_it(tmp_path):
    text = "expected an epoch of 5 batches, got {} in one that was resumed in the middle"
    for at, count in ((7, 7), (2, 7)):
        place = tmp_path / f"{at}"
        with pytest.raises(DiedError):
            Drops(skips=False).trainer(SaveCheckpoints(place, seconds=0), Dies(at)).fit(3)
        again = Drops(skips=False).trainer()
        assert again.resume(place)
        with pytest.raises(CheckpointError, match=text.format(count)):
            again.fit(3)


def test_epochs_of_different_length_may_be_resumed(tmp_path):
    whole = Drops(lengths=(5, 4)).trainer()
    whole.fit(4)
    with pytest.raises(DiedError):
        Drops(lengths=(5, 4)).trainer(SaveCheckpoints(tmp_path, seconds=0), Dies(11)).fit(4)
    again = Drops(lengths=(5, 4)).trainer()
    assert again.resume(tmp_path)
    again.fit(4)
    assert again.step == whole.step == 18
    assert left(again) == left(whole)
