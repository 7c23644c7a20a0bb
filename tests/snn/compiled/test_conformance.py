"""The compiled mode gives what the eager mode gives: spikes and states to the bit, gradients to rounding."""

import inspect
import itertools

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, ops, tree
from tests.snn.helpers.compare import assert_as_eager, assert_equal, start_of
from tests.snn.helpers.discovered import CLASSES, FIRING, SURROGATES, noisy
from tests.snn.helpers.neurons import OWN
from tests.snn.helpers.pairs import pairwise

T, N, F = 17, 3, 7
SHAPES = {"[T, N, 7]": (T, N, F), "[T, N, 2, 7]": (T, N, 2, F), "[T, N, 150]": (9, N, 150)}
RECORDS = [(), ("v",), ("spike", "x"), ("v_before_reset", "v", "spike", "x")]


SHARED = set(inspect.signature(snn.Neuron.__init__).parameters)
LEAKS = [{"tau": (2.0, 4.0)}, {"tau": (2.0, 4.0), "exponential": True}, {"beta": (0.6, 0.9)}]


def says_its_leak(cls):
    """Return whether a neuron must be given its leak."""
    return issubclass(cls, snn.LIFNode) and cls.default_beta is None


def forms():
    """Return each neuron with each way to give its leak, if that must be given, or with each of its own flags inverted."""
    for cls in CLASSES:
        own = {name: p.default for name, p in inspect.signature(cls).parameters.items() if name not in SHARED}
        if says_its_leak(cls):
            yield from ((cls, {**leak, "decay_input": decay}) for leak, decay in itertools.product(LEAKS, (False, True)))
        else:
            yield cls, {}
            flags = [name for name, value in own.items() if type(value) is bool and name != "exponential"]
            yield from ((cls, {name: not own[name]}) for name in flags)


FACTORS = {
    "surrogate": SURROGATES,
    "v_reset": [None, "never", 0.0, -0.25],
    "detach_reset": [False, True],
    "fire": [True, True, False],
    "fire_at_threshold": [False, True],
    "spike_value": ["threshold", "unit"],
    "constants": ["number", "array", "Parameter", "Parameter of one"],
    "mask": [False, True],
    "record": RECORDS,
    "dtype": [np.float32, np.float64],
    "shape": list(SHAPES),
    "mode": ["compiled", "python"],
}
FORMS = list(forms())
ROWS = sorted(pairwise(FACTORS), key=lambda row: (row["mode"], not row["fire"]))
FIRING_ROWS = [row for row in ROWS if row["mode"] == "compiled" and row["fire"]]
ROWS = [*itertools.islice(itertools.cycle(FIRING_ROWS), len(FIRING_ROWS), len(FORMS)), *ROWS]  # each form fires compiled
ROWS = [row | {"form": form} for row, form in zip(ROWS, itertools.cycle(FORMS), strict=False)]


def in_words(form):
    return "-".join([form[0].__name__, *form[1]])


def label(row):
    return "-".join([in_words(row["form"]), *(str(row[name]) for name in ("surrogate", "v_reset", "constants", "mode"))])


def constant(row, low, high, n):
    match row["constants"]:
        case "number":
            return (low + high) / 2
        case "array":
            return np.linspace(low, high, n)
        case "Parameter":
            return Parameter(np.linspace(low, high, n).astype(row["dtype"]))
    return Parameter(np.array([(low + high) / 2], row["dtype"]))


def constants_of(cls, form, row, n):
    """Return the neuron's own constants as the row has them, about what they are by default."""
    given = inspect.signature(cls).parameters
    if says_its_leak(cls):
        return {name: constant(row, *value, n) if isinstance(value, tuple) else value for name, value in form.items()}
    node = cls.example()
    values = {name: getattr(node, name, p.default) for name, p in given.items() if name not in SHARED | {"dt"}}
    values |= {name: v.item() for name, v in values.items() if isinstance(v, Parameter) and given[name].default is None}
    return form | {name: constant(row, 0.97 * v, 1.03 * v, n) for name, v in values.items() if type(v) is float and v > 0}


def reset_of(cls, row, n):
    """Return the reset of a row, a hard one at or below the neuron's own."""
    own, below = inspect.signature(cls).parameters["v_reset"].default or 0.0, row["v_reset"]
    if type(below) is not float or not below:
        return own if below == 0.0 else below
    return constant(row, own + 1.2 * below * cls.scale, own + 0.8 * below * cls.scale, n)


def node_of(row, n):
    cls, form = row["form"]
    given = inspect.signature(cls).parameters
    options = {
        name: row[name] for name in ("detach_reset", "dtype", "fire", "fire_at_threshold", "spike_value") if name in given
    }
    options |= constants_of(cls, form, row, n)
    if "v_threshold" in given:
        default = given["v_threshold"].default
        options |= {
            "v_threshold": constant(row, 0.4 * default, 0.9 * default, n),
            "surrogate_function": getattr(snn.surrogate, row["surrogate"])(),
        }
    if "v_reset" in given:
        options["v_reset"] = reset_of(cls, row, n)
    return cls(**options)


def test_each_two_options_meet_and_each_neuron_fires_compiled():
    some = {name: values for name, values in FACTORS.items() if name != "record"}
    for (a, of_a), (b, of_b) in itertools.combinations(some.items(), 2):
        assert {(row[a], row[b]) for row in ROWS} == set(itertools.product(of_a, of_b))
    firing = [row["form"] for row in ROWS if row["mode"] == "compiled" and row["fire"]]
    assert all(form in firing for form in FORMS)
    assert len(ROWS) < 80 + len(FORMS)


def runs_away(row):
    """Return whether a neuron is never set back though its membrane then grows without limit."""
    given = inspect.signature(row["form"][0]).parameters
    return "v_reset" in given and given["v_reset"].default is not None and not (row["fire"] and type(row["v_reset"]) is float)


def inputs(row, shape):
    cls, form = row["form"]
    gain = (3.0 if form.get("decay_input") else 1.0) * (1.0 if row["fire"] else 0.1)  # some explode if never reset
    x = Tensor(row["dtype"](gain) * noisy(cls, shape, row["dtype"]))
    x.array[0, 0] = 0.5  # some come to lie on the threshold
    return x, np.random.default_rng(4).random(shape[:2]) > 0.3 if row["mask"] else None


def started(node, x):
    """Return where a neuron starts, and a little above."""
    above = start_of(node, x)
    states = (tree.leaves(state) for state in (snn.initial_state(node, Tensor(x.array[0])), above))
    return tree.unflatten(above, iter([a + b for a, b in zip(*states, strict=True)]))


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_a_neuron_is_as_in_the_eager_mode(row):
    shape = SHAPES[row["shape"]]
    if row["mode"] == "python" or not row["fire"]:
        shape = (5, *shape[1:])
    if runs_away(row):
        shape = (3, *shape[1:])
    node = node_of(row, shape[-1])
    x, mask = inputs(row, shape)
    record = row["record"] if node.fire else tuple(name for name in row["record"] if name != "spike")
    with np.errstate(over="ignore" if runs_away(row) else "warn"):
        out, _, _ = assert_as_eager(node, x, row["mode"], state=started(node, x), record=record, mask=mask)
    assert not node.fire or 0.01 < np.count_nonzero(out) / out.size < 0.9


PLAIN = {
    "constants": "Parameter", "detach_reset": False, "fire": True, "fire_at_threshold": False, "spike_value": "unit",
    "surrogate": "atan", "v_reset": 0.0, "dtype": np.float64, "mask": False,
}  # fmt: skip


def around_a_spike(row, steps=4):
    """Return inputs ``[steps, 1, 3]`` on which three neurons fire in the step before the last, hardly above their threshold.

    And the state before them. They are cut out of a longer run of many.
    """
    node, (x, _), above, states = node_of(row, 3), inputs(row, (40, 60, 3)), [], []
    node.surrogate_function = lambda u: above.append(u.asnumpy()) or (u > 0).astype(u.dtype)
    state = node.initial_state(x[0])
    with np.errstate(all="ignore"):  # one that is not set back runs away
        for now in x:
            states.append(tree.leaves(state))
            _, state = node(now, state)
    fires = np.where(np.array(above) > 0, above, np.inf)[steps - 2 : -1]
    t, n = np.unravel_index(fires.reshape(-1, 3).argmin(0), fires.shape[:2])
    start = [np.array([leaf.asnumpy() for leaf in leaves])[t, n, range(3)] for leaves in zip(*states, strict=True)]
    x = x.asnumpy()[t + np.arange(steps)[:, None], n, range(3)]
    return Tensor(x[:, None]), tree.unflatten(state, (Tensor(leaf[None]) for leaf in start))


def assert_spikes_as_eager(row, x, state):
    node = node_of(row, 3)
    if not node.surrogate_function.lowest:
        node.surrogate_function.alpha /= type(node).scale
    out, _, _ = assert_as_eager(node, x, "python", state=state)
    assert out[2].asnumpy().all()
    assert np.abs(grad(lambda x: snn.run(node, x, state, mode="eager")[0])(x).asnumpy()).max() > 1e-4


@pytest.mark.parametrize("cls", FIRING, ids=lambda cls: cls.__name__)
def test_a_neuron_is_as_in_the_eager_mode_with_each_surrogate(cls):
    row = PLAIN | {"form": next(form for form in FORMS if form[0] is cls)}
    x, state = around_a_spike(row)
    for surrogate in SURROGATES:
        assert_spikes_as_eager(row | {"surrogate": surrogate}, x, state)


@pytest.mark.parametrize("form", [form for form in FORMS if form[0] in FIRING], ids=in_words)
def test_a_neuron_is_as_in_the_eager_mode_with_each_reset(form):
    given = inspect.signature(form[0]).parameters
    for v_reset, detach_reset in zip(FACTORS["v_reset"] if "v_reset" in given else [None], itertools.cycle([False, True])):
        row = PLAIN | {"form": form, "v_reset": v_reset, "detach_reset": detach_reset}
        assert_spikes_as_eager(row, *around_a_spike(row))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_neuron_fires_again_and_again_on_its_drive(cls):
    node = cls.example()
    noise, constant = (noisy(node, (400, 2, 2)), np.full((400, 1, 1), cls.drive, np.float32))
    assert not node.fire or 0.01 < np.count_nonzero(snn.run(node, noise, mode="eager")[0]) / noise.size < 0.9
    assert not node.fire or np.count_nonzero(snn.run(node, constant, mode="eager")[0][300:])


@pytest.mark.parametrize(
    ("name", "masked", "dtype", "mode"),
    [
        *((name, *rest, "python") for name in OWN for rest in ((False, np.float32), (True, np.float64))),
        *((name, True, np.float32, "compiled") for name in OWN),
    ],
)
def test_a_users_own_neuron_is_as_in_the_eager_mode(name, masked, dtype, mode):
    rng = np.random.default_rng(3)
    node, record = OWN[name](F, dtype)
    x = Tensor((1.5 * rng.standard_normal((T if mode == "compiled" else 6, N, F)) + 0.5).astype(dtype))
    mask = rng.random(x.shape[:2]) > 0.3 if masked else None
    assert_as_eager(node, x, mode, state=start_of(node, x), record=record, mask=mask)


def test_what_a_neuron_compares_in_the_backward_is_what_it_compared_in_the_forward():
    # Beside a threshold on an exponential, where a fast exponential would say that it did not fire.
    node, _ = OWN["exponential"](1, np.float32)
    near = np.float32(np.log(node.threshold))
    x = np.zeros((2, 41, 1), np.float32)
    x[0, :, 0] = near + np.spacing(near) * np.arange(-20, 21)
    assert_as_eager(node, Tensor(x), "python")


class Leak(Cell):
    """A leak that is learnt by its logarithm: a Parameter meets numbers before it meets what is not known yet."""

    def __init__(self, value):
        super().__init__()
        self.w = Parameter(value)

    def construct(self, x, v):
        v = v + (x - v) * ops.sigmoid(2 * self.w)
        return v, v


@pytest.mark.parametrize("value", [np.float64(0), np.zeros(1), np.linspace(-1, 1, F)], ids=["number", "one", "a neuron each"])
def test_what_follows_from_a_parameter_alone_is_computed_anew_when_it_has_learnt(value):
    node = Leak(value)
    x = Tensor(np.random.default_rng(0).standard_normal((5, N, F)))
    for step in range(2):
        node.w.set_data(value + step)
        assert_as_eager(node, x, "python")


class OfBools(Cell):
    """What numpy adds up or multiplies of bools is a bool."""

    def construct(self, x, v):
        fired = ((x > v) + (x > 0)) * (x > -1)
        return fired.astype(x.dtype), 0.5 * v + x


class Alike(Cell):
    """Fires always; its surrogate returns zeros."""

    class Surrogate(Cell):
        def construct(self, u):
            return ops.ones_like(u)

        def bprop(self, u, out, dout):
            return (ops.zeros_like(u),)

    def __init__(self):
        super().__init__()
        self.surrogate = self.Surrogate()

    def construct(self, x, v):
        return self.surrogate(x + v), ops.zeros_like(v) + x


class Bools(Cell):
    """Gives bools, and counts what it saw in whole numbers."""

    def initial_state(self, x):
        return {"last": ops.zeros(x.shape, "bool"), "count": ops.zeros(x.shape, "int32")}

    def construct(self, x, state):
        fired = x > 0
        return fired, {"last": fired, "count": state["count"] + ops.sign(x).astype("int32")}


class Zeros(Cell):
    """Tells the signs of zeros apart, by one divided by them."""

    def construct(self, x, v):
        zero = x * 0.0
        highest, lowest = ops.maximum(zero, v * 0.0), ops.minimum(zero, v * 0.0)
        return 1 / highest + ops.clip(1 / lowest, -1.0, 1.0) + ops.sign(x) * 1 / ops.relu6(zero), ops.abs(v) - x


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("cell", [OfBools, Alike])
def test_an_unusual_neuron_is_as_in_the_eager_mode(cell, mode):
    x = Tensor(np.random.default_rng(0).standard_normal((5, N, F)).astype(np.float32))
    assert_as_eager(cell(), x, mode)


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("masked", [False, True])
def test_bools_and_whole_numbers_stay_such_as_outputs_states_and_records(mode, masked):
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((5, N, F)).astype(np.float32))
    options = {"record": ("last", "count", "spike"), "mask": rng.random((5, N)) > 0.3 if masked else None}
    expected = snn.run(Bools(), x, mode="eager", **options)
    assert [leaf.dtype for leaf in tree.leaves(list(expected))] == [bool, bool, np.int32, bool, np.int32, bool]
    assert_equal(list(snn.run(Bools(), x, mode=mode, **options)), list(expected))


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_signs_of_zeros_are_as_in_the_eager_mode(mode):
    x = Tensor(np.random.default_rng(0).standard_normal((5, N, F)).astype(np.float32))
    with np.errstate(all="ignore"):
        expected = snn.run(Zeros(), x, mode="eager")
        assert_equal(list(snn.run(Zeros(), x, mode=mode)), list(expected))
