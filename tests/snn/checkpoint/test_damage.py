"""Damaged files: an error of ours, or the saved values; never a crash, other values or much memory.

SPIKECELL_MUTATIONS=10000 tries more damaged files.
"""

import os

import numpy as np
import pytest

import snn
from autograd import nn, optim
from autograd.errors import CheckpointError, MissingExtraError
from snn.checkpoint import container, load, save

MUTATIONS = int(os.environ.get("SPIKECELL_MUTATIONS", "400"))


def parts(seed):
    rng = np.random.default_rng(seed)
    net = nn.SequentialCell(nn.Dense(4, 6, rng=rng), snn.LIFNode(beta=0.9), nn.Dropout(p=0.2, rng=seed))
    return {"net": net, "optimizer": optim.Adam(net.trainable_params(), 0.1), "rng": rng}


def bits(found):
    net, optimizer, rng = found["net"], found["optimizer"], found["rng"]
    arrays = {**net.state_dict(), **optimizer.state_dict()}
    states = rng.bit_generator.state, net[2].rng.bit_generator.state
    return {name: np.asarray(a).tobytes() for name, a in arrays.items()}, states, found.get("history")


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole"
    save(path, **parts(0), history=[{"epoch": 1, "loss": 0.25}])
    return path.read_bytes()


def mutated(data, rng):
    """Return other bytes: some changed, cut out, doubled, put in or cut off, half of them in the header."""
    data = bytearray(data)
    header = 8 + int.from_bytes(data[:8], "little")
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(min(rng.choice([8, header, len(data)]), len(data))))
        size = int(rng.choice([1, 1, 1, 2, 8, 100]))
        how = rng.integers(7)
        if how == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif how == 1:
            data[at : at + size] = rng.bytes(len(data[at : at + size]))
        elif how == 2:
            del data[at : at + size]
        elif how == 3:
            data[at:at] = data[at : at + size]
        elif how == 4:
            data[at:at] = rng.bytes(size)
        elif how == 5:
            data[at : at + size] = rng.choice(list(b'0919"{}[]:,-.e\\'), len(data[at : at + size])).astype(np.uint8).tobytes()
        else:
            del data[at:]
        header = min(header, len(data))
        if not data:
            break
    return bytes(data)


def peak():
    resource = pytest.importorskip("resource", reason="needs the module resource to measure memory")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_damaged_file_is_refused_or_right(tmp_path, whole):
    expected = bits(load_of(tmp_path, whole))
    rng, refused, untouched, texts, before = np.random.default_rng(0), 0, 0, set(), peak()
    for _ in range(MUTATIONS):
        data = mutated(whole, rng)
        fresh = parts(1)
        try:
            found = load_of(tmp_path, data, fresh)
        except CheckpointError as error:
            refused += 1
            texts.add(error.expected)
            untouched += bits(fresh) == bits(parts(1))
        else:
            assert bits(found) == expected
    assert refused == untouched
    assert refused > 0.9 * MUTATIONS
    assert len(texts) >= 3, texts  # it is more than one check that is tried
    assert peak() - before < 100_000  # kilobytes


def load_of(tmp_path, data, fresh=None):
    path = tmp_path / "damaged"
    path.write_bytes(data)
    return load(path, **(parts(1) if fresh is None else fresh))


def test_every_single_byte_counts(tmp_path, whole):
    """Except for the spaces that pad the header."""
    rng = np.random.default_rng(0)
    for at in rng.choice(len(whole), 150, replace=False):
        data = bytearray(whole)
        data[at] ^= 0x41
        if whole[at : at + 1] != b" ":
            with pytest.raises(CheckpointError):
                load_of(tmp_path, bytes(data))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1, -8])
def test_a_file_that_is_cut_off(tmp_path, whole, length):
    with pytest.raises(CheckpointError, match=r"Nothing was loaded|cut off"):
        load_of(tmp_path, whole[:length])


@pytest.mark.parametrize("header", [100_000_001, 1 << 40, (1 << 64) - 1])
def test_a_huge_header(tmp_path, whole, header):
    with pytest.raises(
        CheckpointError, match=f"got a header of {header:,} bytes in a file of {len(whole):,}. It is cut off, or"
    ):
        load_of(tmp_path, header.to_bytes(8, "little") + whole[8:])


def test_a_header_that_nests_too_deep(tmp_path):
    header = b'{"__metadata__":' + b"[" * 100_000
    with pytest.raises(CheckpointError, match="expected an intact checkpoint, got a damaged one"):
        load_of(tmp_path, len(header).to_bytes(8, "little") + header)


def test_another_version(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(container, "VERSION", 2)
    save(tmp_path / "new", **parts(0))
    monkeypatch.undo()
    with pytest.raises(
        CheckpointError, match=r"expected version 1 of the format, got version 2\. Read it with the version of spikecell that"
    ):
        load(tmp_path / "new")


def test_a_file_of_another_program(tmp_path):
    from safetensors.numpy import save_file

    for metadata in (None, {"format": "pt"}):
        save_file({"w": np.zeros(3)}, tmp_path / "other", metadata)
        with pytest.raises(
            CheckpointError, match=r"expected a file that snn.checkpoint.save wrote, got another file of the safetens"
        ):
            load(tmp_path / "other")
    np.savez(tmp_path / "a.npz", w=np.zeros(3))
    with pytest.raises(CheckpointError, match="It is cut off, or not a checkpoint"):
        load(tmp_path / "a.npz")


def test_without_the_package(tmp_path, whole, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for act in (lambda: save(tmp_path / "a", x=1), lambda: load_of(tmp_path, whole)):
        with pytest.raises(MissingExtraError, match=r"expected the package safetensors, .* pip install 'spikecell\[train\]'"):
            act()
    assert not (tmp_path / "a").exists()
