"""Run a command as long as whoever has started this is there: ``python leash.py ORDER``, which needs nothing else.

The end of its standard input says that they are gone, and kills the command.
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

_LOOK = 0.2  # seconds between two looks whether to stop


def main(order: dict[str, Any]) -> int:
    """Run a command; return its exit status, or minus the signal that has ended it.

    Parameters
    ----------
    order : dict
        ``new``, the command; ``again``, what goes on with the run directory that is put behind it, if there is one in the
        directory ``place``, to whose ``output.txt`` goes what it says; ``environment``, what is added to it; ``stop``, a file:
        once it is there, the command is interrupted.
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
    if code < 0:  # end as it has ended
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
