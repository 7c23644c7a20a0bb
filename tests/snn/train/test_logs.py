"""Progress and logs of a training run."""

import sys

import pytest

from autograd.errors import MissingExtraError
from snn.train import Progress, SaveCheckpoints, TensorBoard

from .nets import Tiny


def test_the_bar_counts_samples_or_batches(capsys, tmp_path):
    Tiny().trainer(hooks=[Progress(name="tiny", samples=40, show=("test_accuracy",)), SaveCheckpoints(tmp_path)]).fit(2)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "tiny, epoch 2/2: 100%" in last
    assert "80.0/80.0 [" in last
    assert all(part in last for part in ("samples/s", "loss=", "accuracy=", "test_accuracy="))
    trainer = Tiny().trainer(hooks=[Progress()])
    trainer.resume(tmp_path)
    trainer.fit(3)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "epoch 3/3: 100%" in last
    assert "15/15 [" in last


def test_tensorboard_gets_each_epoch_and_what_a_resume_makes_void(tmp_path):
    pytest.importorskip("tensorboardX", reason="comes with the extra 'tensorboard'")
    Tiny().trainer(hooks=[TensorBoard(tmp_path / "a"), SaveCheckpoints(tmp_path / "c")]).fit(2)
    (path,) = (tmp_path / "a").iterdir()
    data = path.read_bytes()
    assert [data.count(name) for name in (b"train_loss", b"train_accuracy", b"test_accuracy", b"seconds")] == [2] * 4
    path.rename(tmp_path / "first")
    again = Tiny().trainer(hooks=[TensorBoard(tmp_path / "a")])
    again.resume(tmp_path / "c")
    again.fit(3)
    (path,) = (tmp_path / "a").iterdir()
    assert path.read_bytes().count(b"train_loss") == 1


@pytest.mark.parametrize(("package", "hook"), [("tensorboardX", TensorBoard("x")), ("tqdm", Progress())])
def test_without_the_package_it_says_which_extra_has_it(monkeypatch, package, hook):
    monkeypatch.setitem(sys.modules, package, None)
    extra = {"tensorboardX": "tensorboard", "tqdm": "train"}[package]
    with pytest.raises(MissingExtraError, match=rf"expected the package {package}, .* pip install 'spikecell\[{extra}\]'"):
        Tiny().trainer(hooks=[hook]).fit(1)


def test_in_a_notebook_the_bar_is_one_of_its_own(monkeypatch):
    """``tqdm.auto`` decides where it is; the hook must ask it, and not tqdm's bar for terminals."""
    from tqdm import auto

    made = []

    class Bar(auto.tqdm):
        def __init__(self, *args, **kwargs):
            made.append(self)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(auto, "tqdm", Bar)
    Tiny().trainer(hooks=[Progress()]).fit(2)
    (bar,) = made
    assert bar.n == bar.total > 0
