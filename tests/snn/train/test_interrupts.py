"""Ctrl-C during training."""

import signal

import pytest

from snn.checkpoint import Checkpoints, load
from snn.train import Hook, SaveCheckpoints

from .nets import Tiny, bits


class Presses(Hook):
    """Ctrl-C, twice if asked to, at a step."""

    def __init__(self, at, times=1):
        self.at, self.times = at, times

    def on_step(self, trainer):
        if trainer.step == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("at", [1, 5, 8])
def test_after_ctrl_c_it_ends_with_a_checkpoint_of_that_step(tmp_path, at):
    whole = Tiny().trainer()
    whole.fit(2)
    trainer = Tiny().trainer(hooks=[Presses(at), SaveCheckpoints(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(2)
    assert (trainer.step, load(Checkpoints(tmp_path).last)["step"]) == (at, at)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = Tiny().trainer()
    assert again.resume(tmp_path)
    again.fit(2)
    assert bits(again) == bits(whole)


def test_ctrl_c_twice_interrupts_at_once(tmp_path):
    trainer = Tiny().trainer(hooks=[SaveCheckpoints(tmp_path), Presses(3, times=2)])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(2)
    assert load(Checkpoints(tmp_path).last)["step"] == 0  # the one before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_user_s_own_stays(monkeypatch):
    caught = []
    before = signal.signal(signal.SIGINT, lambda *_: caught.append(1))
    try:
        Tiny().trainer(hooks=[Presses(2)]).fit(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [1]
