"""Train a small net while a thread interrupts it at random moments, and fail if anything has changed afterwards.

Run by test_interrupts.py, with the number of interrupts.
"""

import _thread
import faulthandler
import os
import random
import signal
import sys
import threading
import time

import numpy as np
import threadpoolctl

import snn
from autograd import nn, value_and_grad
from autograd.state import state

rng = np.random.default_rng(0)
# Large enough for our threads, for products in parts and for buffers that are used again.
net = nn.SequentialCell(
    nn.Dense(256, 512, rng=rng), snn.LIFNode(beta=0.9), nn.Dense(512, 256, rng=rng), snn.LeakyReadout(beta=0.9)
)
x = rng.normal(0.3, 1.0, (32, 16, 256)).astype(np.float32)
weights = net.trainable_params()


def step():
    loss, gradients = value_and_grad(lambda: (snn.run(net, x, mode="compiled")[0] ** 2).mean(), None, weights)()
    return [loss.asnumpy(), *(gradient.asnumpy() for gradient in gradients)]


def blas():
    found = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    return {library["num_threads"] for library in found}  # scipy may bring one more


def interrupt():
    """Interrupt the main thread as Ctrl-C does."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def disturbed(delay):
    """Run a step that is interrupted after some seconds; return what it gave, or None."""
    result, sent = None, []

    def later():
        time.sleep(delay)
        interrupt()
        sent.append(True)

    try:
        # Not a threading.Thread, whose end runs Python in this thread, where an interrupt would be passed over.
        _thread.start_new_thread(later, ())
        result = step()
        while not sent:
            time.sleep(0.001)
        time.sleep(0.01)
    except KeyboardInterrupt:
        pass
    while not sent:
        time.sleep(0.001)
    return result


def settled(condition):
    """Wait for what another thread is to do."""
    for _ in range(2000):
        if condition():
            return True
        time.sleep(0.005)
    return False


def main(count):
    """Interrupt a number of steps; print how many interrupts came while it compiled, and how many stopped a step."""
    faulthandler.dump_traceback_later(240 + 2 * count, exit=True)
    random.seed(int(os.environ.get("SEED", "0")))
    before = blas()
    compiling = 0
    while disturbed(random.uniform(0.0, 0.5)) is None:  # it compiles meanwhile
        compiling += 1
    expected = step()
    assert all(np.abs(values).max() > 0 for values in expected), "a silent net"
    start = time.perf_counter()
    for _ in range(5):
        step()
    seconds = (time.perf_counter() - start) / 5
    stopped = 0
    for k in range(count):
        result = disturbed(random.uniform(0, seconds))
        stopped += result is None
        if result is None and k % 5 == 0:
            result = step()
        assert result is None or all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True)), "other numbers"
        assert settled(lambda: blas() == before), f"BLAS on {blas()} threads, before {before}"
        assert (state.recording, state.linking, state.watched) == (False, False, {}), "the graph still records"
    assert all(np.array_equal(a, b) for a, b in zip(step(), expected, strict=True)), "other numbers at the end"
    print(compiling, stopped)


if __name__ == "__main__":
    main(int(sys.argv[1]))
