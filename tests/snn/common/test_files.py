"""Files that are written completely or not at all."""

import json
import os
import subprocess
import sys
import threading

import pytest

from autograd.errors import WriteError
from snn.common.files import append, make_directory, sweep, write_whole

APPENDS = """
import pathlib, resource, sys
from autograd.errors import WriteError
from snn.common.files import append

path = pathlib.Path(sys.argv[1])
append(path, "first")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    append(path, "x" * 3000)
except WriteError as error:
    print(error)
append(path, "second")
"""


def test_a_line_that_does_not_fit_leaves_those_before(tmp_path):
    pytest.importorskip("resource", reason="needs the module resource to limit the size of files")
    done = subprocess.run([sys.executable, "-c", APPENDS, tmp_path / "a"], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"writing {tmp_path / 'a'}: expected a writable directory with free space, got File too large. "
        "The existing files were not changed. Choose another place.\n"
    )
    assert (tmp_path / "a").read_text() == "first\nsecond\n"


def test_a_line_for_a_directory_that_is_gone(tmp_path):
    with pytest.raises(WriteError, match="No such file or directory"):
        append(tmp_path / "gone" / "a", json.dumps({}))


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path):
    contents = [bytes([i]) * 100_000 for i in range(4)]
    threads = [threading.Thread(target=lambda c=c: [write_whole(tmp_path / "a", c) for _ in range(5)]) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_name_in_the_place_of_a_directory(tmp_path):
    (tmp_path / "file").write_text("mine")
    for act in (lambda: make_directory(tmp_path / "file"), lambda: write_whole(tmp_path / "file" / "a", b"")):
        with pytest.raises(WriteError, match=r"(File exists|Not a directory)\. The existing files were not changed\."):
            act()
    assert (tmp_path / "file").read_text() == "mine"


def test_only_what_was_half_written_is_swept(tmp_path):
    for name in (".a.1-2.partial", ".b", "c.partial"):
        (tmp_path / name).write_bytes(b"")
    sweep(tmp_path)
    sweep(tmp_path / "none")
    assert sorted(os.listdir(tmp_path)) == [".b", "c.partial"]
