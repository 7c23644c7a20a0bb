"""Run a command as long as whoever has started this is there: ``python leash.py COMMAND ...``.

The other end of its standard input says so: a byte there interrupts the command, its end kills it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

__all__ = ["main"]


def main(command: Sequence[str]) -> int:
    """Run a command; return its exit status, or minus the signal that has ended it."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def watch() -> None:
        while os.read(0, 1):
            process.send_signal(signal.SIGINT)
        process.kill()

    threading.Thread(target=watch, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), -code)
    sys.exit(code)
