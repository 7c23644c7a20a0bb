"""In notebooks, terminals and editors: tables of nets, runs and records, the help of snn.run, types of public names."""

import pydoc
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import snn
from autograd import nn

ROOT = Path(__file__).parents[2]


def rows(page):
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(f"<div>{page}</div>").iter("tr")]


def net_and_run(mode):
    net = nn.SequentialCell(nn.Dense(3, 2, weight_init="ones"), snn.LIFNode(tau=2.0, decay_input=False), nn.Dense(2, 2))
    x = np.full((6, 4, 3), 0.5, np.float32)
    return net, snn.run(net, x, record=["spike", "v"], mode=mode)


def test_a_neuron_shows_its_equations():
    net, _ = net_and_run("eager")
    _, _, dense, neuron, _, total = rows(net._repr_html_())
    assert dense == ["0", "Dense", "in_channels=3, out_channels=2, has_bias=True", "weight [2, 3]; bias [2]", "8"]
    assert neuron[:2] == ["1", "LIFNode"]
    assert neuron[2].startswith("h = v - v / 2 + x; z = h > 1")
    assert f"{neuron[1]}({neuron[2]})" == repr(net[1])
    assert total[-1] == "14"
    assert rows(net[1]._repr_html_())[1:] == [["-", *neuron[1:]]]


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_run_and_its_record_show_shapes_and_ranges(mode):
    _, result = net_and_run(mode)
    spikes = result.record["1.spike"].asnumpy()
    assert spikes.any()
    found = {row[0]: row[1:] for row in rows(result._repr_html_())}
    assert list(found) == ["value", "out", "state.1", "record.1.spike", "record.1.v"]
    assert found["out"][:2] == ["[6, 4, 2]", "float32"]
    assert found["state.1"][:2] == ["[4, 2]", "float32"]
    assert found["record.1.spike"] == [
        "[6, 4, 2]",
        "float32",
        *(f"{v:.4g}" for v in (spikes.min(), spikes.mean(), spikes.max())),
    ]
    record = rows(result.record._repr_html_())
    assert [row[0] for row in record] == ["value", "1.spike", "1.v"]
    assert record[1][1:] == found["record.1.spike"]


def test_an_empty_record_has_a_table():
    assert "Record of 0 entries" in snn.Record()._repr_html_()


def test_a_summary_is_well_formed():
    net, _ = net_and_run("eager")
    page = snn.summary(net, np.ones((2, 1, 3), np.float32))._repr_html_()
    assert [row[0] for row in rows(page)] == ["layer", "0", "1", "2", "total"]


def test_the_help_of_run_fits_a_terminal():
    text = pydoc.plain(pydoc.render_doc(snn.run))
    _, _, body = text.partition("Run a net over the time steps")
    assert len(body.splitlines()) > 60
    assert [line for line in body.splitlines() if len(line) > 80] == []


PROGRAM = """
import numpy as np

import snn
from autograd import Parameter, Tensor, grad, nn, ops, optim
from snn import interop, plot

net = nn.SequentialCell(nn.Dense(4, 8), snn.LIFNode(tau=2.0, decay_input=False), snn.PSN(4), snn.Recurrent(snn.IFNode(), 8))
result = snn.run(net, np.ones((4, 1, 4)), record=["spike"])
reveal_type(result.out)
reveal_type(result.record)
reveal_type(net)
reveal_type(snn.AdExNode)
reveal_type(snn.summary(net, result.out))
reveal_type(snn.health(net, result.out))
reveal_type(snn.surrogate.atan())
reveal_type(snn.encode.rate)
reveal_type(snn.losses.rate_mse)
reveal_type(snn.metrics.accuracy)
reveal_type(snn.data.mnist)
reveal_type(snn.models.vgg9)
reveal_type(snn.train.Trainer)
reveal_type(snn.checkpoint.save)
reveal_type(snn.Delay(2))
reveal_type(interop.export_numpy)
reveal_type(interop.nir.read)
reveal_type(plot.raster)
reveal_type(optim.Adam)
reveal_type(grad)
"""


def test_type_checkers_and_editors_know_the_public_names(tmp_path):
    pytest.importorskip("mypy", reason="comes with the extra 'lint'")
    user = tmp_path / "user.py"
    user.write_text(PROGRAM + "snn.no_such_name\ninterop.no_such_name\nplot.no_such_name\n")
    cache = ROOT / ".mypy_cache"  # that of `make lint`, where there is one
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "--no-error-summary", str(user)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    notes = [line.partition('Revealed type is "')[2].rstrip('"') for line in found if "Revealed type" in line]
    errors = [line for line in found if ": error:" in line]
    assert len(notes) == PROGRAM.count("reveal_type") >= 20
    assert [note for note in notes if note in ("Any", "builtins.object") or note.startswith("Unknown")] == []
    assert notes[0] == "autograd.tensor.Tensor"
    assert notes[1] == "snn.records.Record"
    assert len(errors) == 3, errors
    assert all("no_such_name" in line for line in errors)
