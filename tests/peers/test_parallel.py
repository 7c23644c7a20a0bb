"""The parallel spiking neurons of SpikingJelly, with equal weights on random inputs."""

import numpy as np
import pytest

import snn
from autograd import grad

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

REASON = "spikingjelly is not installed"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("spikingjelly", reason=REASON)
theirs = pytest.importorskip("spikingjelly.activation_based.neuron", reason=REASON)
surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate", reason=REASON)

T, N, F, K = 12, 3, 5, 4


def pair(kind, lambda_):
    """Build the peer's neuron and ours."""
    step = surrogate.ATan(alpha=2.0)
    ours = {"surrogate_function": snn.surrogate.atan(2.0), "fire_at_threshold": True, "dtype": np.float64}
    if kind == "PSN":
        return theirs.PSN(T, step), snn.PSN(T, **ours)
    if kind == "MaskedPSN":
        return theirs.MaskedPSN(K, T, lambda_, step, step_mode="m"), snn.MaskedPSN(T, K, lambda_=lambda_, **ours)
    return theirs.SlidingPSN(K, surrogate_function=step, step_mode="m"), snn.SlidingPSNNode(K, **ours)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize(
    ("kind", "lambda_"), [("PSN", 0.0), ("MaskedPSN", 0.0), ("MaskedPSN", 0.25), ("MaskedPSN", 1.0), ("SlidingPSN", 0.0)]
)
def test_spikes_and_gradients_are_those_of_the_peer(kind, lambda_, mode, seed):
    torch.manual_seed(seed)
    peer, node = pair(kind, lambda_)
    peer = peer.double()
    rng = np.random.default_rng(seed)
    x, loss_weights = rng.normal(0.3, 1.0, (T, N, F)), rng.normal(size=(T, N, F))
    with torch.no_grad():
        peer.weight.add_(torch.tensor(rng.normal(0, 0.2, peer.weight.shape)))
        peer.bias.copy_(torch.tensor(rng.uniform(-0.6, 0.4, peer.bias.shape)))
    weight, threshold = peer.weight.detach().numpy(), -peer.bias.detach().numpy().reshape(node.v_threshold.shape)
    learnt = node.weight if kind == "SlidingPSN" else [node.weight]
    for parameter, value in zip(learnt, weight if kind == "SlidingPSN" else [weight], strict=True):
        parameter.set_data(value)
    node.v_threshold.set_data(threshold)

    given = torch.tensor(x, requires_grad=True)
    spikes = peer(given)
    (spikes * torch.tensor(loss_weights)).sum().backward()

    def loss(x):
        out, _, _ = snn.run(node, x, mode=mode)
        return (out * loss_weights).sum(), out

    (by_x, by_parameters), (out,) = grad(loss, weights=[*learnt, node.v_threshold], has_aux=True)(x)
    assert 0.2 < spikes.mean() < 0.8
    np.testing.assert_array_equal(out, spikes.detach())
    np.testing.assert_allclose(by_x, given.grad, rtol=0, atol=1e-12)
    by_weight = np.stack([g.asnumpy() for g in by_parameters[:-1]]).reshape(weight.shape)
    np.testing.assert_allclose(by_weight, peer.weight.grad, rtol=0, atol=1e-11)
    np.testing.assert_allclose(-by_parameters[-1].asnumpy().ravel(), peer.bias.grad.ravel(), rtol=0, atol=1e-11)


def test_a_new_neuron_starts_as_the_peers_does():
    np.testing.assert_array_equal([w.item() for w in snn.SlidingPSNNode(5).weight], theirs.SlidingPSN(5).weight.detach())
    for peer, node in (
        (theirs.SlidingPSN(5), snn.SlidingPSNNode(5)),
        (theirs.PSN(6), snn.PSN(6)),
        (theirs.MaskedPSN(2, 6), snn.MaskedPSN(6, 2)),
    ):
        np.testing.assert_array_equal(node.v_threshold.asnumpy().ravel(), -peer.bias.detach().ravel())
