"""Our threads: their number, their errors, their effect on the BLAS, and the end of a process while they work."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Parameter, nn, value_and_grad
from autograd.errors import ArgumentError
from snn.engine import blas, system
from snn.engine.threads import run_all, thread_count, undisturbed

ROOT = Path(snn.__file__).parents[1]
FIX = "Set it to the number of threads, or unset it"


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "1e3", "99999999999999999999", "1025", "٣", "1_0", "2 3", "+2", " "])
def test_an_invalid_number_of_threads_is_an_error(text, monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", text)
    with pytest.raises(ArgumentError, match=r"^\$SPIKECELL_THREADS: expected a whole number from 1 to 1024, got ") as error:
        thread_count()
    assert error.value.got == repr(text)
    assert error.value.fix.startswith(FIX)
    layer = snn.Recurrent(snn.IFNode(), 3, rng=0)
    with pytest.raises(ArgumentError, match=r"SPIKECELL_THREADS"):
        snn.run(layer, np.ones((2, 2, 3), np.float32), mode="python")


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("16", 16), (" 3\n", 3), ("1024", 1024)])
def test_a_number_of_threads_is_taken(text, number, monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", text)
    assert thread_count() == number


def test_without_a_number_there_are_as_many_as_cores(monkeypatch):
    monkeypatch.delenv("SPIKECELL_THREADS", raising=False)
    assert thread_count() == system.cores() >= 1
    monkeypatch.setenv("SPIKECELL_THREADS", "")
    assert thread_count() == system.cores()


@pytest.mark.parametrize(
    ("there", "answers", "expected"),
    [
        ({"process_cpu_count", "sched_getaffinity", "cpu_count"}, {"process_cpu_count": 3}, 3),  # Python 3.13
        ({"process_cpu_count", "cpu_count"}, {"process_cpu_count": None}, 1),
        ({"sched_getaffinity", "cpu_count"}, {"sched_getaffinity": {0, 5}}, 2),  # Linux
        ({"cpu_count"}, {"cpu_count": 7}, 7),  # macOS, Windows
        ({"cpu_count"}, {"cpu_count": None}, 1),
    ],
)
def test_cores_are_counted_on_every_system(there, answers, expected, monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity", "cpu_count"):
        if name in there:
            monkeypatch.setattr(os, name, lambda *_, name=name: answers[name], raising=False)
        else:
            monkeypatch.delattr(os, name, raising=False)
    assert system.cores() == expected


def test_all_parts_are_done_once_by_several_threads(monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "3")
    done, who = [], set()

    def part(k):
        time.sleep(0.002)
        done.append(k)
        who.add(threading.get_ident())

    run_all([partial(part, k) for k in range(30)])
    assert sorted(done) == list(range(30))
    assert 1 < len(who) <= 3
    run_all([])


@pytest.mark.parametrize("where", ["here", "helper"])
def test_an_error_in_a_part_comes_out_when_nobody_works_any_more(where, monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "2")
    main, busy = threading.get_ident(), []

    def part():
        busy.append(1)
        try:
            time.sleep(0.02)
            if (threading.get_ident() == main) == (where == "here"):
                raise ValueError("no")
        finally:
            busy.pop()

    with pytest.raises(ValueError, match="no"):
        run_all([part] * 8)
    assert not busy
    run_all([lambda: None] * 8)  # nobody was lost


def test_helpers_keep_nothing_alive(monkeypatch):
    import weakref

    monkeypatch.setenv("SPIKECELL_THREADS", "3")
    array = np.zeros(10)
    seen = weakref.ref(array)
    run_all([partial(np.add, array, 1, out=array) for _ in range(9)])
    del array
    for _ in range(200):
        if seen() is None:
            break
        time.sleep(0.01)
    assert seen() is None


def test_errstate_holds_in_helpers_too(monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "3")
    states = set()

    def part():
        time.sleep(0.005)
        states.add((threading.get_ident(), np.geterr()["over"]))

    with np.errstate(over="ignore"):
        run_all([part] * 12)
    assert len(states) > 1
    assert {state for _, state in states} == {"ignore"}


def test_undisturbed_runs_in_another_thread_and_brings_back_what_comes():
    assert undisturbed(lambda: threading.get_ident()) != threading.get_ident()
    with pytest.raises(KeyError, match="mine"):
        undisturbed(lambda: {}["mine"])
    inside = []
    thread = threading.Thread(target=lambda: inside.append(undisturbed(threading.get_ident) == threading.get_ident()))
    thread.start()
    thread.join()
    assert inside == [True]  # no interrupt comes there


FORKS = """
import os, signal, sys, threading, time, warnings
from _thread import allocate_lock, start_new_thread
from snn.engine.threads import undisturbed
import logging  # before a fork it takes a lock, which the compiler asks for too
warnings.simplefilter("ignore")
lock, begun, main = allocate_lock(), threading.Event(), threading.get_ident()

def compile():
    with lock:
        begun.set()
        time.sleep(0.5)
        logging.getLogger("compiler").debug("done")

start_new_thread(lambda: (begun.wait(), signal.pthread_kill(main, signal.SIGINT)), ())
try:
    undisturbed(compile)
    sys.exit("not interrupted")
except KeyboardInterrupt:
    child = os.fork()
if not child:
    os._exit(3 if lock.acquire(timeout=20) else 4)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_waits_for_what_an_interrupt_left_running():
    """Otherwise a child would wait for ever for the compiler's lock, because a fork does not copy the thread that holds it."""
    done = subprocess.run([sys.executable, "-c", FORKS], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or system.cores() < 2, reason="needs Linux and two cores")
def test_a_helper_wakes_on_another_core_and_may_then_use_all(monkeypatch):
    monkeypatch.setenv("SPIKECELL_THREADS", "2")
    every, main = os.sched_getaffinity(0), threading.get_ident()
    kept, used = [], []

    def keep_apart(helpers):
        cores = system.keep_apart(helpers)
        kept.extend(os.sched_getaffinity(helper) for helper in helpers)
        return cores

    def part():
        if threading.get_ident() != main:
            used.append(os.sched_getaffinity(0))
        time.sleep(0.005)

    run_all([part] * 4)  # starts the helper
    monkeypatch.setattr("snn.engine.threads.keep_apart", keep_apart)
    run_all([part] * 4)
    assert kept
    assert all(cores < every and len(cores) == len(every) - 1 for cores in kept)
    assert used
    assert all(cores == every for cores in used)


def test_where_no_thread_can_be_started_the_caller_does_the_work(monkeypatch):
    def none(*arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("snn.engine.threads.start_new_thread", none)
    monkeypatch.setattr("snn.engine.threads._hired", 0)
    monkeypatch.setenv("SPIKECELL_THREADS", "4")
    done = []
    run_all([partial(done.append, k) for k in range(5)])
    assert done == list(range(5))
    assert undisturbed(lambda: 3) == 3


# The BLAS


class Library:
    """A BLAS with a number of threads, for all or for each thread."""

    def __init__(self, local):
        self.number, self.local, self.numbers = 4, local, threading.local()
        self.library = blas._Library(self.get, self.set, local)

    def get(self):
        return getattr(self.numbers, "n", 4) if self.local else self.number

    def set(self, n):
        if self.local:
            self.numbers.n = n
        self.number = n


@pytest.fixture(params=[False, True], ids=["one number", "a number a thread"])
def library(request, monkeypatch):
    found = Library(request.param)
    monkeypatch.setattr(blas, "_libraries", lambda: [found.library])
    monkeypatch.setenv("SPIKECELL_THREADS", "3")
    return found


def test_the_blas_has_one_thread_inside_and_its_own_outside(library):
    assert blas.one_thread_each(library.get) == 1
    assert library.get() == 4
    assert blas.one_thread_each(lambda: (blas.one_thread_each(library.get), library.get())) == (1, 1)
    assert library.get() == 4
    with pytest.raises(KeyError):
        blas.one_thread_each(lambda: {}[0])
    assert library.get() == 4


def test_the_blas_has_one_thread_in_every_part_of_a_product(library, monkeypatch):
    seen = set()

    def matmul(a, b, out):
        time.sleep(0.005)
        seen.add((threading.get_ident(), library.get()))

    monkeypatch.setattr(np, "matmul", matmul)
    a = np.zeros((512, 512), np.float32)
    blas.one_thread_each(lambda: blas.product(a, a, a))
    assert len(seen) > 1
    assert {number for _, number in seen} == {1}
    assert library.get() == 4


def test_what_the_blas_had_comes_back_with_the_last_thread(library):
    inside, leave = threading.Barrier(2), threading.Event()
    numbers = []

    def other():
        blas.one_thread_each(lambda: (inside.wait(), leave.wait(), numbers.append(library.get())))
        numbers.append(library.get())

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait()
    assert blas.one_thread_each(library.get) == 1
    leave.set()
    thread.join()
    assert numbers == [1, 4]
    assert library.get() == 4


@pytest.mark.parametrize("at", range(1, 7))
def test_what_the_blas_had_comes_back_after_an_interrupt_at_any_call(at, library, monkeypatch):
    calls = []

    def interrupting(function, *arguments):
        calls.append(function)
        result = function(*arguments)
        if len(calls) == at:
            raise KeyboardInterrupt
        return result

    replaced = blas._Library(partial(interrupting, library.get), partial(interrupting, library.set), library.local)
    monkeypatch.setattr(blas, "_libraries", lambda: [replaced])
    with contextlib.suppress(KeyboardInterrupt):
        blas.one_thread_each(lambda: None)
    for _ in range(500):
        if library.get() == 4 and not blas._before:
            break
        time.sleep(0.01)
    assert library.get() == 4
    assert not blas._before
    assert not blas._inside


def gradients():
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(
        nn.Dense(300, 400, rng=rng), snn.LIFNode(beta=0.9), nn.Dense(400, 50, rng=rng), snn.LIFNode(beta=0.9)
    )
    x = Parameter(rng.normal(0.2, 1, (40, 16, 300)).astype(np.float32))
    weights = [*net.trainable_params(), x]
    out, found = value_and_grad(lambda: snn.run(net, x, mode="compiled")[0].sum(), None, weights)()
    assert out.asnumpy() > 100
    return [out.asnumpy(), *(gradient.asnumpy() for gradient in found)]


def test_bits_do_not_depend_on_the_thread_that_asks():
    import threadpoolctl

    with threadpoolctl.threadpool_limits(2, "blas"):  # taken by this thread: threadpoolctl would not listen to others
        expected, found = gradients(), []
        thread = threading.Thread(target=lambda: found.extend(gradients()))
        thread.start()
        thread.join()
    assert len(found) == len(expected)
    assert all(np.abs(values).max() > 0 for values in expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# The end of a process

ENDS = """
import sys, threading, time
import numpy as np, snn
from autograd import value_and_grad, nn
net = nn.SequentialCell(nn.Dense(128, 512, rng=0), snn.LIFNode(beta=0.9), nn.Dense(512, 128, rng=1), snn.LIFNode(beta=0.9))
x = np.random.default_rng(0).normal(0.3, 1, (64, 16, 128)).astype(np.float32)
steps, begun, ended = int(sys.argv[2]), threading.Event(), threading.Event()

def train():
    for k in range(steps):
        if k == steps - 1:
            ended.wait()
        loss, _ = value_and_grad(lambda: snn.run(net, x, mode="compiled")[0].sum(), None, net.trainable_params())()
        begun.set()
    print("trained", float(loss) > 0, flush=True)

threading.Thread(target=train, daemon=sys.argv[1] == "daemon").start()
if sys.argv[3] == "late":
    begun.wait()
    time.sleep(.05)
else:
    time.sleep(.8)  # in the middle of compiling, perhaps
print("end", flush=True)
ended.set()
"""


@pytest.mark.parametrize(
    ("kind", "steps", "when", "expected"),
    [("other", 5, "late", "end\ntrained True\n"), ("daemon", 100000, "late", "end\n"), ("daemon", 100000, "early", "end\n")],
)
def test_a_process_ends_cleanly_while_a_thread_trains(kind, steps, when, expected):
    env = {**os.environ, "SPIKECELL_THREADS": "2"} | ({"SPIKECELL_CACHE": "off"} if when == "early" else {})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDS, kind, str(steps), when], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=500,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


WITHOUT = """
import os
for name in ("sched_getaffinity", "process_cpu_count", "register_at_fork", "getuid", "geteuid", "fork", "link", "O_NOFOLLOW",
             "O_NONBLOCK", "O_CLOEXEC"):
    if hasattr(os, name):
        delattr(os, name)
os.supports_dir_fd.clear()
import signal
import numpy as np, snn
from autograd import Tensor, value_and_grad
x = Tensor(np.full((64, 64, 128), 0.375, np.float32))
out, gradient = value_and_grad(lambda x: snn.run(snn.IFNode(), x, mode="compiled")[0].sum())(x)
print(out, float(abs(gradient).sum()) > 0)
"""


def test_what_linux_alone_has_is_not_needed(tmp_path):
    env = {**os.environ, "SPIKECELL_CACHE": str(tmp_path), "SPIKECELL_THREADS": ""}
    run = [sys.executable, "-W", "error", "-c", WITHOUT]
    expected = float(np.floor(64 * 0.375)) * 64 * 128
    for _ in range(2):  # once to store, once to load
        done = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stdout.split()[1]) == (0, "True"), done.stderr
        assert abs(float(done.stdout.split()[0]) - expected) < 0.1 * expected
    assert len(list((tmp_path / "loops").glob("*.bin"))) >= 2
