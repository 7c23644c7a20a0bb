from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

import snn
from autograd.errors import ArgumentError, DTypeError, ShapeError, WriteError
from snn import plot

EVENTS = snn.data.Events([0, 100, 900, 1000, 3999], x=[0, 1, 2, 3, 3], y=[0, 0, 1, 2, 2], p=[1, 0, 1, 1, 0], shape=(2, 3, 4))


def test_a_gif_has_a_frame_for_each_window_with_all_its_events(tmp_path):
    animation = plot.movie(EVENTS, tmp_path / "events.gif", frames=4, fps=10)
    with Image.open(tmp_path / "events.gif") as film:
        assert film.n_frames == 4
        assert film.info["duration"] == 100
    assert [path.name for path in tmp_path.iterdir()] == ["events.gif"]
    panel = animation._fig.axes[0]  # of the last frame that was drawn
    assert panel.get_title(loc="left") == "3.0 ms"
    shown = panel.images[0].get_array()[..., 3] > 0
    assert np.argwhere(shown).tolist() == [[2, 3]]
    assert [text.get_text() for text in panel.texts] == ["OFF", "ON"]
    animation._draw_frame(0)
    shown = panel.images[0].get_array()
    assert np.argwhere(shown[..., 3] > 0).tolist() == [[0, 0], [0, 1], [1, 2]]
    assert not np.array_equal(shown[0, 0, :3], shown[0, 1, :3])  # ON and OFF
    assert np.array_equal(shown[0, 0, :3], shown[1, 2, :3])


def test_a_film_begins_at_the_first_event(tmp_path):
    late = snn.data.Events(EVENTS.t + 10**9, EVENTS.x, EVENTS.y, EVENTS.p, shape=EVENTS.shape)
    panel = plot.movie(late, tmp_path / "late.gif", frames=4)._fig.axes[0]
    assert panel.get_title(loc="left") == "1000003.0 ms"
    assert np.argwhere(panel.images[0].get_array()[..., 3] > 0).tolist() == [[2, 3]]


def test_frames_are_shown_as_they_are(tmp_path):
    frames = np.zeros((3, 1, 2, 2), np.float32)
    frames[[0, 1, 2], 0, [0, 1, 1], [0, 0, 1]] = [1, 2, 3]
    animation = plot.movie(frames, str(tmp_path / "frames.GIF"), dt=0.5)
    panel = animation._fig.axes[0]
    assert panel.get_title(loc="left") == "1 ms"
    assert not panel.texts
    assert panel.images[0].get_array()[1, 1, 3] == 1
    with Image.open(tmp_path / "frames.GIF") as film:
        assert film.n_frames == 3


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="MP4 needs the program ffmpeg, which is not on the PATH")
def test_an_mp4_has_the_frames_that_a_gif_has(tmp_path):
    plot.movie(EVENTS, tmp_path / "events.mp4", frames=4, fps=10)
    assert b"ftyp" in (tmp_path / "events.mp4").read_bytes()[:16]
    assert [path.name for path in tmp_path.iterdir()] == ["events.mp4"]
    animation = plot.movie(EVENTS, tmp_path / "events.gif", frames=4, fps=10)
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(tmp_path / "events.mp4"), str(tmp_path / "%d.png")]
    subprocess.run(command, check=True, timeout=60)
    assert len([*tmp_path.glob("*.png")]) == 4
    for number in range(4):
        animation._draw_frame(number)
        animation._fig.savefig(tmp_path / f"drawn{number + 1}.png", dpi=100)

    def picture(name):
        with Image.open(tmp_path / name) as image:
            return np.asarray(image.convert("RGB").resize((200, 160)), float)

    apart = [[abs(picture(f"{k}.png") - picture(f"drawn{n}.png")).mean() for n in range(1, 5)] for k in range(1, 5)]
    assert np.argmin(apart, axis=1).tolist() == [0, 1, 2, 3]
    assert np.diag(apart).max() < 2  # of 255: its colours are compressed


def test_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    from matplotlib.animation import FFMpegWriter

    monkeypatch.setattr(FFMpegWriter, "isAvailable", lambda: False)
    with pytest.raises(ArgumentError, match=r"snn\.plot\.movie: expected the program ffmpeg, for MP4, got none on the PATH"):
        plot.movie(EVENTS, tmp_path / "another.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("events", "path", "arguments", "error", "message"),
    [
        (EVENTS, "film.avi", {}, ArgumentError, r"a path that ends in .gif or .mp4, got 'film.avi'"),
        (EVENTS, 3, {}, DTypeError, "path to be a string or a path, got int 3"),
        (EVENTS[:0], "a.gif", {}, ArgumentError, "a sample with events, got none"),
        (np.ones((3, 2, 4)), "a.gif", {}, ShapeError, r"Events, or finite frames \[T, 1 or 2, height, width\]"),
        (np.ones((3, 3, 4, 4)), "a.gif", {}, ShapeError, r"Events, or finite frames"),
        (EVENTS, "a.gif", {"frames": 0}, ArgumentError, "frames to be a whole number"),
        (EVENTS, "a.gif", {"fps": -1}, ArgumentError, "fps to be a positive number"),
        (EVENTS, "a.gif", {"fps": 5000}, ArgumentError, "at most 1,000 frames per second"),
        (EVENTS, "a.gif", {"dt": 0}, ArgumentError, "dt to be a positive number"),
    ],
)
def test_what_makes_no_movie_is_refused(events, path, arguments, error, message, tmp_path):
    with pytest.raises(error, match=r"snn\.plot\.movie(, events)?: expected .*" + message):
        plot.movie(events, tmp_path / path if isinstance(path, str) else path, **arguments)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WriteError, match="expected a writable directory"):
        plot.movie(EVENTS, tmp_path / "nowhere" / "a.gif", frames=1)
