"""The state of every neuron is explicit, checked, never changed in place, and can be carried on, to the bit."""

import functools
from collections import namedtuple

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, nn, tree
from autograd.errors import NonFiniteError, ShapeError, StateError
from tests.snn.helpers.compare import assert_equal
from tests.snn.helpers.discovered import CLASSES, WAYS, drive_of, noisy
from tests.snn.helpers.each import case, each, named

T, N, F = 6, 4, 3
CARRY_ON = "Pass the state that snn.run returned for this net, batch size and dtype, or None to start fresh."
EVERYTHING = ("v", "x", "v_before_reset")  # always, as each choice is compiled anew

RANDOM = {name: make for name, make in WAYS.items() if name.endswith("-Stochastic")}

every_way = pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
SOME = ("LIFNode", "LSNNNode-Refractory", "IzhikevichNode-Stochastic")


def every_way_in_both_modes(test, compiled=SOME):
    """Have a test for each way, which takes it step by step and as emitted Python, and one for some, compiled."""

    def run(make, modes):
        for mode in modes:
            with case(mode=mode):
                test(make, mode)

    given = [pytest.param(make, ("eager", "python"), id=f"{name}-python") for name, make in WAYS.items()]
    given += [pytest.param(make, ("compiled",), id=f"{name}-compiled") for name, make in WAYS.items() if name in compiled]
    return pytest.mark.parametrize(("make", "modes"), given)(named(run, test))


def started(node, x):
    """Return a state on the way, that of a few steps."""
    return snn.run(node, noisy(node, (3, *x.shape[1:]), x.dtype, seed=7), mode="eager")[1]


def of_samples(state, samples):
    return tree.map_leaves(lambda leaf: Tensor(np.ascontiguousarray(leaf.asnumpy()[samples])), state)


def in_bytes(state):
    return [leaf.asnumpy().tobytes() for leaf in tree.leaves(state)]


def refused(kind, *arguments, **options):
    with pytest.raises(kind) as error:
        snn.run(*arguments, **options)
    return str(error.value)


def _renamed(state):
    return namedtuple("Other", [f"other_{field}" for field in state._fields])(*state)


# What is refused


@every_way
def test_a_state_of_another_batch_shape_or_dtype_is_refused(make):
    node = make()
    net, x = nn.SequentialCell({"layer": node}), noisy(node, (T, N, F))
    state = {"layer": started(node, x)}
    for other in (x[:, :2], x[:, :1], x[:, :, :2], x[:, :, None], x.astype(np.float64)):
        v = f"{list(other.shape[1:])} {str(other.dtype).capitalize()}"
        for mode in ("eager", "compiled"):
            assert refused(StateError, net, other, state=state, mode=mode) == (
                f"layer 'layer' ({type(node).__name__}), state: expected {v}, got [{N}, {F}] Float32. {CARRY_ON}"
            )


@every_way
def test_a_state_of_another_structure_is_refused(make):
    node = make()
    net, x = nn.SequentialCell({"layer": node}), noisy(node, (T, N, F))
    state = started(node, x)
    v = Tensor(np.zeros((N, F), np.float32))
    wrong = [(v,), [v], {"v": v}, (v,) * 7]
    if not isinstance(state, Tensor):
        wrong += [list(state), state._asdict(), (*state, v), v, _renamed(state)]
        with pytest.raises(StateError, match=r"expected its State of .*, got tuple"):
            node(x[0], tuple(state))
    for other in wrong:
        text = refused(StateError, net, x, state={"layer": other})
        assert text.startswith(f"layer 'layer' ({type(node).__name__}), state: expected the structure of "), other
        assert text.endswith(CARRY_ON)
        with pytest.raises(StateError, match=r"(?s), state.*: expected .*, got .*node\.initial_state\(x\)"):
            node(x[0], other)


@every_way
def test_a_step_without_a_state_is_refused(make):
    node = make()
    with pytest.raises(StateError, match=f"{type(node).__name__}: expected an input and a state, .*, got no state"):
        node(noisy(node, (N, F)))


@every_way
def test_a_run_without_time_steps_is_refused(make):
    node = make()
    assert refused(ShapeError, node, np.zeros((0, N, F), np.float32)).startswith(
        f"snn.run, input x: expected [T, N, ...]: at least one time step, then the batch, got [0, {N}, {F}] Float32. "
    )


# What is carried on


@every_way_in_both_modes
def test_a_final_state_can_be_used_again_and_stays_as_it_was(make, mode):
    node = make()
    x = noisy(node, (T, N, F))
    state = started(node, x)
    kept = in_bytes(state)
    for leaf in tree.leaves(state):
        leaf.asnumpy().flags.writeable = False
    first = snn.run(node, x, state, record=EVERYTHING, mode=mode)
    between = in_bytes(first[1])
    snn.run(node, x, first[1], record=EVERYTHING, mode=mode)
    assert_equal(list(snn.run(node, x, state, record=EVERYTHING, mode=mode)), list(first))
    assert (in_bytes(state), in_bytes(first[1])) == (kept, between)


@every_way_in_both_modes
def test_a_run_in_two_parts_is_one_run_wherever_it_is_split(make, mode):
    node = make()
    x = noisy(node, (T, N, F))
    start = started(node, x)
    whole, after, record = snn.run(node, x, start, record=EVERYTHING, mode=mode)
    for k in range(1, T):
        first, between, early = snn.run(node, x[:k], start, record=EVERYTHING, mode=mode)
        second, last, late = snn.run(node, x[k:], between, record=EVERYTHING, mode=mode)
        assert_equal([np.concatenate([first, second]), last], [np.asarray(whole), after])
        assert_equal({key: np.concatenate([early[key], late[key]]) for key in record}, tree.map_leaves(np.asarray, record))


@every_way_in_both_modes
def test_each_sample_is_on_its_own(make, mode):
    node = make()
    x = noisy(node, (T, N, F))
    start = started(node, x)
    out, after, _ = snn.run(node, x, start, record=EVERYTHING, mode=mode)
    for samples in ([2, 0, 3, 1], [3], []):
        begun, given = of_samples(start, samples), np.ascontiguousarray(x[:, samples])
        found, last, _ = snn.run(node, given, begun, record=EVERYTHING, mode=mode)
        assert_equal([found, last], [Tensor(out.asnumpy()[:, samples]), of_samples(after, samples)])
        assert found.shape == (T, len(samples), F)


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
@pytest.mark.parametrize(
    "within",
    [lambda node: node, lambda node: nn.SequentialCell({"layer": snn.Refractory(node, 2)})],
    ids=["alone", "in a net"],
)
def test_a_fresh_run_draws_the_same_whatever_was_run_from_carried_states(make, within):
    nets = [within(make()), within(make())]
    x = noisy(make(), (T, N, F))
    for net in nets:
        _, state, _ = snn.run(net, x)
        if net is nets[0]:
            snn.run(net, x[:2], state)
            assert repr(net)
            assert refused(StateError, net, x[:, :1], state)
    fresh = [snn.run(net, x) for net in nets]
    assert_equal(list(fresh[0]), list(fresh[1]))


# What goes in


@every_way
@each(dtype=[np.float16, np.float32, np.float64])
def test_the_dtype_of_the_input_is_kept_and_the_input_stays_as_it_was(make, dtype):
    node = make()
    x = np.clip(noisy(node, (T, N, F)), -6e4, 6e4).astype(dtype)
    kept = x.tobytes()
    x.flags.writeable = False
    with np.errstate(over="ignore", invalid="ignore"):  # pA and mV are too much for a half
        out, state, record = snn.run(node, x, record=EVERYTHING, mode="eager")
        grad(lambda x: snn.run(node, x, mode="eager")[0].sum())(Tensor.wrap(x))
    seeds = [np.int32] * 2 if isinstance(node, snn.Stochastic) else []
    kinds = [leaf.dtype for leaf in tree.leaves([out, record, state])]
    assert kinds == [dtype] * (len(kinds) - len(seeds)) + seeds
    assert x.tobytes() == kept


@functools.partial(every_way_in_both_modes, compiled=SOME[:1])  # which input is compiled for does not depend on the neuron
def test_whole_numbers_are_run_as_float32(make, mode):
    node = make()
    x = np.random.default_rng(0).integers(0, 2, (T, N, F))
    start = started(node, x.astype(np.float32))

    def found(dtype):
        out, after, record = snn.run(node, x.astype(dtype), start, record=EVERYTHING, mode=mode)
        return [out, after, {name: values for name, values in record.items() if name != "x"}]  # which is as it was given

    expected = found(np.float32)
    for dtype in (bool, np.int64):
        assert_equal(found(dtype), expected)


# On the threshold, far past it, and beyond all numbers


@every_class
@each(dtype=[np.float16, np.float32, np.float64], at_threshold=[False, True])
def test_a_membrane_on_the_threshold_fires_as_it_is_told(cls, dtype, at_threshold):
    node = cls.example()
    if not node.fire:
        return
    node = cls.example(fire_at_threshold=at_threshold)
    state = node.initial_state(np.zeros((1, 3), dtype))
    threshold = np.broadcast_to(np.asarray(node.threshold(state)), (1, 3)).astype(dtype)
    v = np.stack([np.nextafter(threshold[:, 0], dtype(0)), threshold[:, 1], np.nextafter(threshold[:, 2], dtype(1e4))], 1)
    spike, _ = node.discharge(Tensor(v) if isinstance(state, Tensor) else state._replace(v=Tensor(v)))
    assert (spike.asnumpy() != 0).tolist() == [[False, at_threshold, True]]


@every_way_in_both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's own, of overflow
def test_an_input_far_past_the_threshold_leaves_all_finite_or_is_named(make, mode):
    node = make()
    net = nn.SequentialCell({"layer": node})
    for signs in ([1, 1], [-1, -1], [1, -1], [-1, 1]):
        x = (np.resize(signs, (8, 1, 1)) * 1e4 * drive_of(node)).astype(np.float32)
        found = snn.run(net, x, record=EVERYTHING, mode=mode)
        if any(not np.isfinite(leaf.array).all() for leaf in tree.leaves(found)):
            kinds = {type(cell).__name__ for _, cell in node.cells_and_names()}
            assert kinds & {"QIFNode", "AdaptiveQIFNode", "IzhikevichNode"}  # a parabola, stepped too coarsely
            text = refused(NonFiniteError, net, x, mode=mode, check=True)
            assert text.startswith(f"layer 'layer' ({type(node).__name__})")


@every_way_in_both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_finite_is_named(make, mode):
    node = make()
    net, x = nn.SequentialCell({"layer": node}), noisy(node, (T, N, F))
    start = {"layer": started(node, x)}
    spoilt = tree.map_leaves(lambda leaf: leaf + np.nan if leaf.dtype.kind == "f" else leaf, start)
    text = refused(NonFiniteError, net, x[:1], spoilt, mode=mode, check=True)
    assert text.startswith("layer 'layer")
    for value in (np.nan, np.inf, -np.inf):
        x[4, 2, 1] = value
        assert refused(NonFiniteError, net, x, start, mode=mode, check=True) == (
            f"snn.run, input x at time step 4: expected finite numbers, got {value} at [2, 1]. Clean the data before the run."
        )
