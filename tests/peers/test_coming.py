"""Run the listings of other packages on the pages about coming from them, and compare them with our listings there."""

import re
from pathlib import Path

import numpy as np
import pytest

import snn

from .live import need

pytestmark = pytest.mark.filterwarnings("ignore")  # the peers' own

PAGES = Path(__file__).parents[2] / "docs" / "coming"


def listings(page, language):
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(page, language):
    """Run the listings of a page that are in one language, and return their names."""
    names = {}
    for source in listings(page, language):
        if not source.startswith(">>>"):
            exec(compile(source, f"{page}.md", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("page", "package"), [("snntorch", "snntorch"), ("spikingjelly", "spikingjelly"), ("norse", "norse"), ("torch", "torch")]
)
def test_both_sides_run(page, package):
    need(package)
    theirs, ours = run(page, "py"), run(page, "python")
    assert theirs["x"].shape == ours["x"].shape


def test_the_same_gradient_of_ones_own():
    need("torch")
    theirs, ours = run("torch", "py")["gradient"].numpy(), run("torch", "python")["gradient"].asnumpy()
    assert theirs.all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_state_dict_of_torch_loads():
    torch = need("torch")
    theirs, ours = run("torch", "py"), run("torch", "python")
    assert snn.interop.torch.load_state_dict(ours["net"], theirs["arrays"]) == ([], [])
    x = np.random.default_rng(0).normal(size=(4, 20)).astype(np.float32)
    wanted = theirs["net"](torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours["net"](x).asnumpy(), wanted, rtol=1e-5, atol=1e-6)


def test_the_membrane_of_snntorch_is_the_one_before_its_late_reset():
    torch = need("torch")
    snntorch = need("snntorch")
    leaky, v, membranes = snntorch.Leaky(beta=0.875), torch.zeros(1, 1), []
    for _ in range(6):
        _, v = leaky(torch.full((1, 1), 0.5), v)
        membranes.append(v.item())
    record = snn.run(snn.LIFNode.dialect("snntorch", beta=0.875), np.full((6, 1, 1), 0.5, np.float32), record=["v"]).record
    np.testing.assert_allclose(record["v"].asnumpy().ravel(), membranes, rtol=1e-6)
