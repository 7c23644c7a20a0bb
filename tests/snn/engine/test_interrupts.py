"""After Ctrl-C at any moment a process continues to work."""

import os
import signal
import subprocess
import sys
import threading
import time
from _thread import RLock
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, nn, value_and_grad
from autograd.state import state
from snn.engine import blas, buffers, cache, threads, tuning
from snn.engine.backends import back_end
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


def everywhere(function, check):
    """Interrupt a function at each call, one after the other."""
    interrupt, at = Interrupt(0), 0
    while interrupt.count >= at:
        at += 1
        interrupt = Interrupt(at)
        interrupt.during(function)
        check(at)
    assert at > 5


def test_locks_are_given_back_wherever_an_interrupt_comes(monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "2")

    def use():
        threads._hired = 0
        buffers.empty((tuning.now().reused_bytes,), np.uint8)
        buffers.clear()
        return blas.one_thread_each(lambda: threads.run_all([int] * 3) or 1)

    def check(at):
        assert not any(threads.is_held(module._lock) for module in (blas, buffers, threads)), at

    everywhere(use, check)


def test_an_interrupt_before_a_lock_is_taken_leaves_it_to_its_holder():
    lock = RLock()
    held, leave = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: threads.holding(lock, lambda: (held.set(), leave.wait())))
    other.start()
    held.wait()

    class Late:
        """The lock, whose acquire is interrupted while it waits."""

        release = lock.release

        def acquire(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threads.holding(Late(), int)
    assert not lock.acquire(blocking=False)
    leave.set()
    other.join()
    assert threads.holding(lock, lambda: threads.holding(lock, lambda: 3)) == 3
    assert not threads.is_held(lock)


@pytest.fixture
def parts(monkeypatch):
    """Return a function that runs two parts, a list that is filled while a helper works, and a list of that helper's work."""
    monkeypatch.setenv("SPIKECELL_THREADS", "2")
    main, busy, does = threading.get_ident(), [], [lambda: None]

    def part():
        if threading.get_ident() == main:
            for _ in range(100_000):  # without a call
                if busy:
                    break
        else:
            busy.append(1)
            time.sleep(0.02)
            does[0]()
            time.sleep(0.02)
            busy.pop()

    return lambda: threads.run_all([part] * 2) or 1, busy, does


def test_nobody_works_any_more_wherever_an_interrupt_comes(parts):
    run, busy, _ = parts

    def check(at):
        assert not busy, at

    everywhere(run, check)


def test_what_runs_undisturbed_is_not_waited_for_in_vain():
    def check(at):
        threads._leave()
        assert not threads._asked
        assert not threads._begun

    everywhere(lambda: undisturbed(lambda: 1), check)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs signal.SIGALRM")
def test_what_the_handler_of_a_signal_raises_waits_until_nobody_works(parts):
    run, busy, does = parts
    main = threading.get_ident()
    does[0] = lambda: signal.pthread_kill(main, signal.SIGALRM)

    def handler(number, frame):
        raise TimeoutError("too late")

    def until_raised():
        for _ in range(1000):  # a busy machine may give the helper no part
            run()

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(TimeoutError, match="too late"):
            until_raised()
        assert not busy
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_runs_a_net_in_the_middle_of_what_is_locked_does_not_wait_for_itself(monkeypatch):
    """The handler gets its memory from numpy and leaves the BLAS as it is."""
    numbers = [4]
    monkeypatch.setattr(blas, "_libraries", lambda: [blas._Library(lambda: numbers[-1], numbers.append, False)])

    def use():
        array = buffers.empty((tuning.now().reused_bytes,), np.uint8)
        buffers.clear()
        return blas.one_thread_each(lambda: array)

    class Handler(Interrupt):
        def __call__(self, frame, event, argument):
            if event in ("call", "c_return"):
                self.count += 1
                if self.count == self.at:
                    self.found = use()

    use()
    at = 1
    while True:
        handler = Handler(at)
        first = handler.during(use)
        if handler.count < at:
            break
        assert not np.may_share_memory(first, handler.found), at
        assert (numbers[-1], blas._inside, blas._before) == (4, set(), []), at
        del first, handler
        at += 1
    assert at > 30


def test_numpys_errors_are_ignored_where_that_ends_whatever_interrupts_it():
    """``with np.errstate`` may be left without its end: autograd.state.quietly may not.

    Plain loops are for debuggers, and exported files stand alone.
    """
    apart = [ROOT / "snn" / "engine" / "backends" / "python" / "lanes.py", ROOT / "snn" / "interop" / "plain" / "export.py"]
    files = [file for package in ("autograd", "snn") for file in (ROOT / package).rglob("*.py") if file not in apart]
    assert len(files) > 100
    assert [file for file in files if "np.errstate(" in file.read_text(encoding="utf-8")] == []


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

    expected = step()
    step()  # the first after a trace makes more calls than others
    counter, errors = Interrupt(0), np.geterr()
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
        assert not any(threads.is_held(module._lock) for module in (blas, buffers, cache, threads)), at
        assert np.geterr() == errors, at
        for a, b in zip(step() if result is None else result, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert stopped > 0.9 * len(places)


def test_compiling_goes_on_where_no_interrupt_reaches_it(monkeypatch):
    monkeypatch.setenv("SPIKECELL_CACHE", "off")
    begun, go_on, who = threading.Event(), threading.Event(), []
    module = back_end().load("import numba\n@numba.njit\ndef double(lo, hi):\n    return lo + hi\n# interrupted")
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
