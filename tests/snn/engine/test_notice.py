"""A user who waits for the compiler is told so, once."""

import io
import sys

import pytest

from snn.engine.backends.numba import notice


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def said(monkeypatch):
    """Return a function that announces twice on a stream, and returns the text there."""
    monkeypatch.setattr(notice, "_said", [])
    monkeypatch.delenv("SPIKECELL_QUIET", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)

    def announced(stream):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            notice.announce()
            notice.announce()
        return None if stream is None else stream.getvalue()

    return announced


def test_a_terminal_gets_one_line_per_process(said):
    assert said(Terminal()) == "snn: compiling loops; this takes a few seconds, once per kind of neuron.\n"


def test_it_can_be_suppressed(said, monkeypatch):
    monkeypatch.setenv("SPIKECELL_QUIET", "1")
    assert said(Terminal()) == ""


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_a_file_gets_nothing(said, stream):
    assert not said(stream)


def test_a_notebook_gets_it_too(said, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert "compiling" in said(io.StringIO())


class Bare:
    """A stream that cannot do anything but write."""

    def write(self, text):
        """Accept it."""


class Broken(Terminal):
    """A terminal that cannot be written to."""

    def write(self, text):
        """Fail."""
        raise OSError(5, "Input/output error")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Bare(), Broken(), closed(), None, 3])
@pytest.mark.parametrize("notebook", [False, True])
def test_no_stream_makes_it_fail(stream, notebook, monkeypatch):
    monkeypatch.setattr(notice, "_said", [])
    monkeypatch.delenv("SPIKECELL_QUIET", raising=False)
    if notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", object())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        notice.announce()
