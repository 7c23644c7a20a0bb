"""Graphs by snnTorch and Norse, nir/*.nir, give the traces in the files beside them; write_nir.py made both."""

import ast
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd.errors import ArgumentError, DataError

pytest.importorskip("nir", reason="comes with the extra 'nir'")
FILES = sorted((Path(__file__).parent / "nir").glob("*.nir"))


def read(path, options):
    """Return the net; where the package wrote all that there is, without a word on who it was."""
    peer = path.stem.partition("_")[0]
    if options is None and peer == "snntorch":
        return snn.interop.nir.from_nir(path, dt=1e-4)
    return snn.interop.nir.from_nir(path, written_by=peer, options=options)


def test_there_are_files_of_both():
    assert {path.stem.partition("_")[0] for path in FILES} == {"norse", "snntorch"}
    assert len(FILES) == 9


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_graph_of_a_peer_gives_its_traces(path):
    gold = np.load(path.with_suffix(".npz"))
    options = ast.literal_eval(str(gold["options"]))
    compiled = ["compiled"] if path.stem == "norse_chain" else []
    for mode in ["eager", *compiled]:
        out = snn.run(read(path, options), gold["x"], mode=mode).out.asnumpy()
        np.testing.assert_allclose(out, gold["out"], atol=1e-6)
    assert out.std() > 0.1


def test_what_the_graph_of_snntorch_does_not_say_makes_a_difference():
    path = next(path for path in FILES if path.stem == "snntorch_subtract")
    gold = np.load(path.with_suffix(".npz"))
    out = snn.run(snn.interop.nir.from_nir(path, dt=1e-4), gold["x"], mode="eager").out.asnumpy()
    assert np.abs(out - gold["out"]).max() == 1


def test_a_package_writes_for_its_own_dt():
    path = next(path for path in FILES if path.stem == "snntorch_zero")
    with pytest.raises(DataError, match=r"r = tau / dt.*snnTorch's own is 1e-4"):
        snn.interop.nir.from_nir(path, written_by="snntorch", dt=1e-3)
    with pytest.raises(ArgumentError, match="arguments of snntorch"):
        snn.interop.nir.from_nir(path, written_by="snntorch", options={"reset": 1})
    norse = next(path for path in FILES if path.stem == "norse_chain")
    with pytest.raises(DataError, match="no options for Norse"):
        snn.interop.nir.from_nir(norse, written_by="norse", options={"reset": 1})
