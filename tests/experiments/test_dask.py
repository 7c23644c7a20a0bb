"""python -m experiments sweep --dask ADDRESS: runs on the workers of a cluster, one of which is killed."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from experiments import sweep as module
from experiments.__main__ import main

from .conftest import ROOT

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="comes with the extra 'dask'"),
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals to kill processes"),
]

CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        print(cluster.scheduler_address, *(worker.pid for worker in cluster.workers.values()), flush=True)
        sys.stdin.read()
"""

# A stand-in for an experiment. The first run waits to be killed or interrupted; a resumed one records that it was resumed.
STAND_IN = """
import json, os, pathlib, signal, sys, time
*_, place = sys.argv
again, place = "--resume" in sys.argv, pathlib.Path(place)
run = place if again else place / "digits" / "run-0"
run.mkdir(parents=True, exist_ok=True)
options = json.loads(sys.argv[1])
(run / "config.json").write_text(json.dumps({"experiment": "digits", "options": options}))
with (run / "begun").open("a") as file:
    print("again" if again else "new", os.getpid(), file=file)
if options["hidden"] == "8" and not again:
    def saved(*_):
        (run / "saved").touch()
        sys.exit(130)
    signal.signal(signal.SIGINT, saved)
    (run / "ready").write_text(f"{os.getpid()} {os.getppid()}")
    time.sleep(60)
score = float(options["hidden"]) / 100
(run / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "test_accuracy": score}) + chr(10))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return the address of a scheduler, and the processes of its two workers."""
    script = tmp_path_factory.mktemp("cluster") / "cluster.py"
    script.write_text(CLUSTER)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        cwd=script.parent, env=os.environ | {"PYTHONPATH": ""},
    )  # fmt: skip
    address, *pids = process.stdout.readline().split()
    yield address, [int(pid) for pid in pids]
    process.communicate()


@pytest.fixture
def stand_in(monkeypatch):
    def commands(self, trial, place):
        start = [sys.executable, "-c", STAND_IN, json.dumps(trial.options)]
        return [*start, str(place.resolve())], [*start, "--resume"]

    monkeypatch.setattr(module.Sweep, "_commands", commands)


def begun(place):
    files = sorted(place.glob("trials/*/digits/run-0/begun"))
    return {file.parts[-4]: [line.split()[0] for line in file.read_text().splitlines()] for file in files}


def ready(place):
    """Return the process of the run that waits, and its parent, which holds it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = list(place.glob("trials/*/digits/run-0/ready"))
        if found and (text := found[0].read_text()):
            return map(int, text.split())
        time.sleep(0.02)
    raise TimeoutError


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc to find the parent of a process")
def test_ctrl_c_lets_runs_save_and_the_run_of_a_worker_that_is_killed_is_redone(cluster, stand_in, tmp_path, capsys):
    address, workers = cluster
    sweep = ["sweep", "digits", "--grid", "hidden=8,16,32", "--out", str(tmp_path), "--dask", address]

    def interrupt():
        next(ready(tmp_path))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    assert main(sweep) == 130
    assert f"resume with: python -m experiments sweep --resume {tmp_path}" in capsys.readouterr().err
    (saved,) = tmp_path.glob("trials/*/digits/run-0/saved")
    assert not (tmp_path / "stop").exists()

    # From the start, so that the run waits again, and is killed with its worker.
    run = saved.parent
    for name in ("config.json", "saved", "ready", "begun"):
        (run / name).unlink()
    killed = []

    def kill():
        pid, leash = ready(tmp_path)
        killed.extend([pid, parent(leash)])
        os.kill(killed[1], signal.SIGKILL)

    threading.Thread(target=kill).start()
    assert main(["sweep", "--resume", str(tmp_path), "--dask", address]) == 0
    assert killed[1] in workers
    assert not alive(killed[0])
    assert begun(tmp_path) == {"0000": ["new", "again"], "0001": ["new"], "0002": ["new"]}
    assert "best of 3: trial 2, test_accuracy 0.3200 (hidden=32)" in capsys.readouterr().out


def test_a_run_that_fails_on_a_worker_is_said_with_its_last_words(cluster, tmp_path, capsys, monkeypatch):
    words = [sys.executable, "-c", "import sys; sys.exit('error: it went wrong')"]
    monkeypatch.setattr(module.Sweep, "_commands", lambda self, trial, place: (words, words))
    assert main(["sweep", "digits", "--grid", "hidden=8", "--out", str(tmp_path), "--dask", cluster[0]]) == 1
    assert "its process ended with status 1, and its last output was: error: it went wrong" in capsys.readouterr().err


def test_a_command_on_a_leash_ends_with_whoever_holds_it(tmp_path):
    def start(script):
        command = [sys.executable, "-u", "-c", script]
        order = {"new": command, "again": [], "place": str(tmp_path), "stop": str(tmp_path / "stop"), "environment": {}}
        leash = str(ROOT / "experiments" / "leash.py")
        return subprocess.Popen([sys.executable, leash, json.dumps(order)], stdin=subprocess.PIPE)

    process, said = start("import os, time; print(os.getpid()); time.sleep(60)"), tmp_path / "output.txt"
    while not said.exists() or not said.read_text().endswith("\n"):
        time.sleep(0.02)
    process.stdin.close()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)
    for code, text in ((3, "raise SystemExit(3)"), (-signal.SIGTERM, "import os; os.kill(os.getpid(), 15)")):
        process = start(text)
        assert process.wait() == code
        process.stdin.close()


def test_an_address_without_a_scheduler_is_refused(tmp_path, monkeypatch, capsys):
    import experiments.cluster

    monkeypatch.setattr(experiments.cluster, "WAIT", 0.3)
    monkeypatch.setattr("distributed.Client", None)  # none is made, so none is left open
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for number, (address, got) in enumerate(
            [
                ("tcp://127.0.0.1:9", "tcp://127.0.0.1:9"),
                (mute, f"{mute}, where nothing has answered for 0.3 s. Start one with `dask scheduler`"),
                ("foo", "foo (missing port number in address 'foo'). "),
                ("no://where:1", "no://where:1 (unknown address scheme 'no'"),
            ]
        ):
            out, began = tmp_path / str(number), time.monotonic()
            assert main(["sweep", "digits", "--grid", "hidden=8", "--out", str(out), "--dask", address]) == 2
            assert time.monotonic() - began < 5
            said = capsys.readouterr().err
            assert said.startswith(f"connecting to the Dask scheduler at {address}, for at most 0.3 s\n")
            assert f"sweep, --dask: expected the address of a Dask scheduler, such as tcp://10.0.0.1:8786, got {got}" in said


def test_the_address_of_a_worker_is_refused(cluster, tmp_path, capsys):
    from distributed import Client

    with Client(cluster[0], set_as_default=False) as client:
        worker, *_ = client.scheduler_info()["workers"]
    assert main(["sweep", "digits", "--grid", "hidden=8", "--out", str(tmp_path), "--dask", worker]) == 2
    assert f", got {worker}, where a Worker answers. Start one with" in capsys.readouterr().err


def test_a_sweep_leaves_the_cluster_whatever_ends_it(cluster, stand_in, tmp_path, monkeypatch, capsys):
    import distributed

    made = []

    class Client(distributed.Client):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    def fails(self, plan):
        raise ValueError("something else")

    monkeypatch.setattr(distributed, "Client", Client)
    sweep = ["sweep", "digits", "--grid", "hidden=16", "--dask", cluster[0], "--out"]
    assert main([*sweep, str(tmp_path / "a")]) == 0
    monkeypatch.setattr(module.Sweep, "_work", fails)
    with pytest.raises(ValueError, match="something else"):
        main([*sweep, str(tmp_path / "b")])
    assert [client.status for client in made] == ["closed", "closed"]


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", "digits", "--grid", "hidden=8", "--out", str(tmp_path), "--dask", "tcp://127.0.0.1:9"]) == 2
    assert "Install the extra: pip install 'spikecell[dask]'." in capsys.readouterr().err
