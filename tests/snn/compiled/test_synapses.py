"""Every synapse of `snn.synapses` gives the same results compiled as in the eager mode."""

import inspect
import itertools

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, nn
from snn.common.discover import kinds
from snn.synapses import NMDA, Conductance, DoubleExponential, Exponential, Receptor, TsodyksMarkram
from tests.snn.helpers.compare import assert_as_eager, start_of
from tests.snn.helpers.neurons import whole_dense

T, N, F = 12, 3, 7
SYNAPSES = list(kinds(snn.synapses, snn.synapses.Synapse).values())


def forms():
    """Return each synapse with its required arguments, with each optional one beside them, and with each flag inverted."""
    for kind in SYNAPSES:
        given = inspect.signature(kind).parameters
        needed = [name for name, p in given.items() if p.default is p.empty]
        beside = [name for name, p in given.items() if p.default is None]
        flags = {name: not p.default for name, p in given.items() if type(p.default) is bool}
        for names in [*([needed] if needed else []), *([*needed, name] for name in beside)]:
            yield kind, names, {}
            yield from ((kind, names, {flag: value}) for flag, value in flags.items())


FORMS = list(forms())
CONSTANTS = ["number", "array", "Parameter", "Parameter of one"]


def constant(kind, low, high, dtype):
    match kind:
        case "number":
            return (low + high) / 2
        case "array":
            return np.linspace(low, high, F)
        case "Parameter":
            return Parameter(np.linspace(low, high, F).astype(dtype))
    return Parameter(np.array([(low + high) / 2], dtype))


def limits(name):
    """Return where a constant may lie: a rise is shorter than a decay, and what is no time constant is a share."""
    return (1.5, 2.5) if name == "tau_rise" else (3.0, 9.0) if name.startswith("tau") else (0.3, 0.8)


def inputs(dtype, masked, steps=T):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((steps, N, F)) * (rng.random((steps, N, F)) < 0.6)  # a synapse may tell an input of 0 from others
    return Tensor(x.astype(dtype)), rng.random((steps, N)) > 0.3 if masked else None


@pytest.mark.parametrize(
    ("form", "constants", "dtype", "mode"),
    [(*row, "python") for row in itertools.product(FORMS, CONSTANTS, [np.float32, np.float64])]
    + [(form, "Parameter", np.float32, "compiled") for form in {form[0]: form for form in FORMS}.values()],
    ids=lambda value: "-".join([value[0].__name__, *value[1], *value[2]]) if isinstance(value, tuple) else None,
)
def test_a_synapse_is_as_in_the_eager_mode(form, constants, dtype, mode):
    kind, names, flags = form
    synapse = kind(**{name: constant(constants, *limits(name), dtype) for name in names}, **flags)
    masked = dtype == np.float64 or mode == "compiled"
    x, mask = inputs(dtype, masked, T if mode == "compiled" else 5)
    record = (*kind.State._fields, "x") if masked else ()
    out, _, _ = assert_as_eager(synapse, x, mode, state=start_of(synapse, x), record=record, mask=mask)
    assert out.asnumpy().any()


def driven(kind, dtype, node=None):
    """Return a neuron with conductances of whatever kind."""
    node = snn.LIFNode(beta=constant(kind, 0.7, 0.9, dtype)) if node is None else node
    return Conductance(
        node,
        ampa=Receptor(Exponential(tau_syn=constant(kind, 2.0, 3.0, dtype)), constant(kind, 2.0, 3.0, dtype)),
        nmda=NMDA(2.0, constant(kind, 8.0, 9.0, dtype), 3.0, slope=constant(kind, 3.0, 4.0, dtype), half=0.5),
        gaba=Receptor(DoubleExponential(1.0, 4.0), constant(kind, -0.7, -0.5, dtype), inhibitory=True),
    )


NODES = {
    "leaky": lambda kind, dtype: driven(kind, dtype),
    "two states": lambda kind, dtype: driven(kind, dtype, snn.CurrentLIFNode()),
    "readout": lambda kind, dtype: driven(kind, dtype, snn.LeakyReadout(beta=0.9)),
    "refractory": lambda kind, dtype: snn.Refractory(driven(kind, dtype), 2),
    "stochastic": lambda kind, dtype: driven(kind, dtype, snn.Stochastic(snn.LIFNode(beta=0.9), rng=0)),
}


@pytest.mark.parametrize(
    ("name", "constants", "dtype", "mode"),
    [
        *(("leaky", kind, dtype, "python") for kind, dtype in itertools.product(CONSTANTS, [np.float32, np.float64])),
        *((name, "Parameter", np.float64, "python") for name in NODES if name != "leaky"),
        ("leaky", "Parameter", np.float32, "compiled"),
    ],
)
def test_conductances_are_as_in_the_eager_mode(name, constants, dtype, mode):
    node = NODES[name](constants, dtype)
    x, mask = inputs(dtype, dtype == np.float64, T if mode == "compiled" else 5)
    state = snn.initial_state(node, Tensor(x.array[0])) if name == "stochastic" else start_of(node, x)
    record = ("v", "v_before_reset", "g_ampa", "g_nmda", "g_nmda_rise", "g_gaba", "x")
    if name == "stochastic":  # whose seeds are whole numbers, by which there is no gradient
        found, expected = (snn.run(node, x, state, record, mask, mode=m) for m in (mode, "eager"))
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[2]["v"], expected[2]["v"])
        out = found[0]
    else:
        out, _, _ = assert_as_eager(node, x, mode, state=state, record=record, mask=mask)
    assert out.asnumpy().any()


def test_a_net_with_synapses_is_as_in_the_eager_mode():
    """To the bit, since its weights are whole numbers; gradients to rounding."""
    rng = np.random.default_rng(0)
    net = nn.SequentialCell(
        whole_dense(rng, 6, F),
        Exponential(alpha=0.5),
        snn.LIFNode(beta=0.75, spike_value="unit"),
        TsodyksMarkram(0.5, 9.0, 5.0),
        nn.Dense(F, 4, np.eye(4, F, dtype=np.float32)),
        Conductance(snn.LIFNode(beta=0.9), exc=Receptor(Exponential(alpha=0.5), 4.0)),
    )
    x = Tensor((rng.random((T, N, 6)) < 0.4).astype(np.float32))
    out, state, _ = assert_as_eager(net, x)
    assert out.asnumpy().any()
    assert sorted(state) == ["1", "2", "3", "5"]


def test_conductances_in_a_recurrent_layer_are_as_in_the_eager_mode():
    rng = np.random.default_rng(0)
    exc, inh = Receptor(Exponential(alpha=0.5), 4.0), Receptor(Exponential(alpha=0.75), -1.0, inhibitory=True)
    node = Conductance(snn.LIFNode(beta=0.9), exc=exc, inh=inh)
    layer = snn.Recurrent(node, F, weight_init=rng.integers(-1, 2, (F, F)))
    x, _ = inputs(np.float32, False, 6)
    out, _, _ = assert_as_eager(layer, Tensor(np.abs(x.array)), "python")
    assert out.asnumpy().any()
