"""IDX files, written byte by byte from the description of the format."""

import gzip
import math
import struct
import tracemalloc

import numpy as np
import pytest

from autograd.errors import DataError, DTypeError
from snn.data import mnist, read_idx
from tests.snn.data.formats import TYPES, idx, of, refused

DTYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
SHAPES = [(), (0,), (1,), (5,), (2, 3), (2, 0, 3), (2, 3, 4), (1, 2, 1, 2, 1, 2)]


@pytest.fixture
def put(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="some.idx", packed=False):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    return write


# One file


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("code", TYPES, ids=DTYPES.values())
def test_every_type_and_shape_is_read_in_our_own_byte_order(put, code, shape, packed):
    values = [(7 * i + 1) % 100 - (50 if code != 0x08 else 0) for i in range(math.prod(shape))]
    array = read_idx(put(idx(code, shape, values), packed=packed))
    assert (array.shape, array.dtype) == (shape, np.dtype(DTYPES[code]))
    assert array.dtype.isnative
    assert array.ravel().tolist() == values


@pytest.mark.parametrize(
    ("code", "extremes"), [(0x08, [0, 255]), (0x09, [-128, 127]), (0x0B, [-(2**15), 2**15 - 1]), (0x0C, [-(2**31), 2**31 - 1])]
)
def test_whole_numbers_keep_their_extremes(put, code, extremes):
    assert read_idx(put(idx(code, (2,), extremes))).tolist() == extremes


def test_floats_that_are_no_numbers_are_kept(put):
    np.testing.assert_array_equal(read_idx(put(idx(0x0E, (3,), [math.nan, math.inf, -0.0]))), [math.nan, math.inf, -0.0])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a", "a.gz", "a.idx"])
def test_the_content_and_not_the_name_says_whether_a_file_is_gzipped(put, name, packed):
    assert read_idx(put(idx(0x08, (2,), [3, 4]), name, packed)).tolist() == [3, 4]


def test_the_path_may_be_a_string_and_the_array_is_the_caller_s_own(put):
    path = put(idx(0x08, (2,), [3, 4]))
    array = read_idx(str(path))
    array[0] = 9
    assert read_idx(path).tolist() == [3, 4]


def test_a_file_that_is_not_there(tmp_path):
    assert refused(read_idx, tmp_path / "none") == (
        f"reading {tmp_path / 'none'}: expected a file that can be read, got No such file or directory. Is the path right?"
    )
    assert "got Is a directory." in refused(read_idx, tmp_path)


GOOD = idx(0x0B, (2, 3), [1, 2, 3, 4, 5, 6])
AGAIN = "Fetch the file again."


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", f"an IDX file, which begins with 4 bytes about its type, got 0 bytes. {AGAIN}"),
        (GOOD[:3], f"an IDX file, which begins with 4 bytes about its type, got 3 bytes. {AGAIN}"),
        (GOOD[:11], f"a header of 12 bytes, for 2 axes, got 11 bytes. {AGAIN}"),
        (GOOD[:12], f"24 bytes, for shape [2, 3] int16, got 12 bytes. {AGAIN}"),
        (GOOD[:-1], f"24 bytes, for shape [2, 3] int16, got 23 bytes. {AGAIN}"),
        (GOOD + b"\0", "24 bytes, for shape [2, 3] int16, got 25 bytes. Bytes follow the last value: is it two files in one?"),
        (GOOD * 2, "24 bytes, for shape [2, 3] int16, got 48 bytes. Bytes follow the last value: is it two files in one?"),
        (
            b"<html>",
            "an IDX file, which begins with the bytes 00 00, got 3c 68. Pass the file as it is published, gzipped or not.",
        ),
        (
            b"\0\1" + GOOD[2:],
            "an IDX file, which begins with the bytes 00 00, got 00 01. Pass the file as it is published, gzipped or not.",
        ),
        (
            b"\0\0\x0a" + GOOD[3:],
            "a type code among 08, 09, 0b, 0c, 0d, 0e, got 0a. The third byte says the type of the values.",
        ),
        (
            struct.pack(">BBBB65I", 0, 0, 8, 65, *[1] * 65) + b"\0",
            "at most 64 axes, got 65. The fourth byte says how many there are.",
        ),
        (  # lengths whose product no machine integer holds are refused before anything is allocated
            struct.pack(">BBBB3I", 0, 0, 0x0E, 3, *[2**32 - 1] * 3),
            f"{16 + 8 * (2**32 - 1) ** 3} bytes, for shape {[2**32 - 1] * 3} float64, got 16 bytes. {AGAIN}",
        ),
    ],
    ids=range(12),
)
def test_a_file_that_is_no_complete_idx_file(put, content, text, packed):
    path = put(content, packed=packed)
    if packed:  # what is unpacked is not counted to its end
        text = text.replace("got 25 bytes", "got 25 bytes or more").replace("got 48 bytes", "got 25 bytes or more")
    if packed and "float64" in text:
        text = f"at most {2**30} bytes unpacked, got a header that says {text.split()[0]}. Pass limit= if the file is trusted."
    assert refused(read_idx, path) == f"reading {path}: expected {text}"


PACKED = gzip.compress(idx(0x08, (1256,), [0] * 1000 + list(range(256))))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PACKED[:-1], "Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:5], "Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:2], "Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "CRC check failed"),
        (PACKED[:-4] + bytes(4), "Incorrect length of data produced"),
        (PACKED[:10] + b"\xff" * 40 + PACKED[50:], "Error -3 while decompressing data"),
        (PACKED + b"more", "Not a gzipped file"),
    ],
    ids=range(7),
)
def test_a_damaged_gzip_file(put, content, why):
    path = put(content, "some.gz")
    text = refused(read_idx, path)
    assert text.startswith(f"reading {path}: expected an intact gzip file, got a damaged one ({why}")
    assert text.endswith(f"). {AGAIN}")


@pytest.mark.parametrize("packed", [False, True])
def test_no_cut_of_a_file_is_read(put, packed):
    whole = gzip.compress(GOOD) if packed else GOOD
    for size in range(len(whole)):
        refused(read_idx, put(whole[:size]))


# Damage: whatever the bytes, an array or a DataError, and no more memory than the file fills


def test_a_length_of_zero_beside_huge_ones_is_refused(put):
    head = struct.pack(">BBBB4I", 0, 0, 8, 4, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    assert refused(read_idx, put(head)).endswith(
        "expected a shape that an array can have, got [0, 4294967295, 4294967295, 4294967295]. Fetch the file again."
    )


BOMB = gzip.compress(b"\0" * (64 << 20), 1)  # 64 MiB in less than 300 KiB


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (struct.pack(">BBBBI", 0, 0, 8, 1, 10), "expected 18 bytes, for shape [10] uint8, got 19 bytes or more. Bytes follow"),
        (
            struct.pack(">BBBB2I", 0, 0, 8, 2, 2**31, 2**31),
            "expected at most 1073741824 bytes unpacked, got a header that says",
        ),
        (b"", "a type code among 08, 09, 0b, 0c, 0d, 0e, got 00"),
    ],
    ids=["promises less", "promises more than the limit", "no header"],
)
def test_a_gzip_bomb_takes_no_memory(put, head, text):
    path = put(gzip.compress(head) + BOMB)
    tracemalloc.start()
    try:
        assert text in refused(read_idx, path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_the_limit_is_for_gzipped_files_and_can_be_raised(put):
    content = of(np.arange(100, dtype=np.uint8))
    assert "Pass limit= if the file is trusted." in refused(lambda path: read_idx(path, limit=107), put(content, packed=True))
    assert len(read_idx(put(content, packed=True), limit=108)) == 100
    assert len(read_idx(put(content), limit=1)) == 100


@pytest.mark.parametrize("act", [read_idx, mnist])
def test_a_path_with_nul_is_refused(act):
    assert refused(act, "a\0b") == ("snn.data: expected a path without NUL characters, got 'a\\x00b'. Is the path right?")


@pytest.mark.parametrize("act", [read_idx, mnist])
@pytest.mark.parametrize("path", [3, None, b"some.idx", ["some.idx"]])
def test_what_is_no_path_is_refused(act, path):
    with pytest.raises(DTypeError, match=r"snn.data: expected a path, got"):
        act(path)


def test_a_directory_or_a_name_that_no_file_can_have_is_refused(tmp_path):
    assert "Is a directory" in refused(read_idx, tmp_path)
    assert "a file that can be read" in refused(read_idx, "x" * 5000)


def mutants(content, rng, count):
    """Return damaged copies: bytes flipped, cut, doubled, moved, put in."""
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            at, n = sorted(rng.integers(0, len(damaged) + 1, 2)) if len(damaged) else (0, 0)
            how = rng.integers(6)
            if how == 0 and len(damaged):
                damaged[min(at, len(damaged) - 1)] ^= 1 << rng.integers(8)
            elif how == 1:
                del damaged[at:n]
            elif how == 2:
                damaged[at:at] = rng.bytes(rng.integers(1, 9))
            elif how == 3:
                damaged[at:at] = damaged[at:n]
            elif how == 4 and len(damaged) > 12:
                damaged[4 : 4 + 4] = rng.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\1\0"])
            else:
                del damaged[at:]
        yield bytes(damaged)


@pytest.mark.parametrize("packed", [False, True])
def test_any_damage_is_an_array_or_a_data_error(put, packed):
    rng = np.random.default_rng(0)
    content = idx(0x0B, (3, 4, 5), list(range(60)))
    whole = gzip.compress(content, mtime=0) if packed else content
    refusals = 0
    tracemalloc.start()
    try:
        for damaged in mutants(whole, rng, 400):
            try:
                assert read_idx(put(damaged)).dtype == np.int16 or damaged[2] != 0x0B
            except DataError:
                refusals += 1
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert 200 < refusals < 400
