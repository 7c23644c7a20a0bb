"""Run the listings of other packages on the pages about coming from them, and compare them with our listings there."""

import re
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Parameter, nn

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


def test_the_net_beside_spikingjellys_gives_the_same_spikes_with_its_weights():
    torch = need("torch")
    need("spikingjelly")
    theirs, ours = run("spikingjelly", "py"), run("spikingjelly", "python")
    rng = np.random.default_rng(0)
    for name, array in theirs["arrays"].items():  # sums of such numbers are exact
        theirs["net"].get_parameter(name).data = torch.tensor(rng.integers(-8, 12, array.shape) / 32, dtype=torch.float32)
    assert snn.interop.torch.load_state_dict(ours["net"], theirs["net"].state_dict()) == ([], [])
    x = (rng.integers(0, 4, (10, 8, 64)) / 4).astype(np.float32)
    spikes = theirs["net"](torch.tensor(x)).detach().numpy()
    assert 0.01 < spikes.mean() < 0.99
    np.testing.assert_array_equal(snn.run(ours["net"], x).out, spikes)


def test_batch_norms_of_spikingjelly_over_time_and_in_each_step():
    torch = need("torch")
    need("spikingjelly")
    from spikingjelly.activation_based import layer

    x = np.random.default_rng(0).normal(size=(6, 4, 3, 5, 5)).astype(np.float32)
    over_time, each_step = layer.BatchNorm2d(3, step_mode="m"), layer.BatchNorm2d(3, step_mode="s")
    wanted = over_time(torch.tensor(x)), torch.stack([each_step(step) for step in torch.tensor(x)])
    for norm, out in zip((snn.TDBatchNorm(3), nn.BatchNorm2d(3)), wanted, strict=True):
        np.testing.assert_allclose(snn.run(norm.set_train(), x).out, out.detach().numpy(), atol=2e-6)


def test_learnt_constants_of_snntorch_load():
    torch = need("torch")
    snntorch = need("snntorch")
    leaky = snntorch.Leaky(beta=0.8, learn_beta=True, threshold=1.25, learn_threshold=True)
    learnt = {name: Parameter(np.float32(0.5)) for name in ("beta", "threshold")}
    node = snn.LIFNode.dialect("snntorch", **learnt)
    names = {"": None, "beta": "beta", "threshold": "v_threshold"}
    assert snn.interop.torch.load_state_dict(node, leaky.state_dict(), names) == ([], [])
    x = np.random.default_rng(0).random((30, 2, 5), np.float32)
    v, wanted = torch.zeros(2, 5), []
    for step in torch.tensor(x):
        spikes, v = leaky(step, v)
        wanted.append(spikes.detach().numpy())
    assert np.mean(wanted) > 0.1
    np.testing.assert_array_equal(snn.run(node, x).out, wanted)


def test_lapicque_and_the_loss_of_counts_are_as_their_rows_say():
    torch = need("torch")
    snntorch = need("snntorch")
    x = np.random.default_rng(0).random((12, 2, 3), np.float32)
    lapicque, v, membranes = snntorch.Lapicque(R=2.0, C=5.0, threshold=9.0), torch.zeros(2, 3), []
    for step in torch.tensor(x):
        _, v = lapicque(step, v)
        membranes.append(v.numpy())
    node = snn.LIFNode(tau=2.0 * 5.0, decay_input=True, v_threshold=9.0)
    np.testing.assert_allclose(snn.run(node, 2.0 * x, record=["v"]).record["v"], membranes, rtol=1e-5)
    spikes, labels = (x > 0.5).astype(np.float32), np.array([0, 2])
    theirs = need("snntorch.functional").mse_count_loss(0.75, 0.25)(torch.tensor(spikes), torch.tensor(labels))
    ours = snn.losses.rate_mse(spikes, labels, correct=0.75, incorrect=0.25)
    assert theirs.item() == pytest.approx(len(x) * ours.item(), rel=1e-5)
