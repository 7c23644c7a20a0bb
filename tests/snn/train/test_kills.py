"""Training that is killed (kill -9) at random moments, also while it writes, ends with the bits of an undisturbed one.

SPIKECELL_KILLS=200 kills more often.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("SPIKECELL_KILLS", "20"))

SCRIPT = """
import importlib.util, os, pathlib, random, signal, sys, time
import snn
from snn.checkpoint import Checkpoints

spec = importlib.util.spec_from_file_location("nets", sys.argv[1])
nets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nets)
place, kills, epochs = pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

def trainer(place):
    hooks = [snn.train.JSONLines(place / "metrics.jsonl"),
             snn.train.SaveCheckpoints(place / "saved", seconds=0, best="test_accuracy")]
    made = nets.Tiny().trainer(hooks=hooks, accumulate=2)
    made.resume(place / "saved")
    return made

whole = trainer(place / "whole")
start = time.perf_counter()
whole.fit(epochs)
took = time.perf_counter() - start

draw, done, steps, ended, wait = random.Random(0), 0, [0], False, 2.5 * took / kills
while not ended:
    child = os.fork()
    if not child:
        trainer(place / "killed").fit(epochs)
        os._exit(0)
    if done < kills:
        time.sleep(draw.uniform(0, wait))
        os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    done += not ended
    saved = Checkpoints(place / "killed" / "saved").load()
    steps.append(saved["step"] if saved else 0)
    assert steps[-1] >= steps[-2], steps
    wait *= 1.25 if steps[-1] == steps[-2] else 0.8  # however long it takes here to go on
found = trainer(place / "killed")
assert nets.bits(found) == nets.bits(whole)
import json
lines = [json.loads(line) for line in (place / "killed" / "metrics.jsonl").read_text().splitlines()]
assert nets.lines(lines) == nets.lines(whole.history)
names = sorted(p.name for p in (place / "killed" / "saved").iterdir())
assert len(names) == 3 and names[0] == "best.safetensors", names
print(done, len(set(steps)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_training_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    nets, root = Path(__file__).with_name("nets.py"), Path(__file__).parents[3]
    arguments = [str(nets), str(tmp_path), str(KILLS), str(max(6, KILLS // 4))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=root, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kills, places = map(int, done.stdout.split())
    assert kills > KILLS / 2
    assert places > 3  # it was killed at different steps
