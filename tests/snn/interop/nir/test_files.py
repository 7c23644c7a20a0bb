"""NIR files: exchange with other packages, and the dangers of a file."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import DataError, DTypeError, MissingExtraError, WriteError
from tests.snn.helpers.nir import a_graph

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
h5py = pytest.importorskip("h5py", reason="comes with the extra 'nir'")
ours = snn.interop.nir

TRIES = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 200


@pytest.fixture
def path(tmp_path):
    nir.write(tmp_path / "net.nir", a_graph())
    return tmp_path / "net.nir"


def same(one, other):
    assert one.edges == other.edges
    assert one.nodes.keys() == other.nodes.keys()
    for name, node in one.nodes.items():
        theirs = other.nodes[name]
        assert type(node) is type(theirs)
        for field, value in vars(node).items():
            if field not in ("metadata", "input_type", "output_type", "input_shape"):
                np.testing.assert_array_equal(np.asarray(value), np.asarray(getattr(theirs, field)), strict=field != "padding")
        assert node.metadata.keys() == theirs.metadata.keys()


@pytest.mark.parametrize("compression", ["gzip", None])
def test_a_file_is_read_as_nir_reads_it(tmp_path, compression):
    path = tmp_path / "net.nir"
    nir.write(path, a_graph(), compression=compression)
    same(ours.read(path), nir.read(path, type_check=False))
    same(ours.read(path), a_graph())


def test_nir_reads_what_is_written(tmp_path):
    ours.write(tmp_path / "net.nir", a_graph())
    same(nir.read(tmp_path / "net.nir", type_check=False), a_graph())


def test_pieces_and_shuffled_bytes_are_put_together(path):
    array = np.random.default_rng(0).normal(size=(7, 5)).astype(">f4")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/0/weight"]
        file["node/nodes/0"].create_dataset("weight", data=array, chunks=(3, 2), compression="gzip", shuffle=True)
    np.testing.assert_array_equal(ours.read(path).nodes["0"].weight, array)


def test_what_is_no_nir_file_is_refused(tmp_path):
    (tmp_path / "text").write_text("no HDF5")
    for name, match in (("text", "an HDF5 file"), ("nothing", "no such file"), (".", "a folder")):
        with pytest.raises(DataError, match=match):
            ours.read(tmp_path / name)
    with pytest.raises(DTypeError, match=r"expected a nir\.NIRGraph"):
        ours.write(tmp_path / "net.nir", "graph")
    with pytest.raises(WriteError, match="The existing files were not changed"):
        ours.write(tmp_path / "no" / "net.nir", a_graph())


def replaced(path, name, make):
    with h5py.File(path, "r+") as file:
        parent, _, last = name.rpartition("/")
        del file[name]
        make(file[parent], last)


def elsewhere(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(np.full(35, 42.0, np.float32).tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["weight"] = np.full((7, 5), 42.0, np.float32)
    return secret


def virtual(group, last, source):
    layout = h5py.VirtualLayout((7, 5), "f4")
    layout[:] = h5py.VirtualSource(source, "weight", (7, 5))
    group.create_virtual_dataset(last, layout)


LEADS_OUT = {
    "external link": lambda g, n, place: g.__setitem__(n, h5py.ExternalLink(str(place / "other.h5"), "/weight")),
    "soft link": lambda g, n, place: g.__setitem__(n, h5py.SoftLink("/version")),
    "external data": lambda g, n, place: g.create_dataset(n, (7, 5), "f4", external=[(str(place / "secret"), 0, 140)]),
    "virtual": lambda g, n, place: virtual(g, n, str(place / "other.h5")),
}


@pytest.mark.parametrize("kind", LEADS_OUT)
def test_links_to_other_files_are_refused(path, tmp_path, kind):
    elsewhere(tmp_path)
    replaced(path, "node/nodes/0/weight", lambda group, last: LEADS_OUT[kind](group, last, tmp_path))
    if kind != "soft link":
        assert np.all(nir.read(path, type_check=False).nodes["0"].weight == 42)  # as it is for those who trust it
    with pytest.raises(DataError, match=r"link to elsewhere|data in other files"):
        ours.read(path)
    with pytest.raises(DataError):
        ours.from_nir(path, dt=1e-3)


BAD = {
    "huge": (lambda g, n: g.create_dataset(n, (1 << 40, 5), "f4", chunks=(1 << 10, 5), compression="gzip"), "bytes in all"),
    "many pieces": (lambda g, n: g.create_dataset(n, (1 << 20, 5), "f4", chunks=(1, 5)), "as many chunks as fit"),
    "never written": (lambda g, n: g.create_dataset(n, (7, 5), "f4", chunks=(7, 5)), "none at"),
    "lzf": (lambda g, n: g.create_dataset(n, data=np.ones((7, 5)), compression="lzf"), "gzip as the compression"),
    "complex": (lambda g, n: g.create_dataset(n, data=np.ones((7, 5), complex)), "numbers or text"),
    "records": (lambda g, n: g.create_dataset(n, data=np.ones(7, "f4,i4")), "numbers or text"),
    "rows": (lambda g, n: g.create_dataset(n, (7,), h5py.vlen_dtype(np.float32)), "numbers or text"),
    "empty": (lambda g, n: g.create_dataset(n, data=h5py.Empty("f4")), "a value"),
    "itself": (lambda g, n: g.__setitem__(n, g.file), "a group inside itself"),
    "twice": (lambda g, n: g.__setitem__(n, g.file["node/nodes/1"]), "or twice"),
    "text": (lambda g, n: g.create_dataset(n, data="ones"), "the parameters of such a node"),
    "group": (lambda g, n: g.create_group(n), "the parameters of such a node"),
    "nothing": (lambda g, n: None, "the parameters of such a node"),
    "flat": (lambda g, n: g.create_dataset(n, data=np.ones(5)), "the parameters of such a node"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_array_of_numbers_is_refused(path, kind):
    make, match = BAD[kind]
    replaced(path, "node/nodes/0/weight", make)
    with pytest.raises(DataError, match=match):
        ours.read(path)


def test_a_gain_as_large_as_the_product_of_two_shapes_is_refused(path):
    replaced(path, "node/nodes/4/w_in", lambda g, n: g.create_dataset(n, data=np.ones((1 << 12, 1))))
    with pytest.raises(DataError, match="w_in: expected one value, or one for each neuron"):
        ours.read(path)


def test_data_that_unpack_to_more_than_their_size_are_cut(path):
    import zlib

    bomb = zlib.compress(bytes(1 << 26), 9)

    def make(group, last):
        made = group.create_dataset(last, (7, 5), "f4", chunks=(7, 5), compression="gzip")
        made.id.write_direct_chunk((0, 0), bomb)

    replaced(path, "node/nodes/0/weight", make)
    assert not ours.read(path).nodes["0"].weight.any()


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("node/type", "Nothing", "nodes of NIR"),
        ("node/nodes/0/type", "NIRNode", "nodes of NIR"),
        ("node/nodes/0/type", "read", "nodes of NIR"),
        ("node/nodes/0/type", 3, "nodes of NIR"),
        ("node/edges", 3, "edges as pairs"),
        ("node/nodes/0/metadata", "x", "a group"),
        ("node/edges", np.ones((2, 2)), "edges as pairs"),
    ],
)
def test_a_tree_that_is_no_graph_is_refused(path, name, value, match):
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = value
    with pytest.raises(DataError, match=match):
        ours.read(path)


def test_the_limit_may_be_raised_and_lowered(path):
    with pytest.raises(DataError, match="at most 100 bytes in all"):
        ours.read(path, limit=100)
    with pytest.raises(DataError, match="bytes in all"):
        ours.from_nir(path, dt=1e-3, limit=100)


DAMAGE = """
import pathlib, resource, sys
import numpy as np
from snn.interop.nir import from_nir
from autograd.errors import DataError
from tests.snn.data.formats import damaged

place, tries = pathlib.Path(sys.argv[1]), int(sys.argv[2])
path, rng, refusals = place / "net.nir", np.random.default_rng(0), 0
content = path.read_bytes()
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for k in range(tries):
    path.write_bytes(damaged(content, rng))
    try:
        from_nir(path, dt=1e-3, limit=1 << 24, metadata=bool(k % 2))
    except DataError:
        refusals += 1
print(refusals, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) >> 10)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs the peak of memory use from the system")
def test_any_damage_gives_a_net_or_a_data_error(tmp_path):
    # In a process of its own: the library in C finds groups in what is damaged.
    net = nn.SequentialCell(
        nn.Dense(4, 3, rng=0),
        nn.SequentialCell(snn.LIFNode(beta=0.9, v_reset=0.0), snn.Recurrent(snn.IFNode(v_reset=0.0), 3, rng=1)),
    )
    memory = io.BytesIO()
    nir.write(memory, ours.to_nir(net, (4,), dt=1e-3, nested=True), compression=None)
    (tmp_path / "net.nir").write_bytes(memory.getvalue())
    done = subprocess.run([sys.executable, "-c", DAMAGE, str(tmp_path), str(TRIES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    refusals, megabytes = map(int, done.stdout.split())
    assert TRIES / 10 < refusals < TRIES
    assert megabytes < 200
    assert [p.name for p in tmp_path.iterdir()] == ["net.nir"]


def test_damaged_numbers_give_a_net_or_an_error(tmp_path):
    """The fields of nodes, and not the bytes of a file, are damaged: shapes, types, values."""
    rng, refusals = np.random.default_rng(0), 0
    values = [
        -1,
        0,
        3,
        1e30,
        np.nan,
        np.ones(3),
        np.ones((2, 3)),
        np.ones((4, 4, 4)),
        1 << 62,
        "same",
        None,
        np.array([], np.float32),
    ]
    for k in range(TRIES):
        graph = a_graph()
        for _ in range(rng.integers(1, 3)):
            node = graph.nodes[str(rng.choice([*graph.nodes]))]
            fields = [f for f in vars(node) if f != "metadata"]
            setattr(node, str(rng.choice(fields)), values[rng.integers(len(values))])
        if k % 3 == 0:
            names = [*graph.nodes]
            graph.edges[rng.integers(len(graph.edges))] = (str(rng.choice(names)), str(rng.choice(names)))
        try:
            net = ours.from_nir(graph, dt=1e-3, limit=1 << 24)
        except DataError:
            refusals += 1
            continue
        snn.run(net, np.ones((2, 1, 2, 4, 5), np.float32), mode="eager")
    assert TRIES / 10 < refusals < TRIES


def test_without_the_package_an_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nir", None)
    for call in (lambda: ours.read(tmp_path), lambda: ours.to_nir(snn.IFNode(), (1,), dt=1), lambda: ours.from_nir("x", dt=1)):
        with pytest.raises(MissingExtraError, match=r"pip install 'spikecell\[nir\]'"):
            call()
