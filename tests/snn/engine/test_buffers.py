"""Reused memory: never while something still refers to it, and never more than the limit."""

import gc
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import snn
from snn.engine import buffers, tuning
from snn.engine.buffers import empty

ROOT = Path(snn.__file__).parents[1]
LARGE, KEPT, MOST = (getattr(tuning.now(), name) for name in ("reused_bytes", "idle_bytes", "reusable_bytes"))
N = LARGE // 4  # floats


@pytest.fixture(autouse=True)
def _fresh():
    gc.collect()
    buffers.clear()
    yield
    buffers.clear()


def start(array):
    return array.__array_interface__["data"][0]


def idle():
    with buffers._lock:
        buffers._collect()
        return sum(memory.nbytes for memory in buffers._idle.values())


VIEWS = {
    "itself": lambda a: a,
    "a view": lambda a: a.view(),
    "a slice": lambda a: a[10:20],
    "a slice of a slice": lambda a: a[10:][::3][:5],
    "an element's view": lambda a: a[5:6].reshape(()),
    "another shape": lambda a: a.reshape(4, -1),
    "turned": lambda a: a.reshape(4, -1).T,
    "another dtype": lambda a: a.view(np.uint8)[3:],
    "a memoryview": memoryview,
    "a part of a memoryview": lambda a: memoryview(a)[2:4],
    "an array of a memoryview": lambda a: np.frombuffer(memoryview(a), np.uint8),
    "broadcast": lambda a: np.broadcast_to(a[:3], (5, 3)),
    "strided": lambda a: np.lib.stride_tricks.as_strided(a, (3,), (8,)),
    "a subclass": lambda a: a.view(np.ma.MaskedArray),
    "through DLPack": lambda a: np.from_dlpack(a),
    "an iterator": lambda a: a.flat,
    "its address": lambda a: a.ctypes,
    "a method": lambda a: a.sum,
    "its base alone": lambda a: a.base,
}


@pytest.mark.parametrize("look", VIEWS.values(), ids=VIEWS)
def test_what_is_looked_into_is_not_handed_out_again(look):
    array = empty((N,), np.float32)
    place, view = start(array), look(array)
    del array
    gc.collect()
    others = [empty((N,), np.float32) for _ in range(3)]
    assert place not in [start(other) for other in others]
    del view, others
    gc.collect()
    again = [empty((N,), np.float32) for _ in range(4)]
    assert place in [start(array) for array in again]


def test_memory_is_used_again_at_once():
    array = empty((N,), np.float32)
    place = start(array)
    del array
    again = empty((2, N // 4), np.float64)
    assert start(again) == place
    assert (again.shape, again.dtype, again.flags.c_contiguous, again.flags.writeable) == ((2, N // 4), np.float64, True, True)
    other = empty((N,), np.float32)
    assert start(other) != place


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.bool_, np.uint32, np.uint64])
def test_all_dtypes_come_as_numpy_makes_them(dtype):
    made, expected = empty((2, 3, LARGE), dtype), np.empty((2, 3, LARGE), dtype)
    assert (made.shape, made.dtype, made.strides, type(made)) == (
        expected.shape, expected.dtype, expected.strides, np.ndarray
    )  # fmt: skip
    made[:] = 1
    assert (made == 1).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)), made)


def test_little_and_huge_arrays_are_left_to_numpy():
    for size in (0, 1, LARGE - 1, KEPT + 1):
        array = empty((size,), np.uint8)
        assert array.shape == (size,)
        assert array.base is None
    assert idle() == 0


def test_no_more_is_kept_than_is_said():
    piece = KEPT // 2
    held = [empty((piece,), np.uint8) for _ in range(2 * MOST // piece)]  # never written to: it takes no memory
    assert len({start(array) for array in held}) == len(held)
    held.clear()
    assert idle() <= MOST
    empty((3 * LARGE,), np.uint8)  # nothing idle fits: what lies there goes
    assert idle() <= KEPT


def test_an_array_dies_in_another_thread():
    places = []

    def use():
        for _ in range(50):
            array = empty((N,), np.float32)
            array[:] = 1
            places.append(start(array))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(places)) <= 8  # of 200


def test_threads_never_share_memory():
    wrong = []

    def use(mark):
        kept = []
        for k in range(60):
            array = empty((N,), np.float32)
            array.fill(mark + k)
            kept.append((mark + k, array[:: N // 7]))
            if len(kept) > 3:
                value, view = kept.pop(0)
                if (view != value).any():
                    wrong.append(value)

    threads = [threading.Thread(target=use, args=(1000 * i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_cycle_of_objects_gives_its_memory_back_when_it_is_collected():
    class Holder:
        pass

    holder = Holder()
    holder.array, holder.me = empty((N,), np.float32), holder
    place = start(holder.array)
    del holder
    gc.collect()
    assert start(empty((N,), np.float32)) == place


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_while_the_pool_is_locked_does_not_hang():
    program = (
        "import os, warnings; warnings.simplefilter('ignore')\n"
        "from snn.engine import buffers, cache, blas, threads\n"
        "locks = [buffers._lock, cache._lock, blas._lock, threads._lock]\n"
        "[lock.acquire() for lock in locks]\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    import faulthandler; faulthandler.dump_traceback_later(100, exit=True)\n"
        "    buffers.empty((1 << 20,), 'u1'); threads.run_all([lambda: None] * 3); blas.one_thread_each(lambda: None)\n"
        "    cache.load('x = 1'); print('alive', flush=True); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    env = {**os.environ, "SPIKECELL_THREADS": "3", "SPIKECELL_CACHE": "off"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
