"""Run a command as long as the process that starts this lives: ``python leash.py ORDER``. Only the standard library is needed.

When the standard input closes, that process has ended, and the command is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["main"]

_LOOK = 0.2  # seconds between two checks of the stop file


def main(order: dict[str, Any]) -> int:
    """Run a command; return its exit status, or minus the number of the signal that ended it.

    Parameters
    ----------
    order : dict
        ``new``, the command; ``place``, a directory for its ``output.txt``; ``again``, the command to use instead if ``place``
        contains a run directory, which is appended to it; ``environment``, additional variables; ``stop``, a file: once it
        exists, the command is interrupted.
    """
    place, stop = Path(order["place"]), Path(order["stop"])
    there = sorted(place.glob("*/*/config.json"))
    command = [*order["again"], str(there[0].parent)] if there else order["new"]
    with (place / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | order["environment"]
        )

    def watch() -> None:
        while os.read(0, 1):
            pass
        process.kill()

    threading.Thread(target=watch, daemon=True).start()
    asked = False
    while process.poll() is None:
        if not asked and stop.exists():
            asked = True
            process.send_signal(signal.SIGINT)
        time.sleep(_LOOK)
    return process.returncode


if __name__ == "__main__":
    code = main(json.loads(sys.argv[1]))
    if code < 0:  # end by the same signal
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
