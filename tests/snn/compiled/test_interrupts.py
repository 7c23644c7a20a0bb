"""Ctrl-C at any moment leaves a process that goes on working."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, nn, value_and_grad
from autograd.state import state
from snn.engine import blas, buffers, cache, threads
from snn.engine.threads import undisturbed

ROOT = Path(__file__).parents[3]
COUNT = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 50


def test_after_interrupts_at_random_moments_all_is_as_before():
    env = {
        **os.environ, "SPIKECELL_CACHE": "off", "SPIKECELL_THREADS": "2", "OPENBLAS_NUM_THREADS": "2",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    program = [sys.executable, str(Path(__file__).with_name("interrupts.py")), str(COUNT)]
    done = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True)  # it ends itself if it hangs
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    compiling, stopped = map(int, done.stdout.split())
    assert compiling >= 3
    assert stopped >= COUNT // 4


class Interrupt:
    """Raises KeyboardInterrupt where Python would for Ctrl-C: when a function begins, or a call into C has returned."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __call__(self, frame, event, argument):
        if event in ("call", "c_return"):
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt

    def during(self, function):
        """Return what a function returns, or None if it was interrupted."""
        try:
            sys.setprofile(self)
            return function()
        except KeyboardInterrupt:
            return None
        finally:
            sys.setprofile(None)


class Adaptive(Cell):
    """With a Parameter and a bprop of its own."""

    def __init__(self):
        super().__init__()
        self.beta, self.spike = Parameter(np.float32(0.8)), snn.surrogate.atan()

    def construct(self, x, v):
        v = self.beta * v + x
        z = self.spike(v - 1.0)
        return z, v - z


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Python passes over some, as where a generator ends
@pytest.mark.parametrize(("mode", "shape"), [("eager", (3, 2, 6)), ("compiled", (16, 64, 256))])
def test_an_interrupt_at_any_call_changes_nothing_afterwards(mode, shape, monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "2")
    numbers = [4]
    library = blas._Library(lambda: numbers[-1], numbers.append, False)
    monkeypatch.setattr(blas, "_libraries", lambda: [library])
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(nn.Dense(shape[-1], 256, rng=rng), Adaptive(), nn.Dense(256, 128, rng=rng), Adaptive())
    x = rng.normal(0.5, 1.0, shape).astype(np.float32)

    def step():
        value, gradients = value_and_grad(lambda: (snn.run(net, x, mode=mode)[0] ** 2).sum(), None, net.trainable_params())()
        return [value.asnumpy(), *(g.asnumpy() for g in gradients)]

    expected, counter, errors = step(), Interrupt(0), np.geterr()
    assert all(np.abs(values).max() > 0 for values in expected), "a silent net"
    assert counter.during(step) is not None
    assert counter.count > 500
    stopped = 0
    places = np.unique(rng.integers(1, counter.count, COUNT))
    for at in places:
        result = Interrupt(at).during(step)
        stopped += result is None
        assert (state.recording, state.linking, state.watched, state.tracing) == (False, False, {}, None), at
        for _ in range(1000):
            if numbers[-1] == 4 and not blas._inside and not blas._before:
                break
            time.sleep(0.005)
        assert (numbers[-1], blas._inside, blas._before) == (4, set(), []), at
        assert not any(lock.locked() for lock in (blas._lock, buffers._lock, cache._lock, threads._lock)), at
        assert np.geterr() == errors, at
        for a, b in zip(step() if result is None else result, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert stopped > 0.9 * len(places)


def test_compiling_goes_on_where_no_interrupt_reaches_it(monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", "off")
    begun, go_on, who = threading.Event(), threading.Event(), []
    module = cache.load("import numba\n@numba.njit\ndef double(lo, hi):\n    return lo + hi\n# interrupted")
    real = module.double._compiler.compile

    def slowly(*arguments):
        who.append(threading.get_ident())
        begun.set()
        go_on.wait()
        return real(*arguments)

    monkeypatch.setattr(module.double._compiler, "compile", slowly)

    def interrupt():
        import _thread

        begun.wait()
        _thread.interrupt_main()
        go_on.set()

    threading.Thread(target=interrupt).start()

    def call():
        assert module.double(1, 2) == 3
        undisturbed(begun.wait)  # the interrupt may come only after the call
        undisturbed(begun.wait)

    with pytest.raises(KeyboardInterrupt):
        call()
    assert module.double(1, 2) == 3
    assert who
    assert threading.get_ident() not in who
    assert len(who) == 1
