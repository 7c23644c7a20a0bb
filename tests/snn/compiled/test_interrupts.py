"""Ctrl-C at any moment leaves a process that goes on working."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from snn.engine import cache
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
