"""The rule that chooses a product, and dense layers with either product."""

import io

import numpy as np
import pytest

import snn
from autograd import Tensor, errors, grad, nn
from snn.engine import product as own
from snn.engine import which
from snn.engine.backends import back_end
from snn.spikes import Spikes
from tests.snn.helpers.each import each

LARGE = 1024


def on(monkeypatch, name):
    monkeypatch.setattr(own, "processor", lambda: own.PROCESSORS[name])


@each(
    case=[
        ("avx512", (LARGE, LARGE, LARGE), False, "ours"),
        ("avx512", (LARGE, LARGE, LARGE), True, "ours"),
        ("halves", (LARGE, LARGE, LARGE), False, "ours"),
        ("halves", (LARGE, LARGE, LARGE), True, "ours"),
        ("halves", (LARGE, 511, LARGE), False, "blas"),
        ("halves", (511, LARGE, LARGE), True, "blas"),
        ("halves", (LARGE, LARGE, 511), True, "blas"),
        ("halves", (LARGE, 128, 256), True, "ours"),
        ("halves", (LARGE, 128, 256), False, "blas"),
        ("fma", (LARGE, LARGE, LARGE), False, "blas"),
        ("fma", (LARGE, 512, 512), True, "ours"),
        ("fma", (LARGE, 512, 512), False, "blas"),
        ("fma", (LARGE, LARGE, LARGE), True, "blas"),
        ("fma", (8 * LARGE, 128, 128), True, "blas"),
        ("neon", (LARGE, LARGE, LARGE), True, "blas"),
        ("other", (LARGE, LARGE, LARGE), True, "blas"),
        ("avx512", (100, 100, 100), True, "blas"),
        ("avx512", (LARGE, 10, LARGE * 64), True, "blas"),
        ("avx512", (10, LARGE * 64, LARGE), True, "blas"),
        ("avx512", (LARGE * 64, LARGE, 10), True, "blas"),
    ]
)
def test_the_product_is_chosen_by_processor_and_shape(case):
    name, (m, n, k), spikes, expected = case
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPIKECELL_PRODUCT", raising=False)
        patch.delenv("NUMBA_DISABLE_JIT", raising=False)
        on(patch, name)
        assert which.choice(m, n, k, spikes).name == expected
        assert which.choice(m, n, k, spikes, back_end("python")).name == "blas"
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        assert which.choice(m, n, k, spikes).name == "blas"
        for name in ("ours", "blas"):
            patch.setenv("SPIKECELL_PRODUCT", name)
            assert which.choice(m, n, k, spikes) == (name, "$SPIKECELL_PRODUCT says so")


def test_another_name_of_a_product_is_refused(monkeypatch):
    monkeypatch.setenv("SPIKECELL_PRODUCT", "mkl")
    with pytest.raises(errors.ArgumentError, match=r"SPIKECELL_PRODUCT: expected ours or blas, got 'mkl'"):
        which.choice(1, 1, 1, False)


@pytest.mark.parametrize(
    ("features", "cpu", "name"),
    [
        ({"avx512f": True, "avx2": True, "fma": True}, "znver5", "avx512"),
        ({"avx512f": True, "avx2": True, "fma": True}, "znver4", "halves"),
        ({"avx512f": False, "avx2": True, "fma": True}, "znver4", "fma"),
        ({"avx2": True, "fma": False}, "", "other"),
        ({"neon": True}, "", "neon"),
        ({}, "", "other"),
    ],
)
def test_the_processor_is_known_by_its_features_and_name(features, cpu, name, monkeypatch):
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: cpu)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: features)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert own.processor.__wrapped__() == own.PROCESSORS[name]


INPUTS = {
    "numbers": lambda rng: rng.integers(-3, 4, (9, 4, 24)).astype(np.float32),
    "bools": lambda rng: rng.random((9, 4, 24)) < 0.5,
    "constant": lambda rng: np.broadcast_to(rng.integers(-3, 4, (4, 24)).astype(np.float32), (9, 4, 24)),
    "float64": lambda rng: rng.integers(-3, 4, (9, 4, 24)).astype(np.float64),
}


def results(x, mode, tune):
    """Run two dense layers of whole weights, of which the second receives many spikes; return all that comes out."""
    rng = np.random.default_rng(1)
    dtype = np.float64 if x.dtype == np.float64 else np.float32
    layers = nn.Dense(24, 30, dtype=dtype), snn.IFNode(), nn.Dense(30, 20, dtype=dtype), snn.LIFNode(beta=0.5)
    net = nn.SequentialCell(*layers)
    for parameter in net.trainable_params():
        parameter.set_data(rng.integers(-2, 3, parameter.shape).astype(dtype))
    floats = x.dtype.kind == "f"

    def loss(x):
        return (snn.run(net, x, mode=mode)[0] * np.arange(20, dtype=np.float32)).sum()

    found = grad(loss, 0 if floats else None, net.trainable_params())(Tensor(x))
    made = [*([found[0]] if floats else []), *(found[1] if floats else found)]
    text = io.StringIO()
    snn.explain(net, x, file=text)
    return [np.asarray(a) for a in (snn.run(net, x, mode=mode)[0], *made)], text.getvalue()


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("name", INPUTS)
def test_dense_layers_are_the_same_with_either_product(name, mode, monkeypatch, tune):
    tune(little_work=0, dense_density=0.0, kept_spikes=0, shared_elements=0, shared_product=0, few_outputs=0)
    x = INPUTS[name](np.random.default_rng(0))
    found = {}
    for product in ("blas", "ours"):
        monkeypatch.setenv("SPIKECELL_PRODUCT", product)
        found[product], text = results(x, mode, tune)
        assert f"{'our own kernel' if product == 'ours' else 'the BLAS'} ($SPIKECELL_PRODUCT says so)" in text
    for blas, ours in zip(found["blas"], found["ours"], strict=True):
        assert blas.dtype == ours.dtype
        np.testing.assert_allclose(ours, blas, rtol=0, atol=1e-5 * abs(blas).max())
    np.testing.assert_array_equal(found["blas"][0], found["ours"][0])


def test_spikes_are_packed_without_numbers_in_between(monkeypatch, tune):
    tune(little_work=0, dense_density=0.0, kept_spikes=0)
    monkeypatch.setenv("SPIKECELL_PRODUCT", "ours")
    values = Spikes.values

    def watched(spikes, steps):
        assert spikes.shape[-1] == 20, "the spikes between the layers became numbers"
        return values(spikes, steps)

    monkeypatch.setattr(Spikes, "values", watched)
    results(INPUTS["numbers"](np.random.default_rng(0)), "compiled", tune)


def test_a_net_has_the_same_bits_for_any_number_of_threads(monkeypatch, tune):
    tune(little_work=0, dense_density=0.0, shared_elements=0, shared_product=0, few_outputs=0)
    monkeypatch.setenv("SPIKECELL_PRODUCT", "ours")
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(nn.Dense(70, 90, rng=1), snn.LIFNode(beta=0.9), nn.Dense(90, 33, rng=2), snn.LIFNode(beta=0.9))
    x, found = Tensor(rng.standard_normal((20, 16, 70)).astype(np.float32) * 3), set()
    for threads in (1, 2, 4):
        monkeypatch.setenv("SPIKECELL_THREADS", str(threads))
        gradients = grad(lambda x: snn.run(net, x, mode="compiled")[0].sum(), 0, net.trainable_params())(x)
        found.add(b"".join(np.asarray(a).tobytes() for a in (gradients[0], *gradients[1])))
    assert len(found) == 1
