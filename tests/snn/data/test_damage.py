"""Damaged files: whatever the bytes, samples or a DataError, in bounded memory; HYPOTHESIS_PROFILE=thorough tries more."""

import os
import subprocess
import sys
import tracemalloc
from functools import partial

import numpy as np
import pytest

from autograd.errors import DataError
from snn.data import Recording, cifar10, dvs_gesture, read_aedat2, read_bin
from tests.snn.data.formats import aedat2, aedat3, bin40, cochlea, damaged, packet

TRIES = 4000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 200
T, X, Y, P = np.arange(40) * 7, np.arange(40) % 34, np.arange(40) * 5 % 34, np.arange(40) % 2
ROWS = list(zip(T.tolist(), X.tolist(), Y.tolist(), P.tolist(), strict=True))
TABLE = b"class,startTime_usec,endTime_usec\n1,0,100\n11,150,301\n"


def gestures(path, damaged_one="a_labels.csv"):
    base = path.parent / "DvsGesture"
    if not base.exists():
        base.mkdir()
        files = {"a.aedat": aedat3(packet(ROWS)), "a_labels.csv": TABLE}
        files |= {f"trials_to_{split}.txt": b"a.aedat\n" for split in ("train", "test")}
        for name, content in files.items():
            (base / name).write_bytes(content)
    (base / damaged_one).write_bytes(path.read_bytes())
    return [sample.x for sample in dvs_gesture(path.parent).train]


def photographs(path):
    base = path.parent / "cifar-10-batches-bin"
    base.mkdir(exist_ok=True)
    for name in [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]:
        (base / f"{name}.bin").write_bytes(path.read_bytes())
    return [sample.x for sample in cifar10(path.parent).train]


READERS = {
    "bin": (bin40(T, X, Y, P), lambda path: [read_bin(path)]),
    "aedat2": (aedat2(T, X, Y, P), lambda path: [read_aedat2(path)]),
    "aedat3": (
        aedat3(packet(ROWS[:15]), packet(ROWS[15:], room=30) + bytes(40)),
        lambda path: [Recording(path).events(), Recording(path).between(50, 100)],
    ),
    "labels": (TABLE, gestures),
    "trials": (b"a.aedat\n", partial(gestures, damaged_one="trials_to_train.txt")),
    "cifar10": (bytes([3]) + bytes(3072), photographs),
}


@pytest.mark.parametrize("name", READERS)
def test_any_damage_gives_samples_or_a_data_error(tmp_path, name):
    content, read = READERS[name]
    path, rng = tmp_path / "damaged", np.random.default_rng(0)
    path.write_bytes(content)
    assert sum(map(len, read(path))) > 0
    before, refusals = set(tmp_path.rglob("*")), 0
    tracemalloc.start()
    try:
        for _ in range(TRIES):
            path.write_bytes(damaged(content, rng))
            try:
                read(path)
            except DataError:
                refusals += 1
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert refusals > TRIES / 10
    assert set(tmp_path.rglob("*")) == before


HDF5 = """
import pathlib, resource, sys
import numpy as np
from autograd.errors import DataError
from snn.data import shd
from tests.snn.data.formats import damaged

place, tries = pathlib.Path(sys.argv[1]), int(sys.argv[2])
path, rng, refusals = place / "shd_train.h5", np.random.default_rng(0), 0
content = path.read_bytes()
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for k in range(tries):
    path.write_bytes(damaged(content, rng))
    try:
        for sample in shd(place).train:
            pass
    except DataError:
        refusals += 1
print(refusals, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) >> 10)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs the peak of memory use from the system")
def test_any_damage_to_hdf5_gives_samples_or_a_data_error(tmp_path):
    # In a process of its own: rows are read without the library in C, which has ended processes, but groups are not.
    pytest.importorskip("h5py", reason="comes with the extra 'data'")
    for split in ("train", "test"):
        cochlea(tmp_path / f"shd_{split}.h5", [T / 1000, T[:5] / 1000], [X, X[:5]], [3, 4], keys=["w"] * 20)
    done = subprocess.run([sys.executable, "-c", HDF5, str(tmp_path), str(TRIES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    refusals, megabytes = map(int, done.stdout.split())
    assert refusals > TRIES / 4
    assert megabytes < 200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shd_test.h5", "shd_train.h5"]
