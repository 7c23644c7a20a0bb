"""A chain of replays is found again at once, and not if anything that the net or its neurons read has changed."""

import threading

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, nn, value_and_grad
from autograd.errors import CompileError
from snn.compiled import chain
from snn.compiled.plan import keep
from snn.engine import tuning

LEAK = 0.8
TABLE = {"leak": [0.8]}


class Reads(snn.Neuron):
    """A leaky neuron whose constants come from all over the place."""

    step = 1.0

    def __init__(self, where):
        super().__init__()
        self.where, self.own, self.listed = where, np.full(5, 0.8, np.float32), [0.8]

    def charge(self, v, x):
        """Leak and add."""
        leak = {
            "global": LEAK, "table": TABLE["leak"][0], "class": 0.8 * self.step, "array": self.own, "list": self.listed[0],
            "default": _leak(),
        }[self.where]  # fmt: skip
        return v * leak + x


def _leak(value=0.8):
    return value


class Wired(nn.Cell):
    """A neuron that receives its scaled input; the scale is a global."""

    def __init__(self):
        super().__init__()
        self.node = snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        """Run a step."""
        return self.node(x * LEAK, state)

    def initial_state(self, x):
        """Start at rest."""
        return self.node.initial_state(x)


CHANGES = {
    "global": lambda neuron, patch: patch.setitem(globals(), "LEAK", 0.1),
    "table": lambda neuron, patch: patch.setitem(TABLE, "leak", [0.1]),
    "class": lambda neuron, patch: patch.setattr(Reads, "step", 0.1),
    "array": lambda neuron, patch: neuron.own.fill(0.1),
    "list": lambda neuron, patch: neuron.listed.__setitem__(0, 0.1),
    "default": lambda neuron, patch: patch.setattr(_leak, "__defaults__", (0.1,)),
}


@pytest.fixture
def chains(monkeypatch):
    """Return what each call of a chain gave: whether it ran."""
    found, run = [], chain.Chain.run

    def counted(self, *arguments):
        made = run(self, *arguments)
        found.append(made is not None)
        return made

    monkeypatch.setattr(chain.Chain, "run", counted)
    return found


def net_of(where="global"):
    net = nn.SequentialCell(nn.Dense(4, 5, rng=0), Reads(where), nn.Dense(5, 3, rng=1), snn.LIFNode(beta=0.5))
    for layer in net[::2]:
        layer.weight.set_data(layer.weight * 4)
    return net


def numbers(seed=0, batch=3, dtype=np.float32):
    return Tensor(np.random.default_rng(seed).normal(0.7, 1, (6, batch, 4)).astype(dtype))


def run(net, x, **options):
    return snn.run(net, x, mode="compiled", **options)


def full(net, x, **options):
    with tuning.using(replayed=0):
        return run(net, x, **options)


def same(one, other):
    assert one.out.asnumpy().any(), "nothing fires"
    np.testing.assert_array_equal(one.out.asnumpy(), other.out.asnumpy())
    assert one.state.keys() == other.state.keys()
    for key, state in one.state.items():
        np.testing.assert_array_equal(state.asnumpy(), other.state[key].asnumpy())


@pytest.mark.parametrize("where", CHANGES)
def test_a_change_of_what_a_neuron_reads_counts(where, chains, monkeypatch):
    net, x = net_of(where), numbers()
    before = [run(net, x) for _ in range(4)][-1]
    assert chains[-1]
    same(before, full(net, x))
    CHANGES[where](net[1], monkeypatch)
    after = [run(net, x) for _ in range(4)]
    assert chains[-1]
    for each in after:
        same(each, full(net, x))
    assert (after[-1].out.asnumpy() != before.out.asnumpy()).any()


def test_a_change_of_what_the_wiring_reads_counts(chains, monkeypatch):
    net, x = Wired(), numbers()
    before = [run(net, x) for _ in range(4)][-1].out.asnumpy().copy()
    assert chains[-1]
    assert before.any()
    monkeypatch.setitem(globals(), "LEAK", 2.0)
    for _ in range(3):
        after = run(net, x).out.asnumpy()
        np.testing.assert_array_equal(after, full(net, x).out.asnumpy())
        assert (after != before).any()


def test_the_results_are_those_of_the_full_way_and_new_each_time(chains):
    net = net_of()
    for seed in range(5):
        x = numbers(seed)
        same(run(net, x), full(net, x))
    assert chains.count(True) == 3
    one, two = run(net, x), run(net, x)
    one.out.asnumpy()[:] = 7
    assert not (two.out.asnumpy() == 7).any()
    assert not one.record


def test_a_given_state_has_a_chain_of_its_own(chains):
    net, x = net_of(), numbers()
    state = None
    for _ in range(6):
        found = run(net, x, state=state)
        same(found, full(net, x, state=state))
        state = found.state
    assert chains.count(True) >= 3
    with pytest.raises(Exception, match="state"):
        run(net, x, state={"1": state["1"]})


def test_other_shapes_dtypes_and_options_do_not_meet_the_chain(chains):
    net, x = net_of(), numbers()
    for _ in range(3):
        run(net, x)
    count = chains.count(True)
    same(run(net, numbers(batch=2)), full(net, numbers(batch=2)))
    for options in ({"record": ["v"]}, {"mask": np.ones((6, 3), bool)}, {"check": True}, {"checkpoint": 2}):
        same(run(net, x, **options), full(net, x, **options))
    assert chains.count(True) == count
    repeated = Tensor(np.broadcast_to(x.asnumpy()[:1], x.shape))
    same(run(net, repeated), full(net, repeated))


def test_gradients_by_everything(chains):
    net, x = net_of(), numbers()
    step = value_and_grad(lambda x: (run(net, x).out * np.arange(3, dtype=np.float32)).sum(), 0, net.trainable_params())
    value, (by_x, by_weights) = [step(x) for _ in range(5)][-1]
    assert chains[-1]
    with tuning.using(replayed=0):
        slow, (slow_x, slow_weights) = step(x)
    assert np.array_equal(value.asnumpy(), slow.asnumpy())
    for one, other in zip((by_x, *by_weights), (slow_x, *slow_weights), strict=True):
        assert np.abs(one.asnumpy()).max() > 0
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())


def test_a_frozen_weight_and_a_hook_are_noticed(chains):
    net, x = net_of(), numbers()
    weights = net.trainable_params()
    step = value_and_grad(lambda: run(net, x).out.sum(), None, weights)
    for _ in range(4):
        step()
    assert chains[-1]
    net[0].weight.requires_grad = False
    _, gradients = step()
    assert not gradients[0].asnumpy().any()
    assert gradients[2].asnumpy().any()
    net[1].register_forward_hook(lambda cell, inputs, out: out)
    with pytest.raises(CompileError, match="hook"):
        run(net, x)


def test_a_net_that_changes_before_each_run_does_not_make_a_chain_each_time(monkeypatch):
    made, build = [], chain.Chain.__init__
    monkeypatch.setattr(chain.Chain, "__init__", lambda self, *arguments: (made.append(1), build(self, *arguments))[1])
    net, x = net_of(), numbers()
    for epoch in range(16):
        net.epoch = epoch
        same(run(net, x), full(net, x))
    assert len(made) == 2
    for _ in range(12):
        run(net, x)
    assert len(made) == 3


def released():
    view = memoryview(bytearray(b"abc"))
    view.release()
    return view


class Odd(type):
    """A class that does not show what it holds."""

    def __getattribute__(cls, name):
        if name == "__dict__":
            raise RuntimeError(name)
        return super().__getattribute__(name)


UNREAD = {
    "an array": lambda: np.zeros(1000, np.float32), "arrays": lambda: [np.zeros(1000, np.float32), {"a": np.zeros(3)}],
    "a released view": released, "an odd class": lambda: Odd("Some", (), {})(), "a set": lambda: {1, 2},
    "a thread": threading.current_thread, "an array of objects": lambda: np.array([object()]), "itself": list,
}  # fmt: skip


@pytest.mark.parametrize("what", UNREAD)
@pytest.mark.parametrize("place", ["net", "layer"])
def test_what_nothing_reads_is_neither_compared_nor_a_hindrance(what, place, chains):
    net, x, thing = net_of(), numbers(), UNREAD[what]()
    if what == "itself":
        thing.append(thing)
    (net if place == "net" else net[0]).thing = thing
    found = [run(net, x) for _ in range(4)][-1]
    assert chains[-1]
    same(found, full(net, x))
    (part,) = next(iter(net.kept()["chains"].values())).watched
    assert not any(array is thing or (isinstance(thing, list) and array is thing[0]) for array in part._watched.arrays)
    assert not any("thing" in path for path in part._watched.found)


def test_a_released_view_in_a_neuron_is_no_hindrance(chains):
    net, x = net_of(), numbers()
    net[1].view = memoryview(bytearray(b"abc"))
    same(run(net, x), full(net, x))
    net[1].view.release()
    found = [run(net, x) for _ in range(4)][-1]
    assert chains[-1]
    same(found, full(net, x))


def deeper():
    """Return a net with a chain in a chain, and with layers in a list."""
    net = nn.SequentialCell(nn.Dense(4, 5, rng=0), nn.SequentialCell(Reads("global"), nn.Dense(5, 3, rng=1)))
    net.more = [snn.LIFNode(beta=0.5), [nn.Dense(3, 3, rng=2), snn.LIFNode(beta=0.25, fire=False)]]
    for layer in (net[0], net[1][1], net[3]):
        layer.weight.set_data(layer.weight * 4)
    return net


PARTS = {
    "a layer": lambda net: setattr(net, "0", nn.Dense(4, 5, rng=7, weight_init=4.0)),
    "a layer inside": lambda net: net[1].append(snn.LIFNode(beta=0.1)),
    "a layer in a list": lambda net: net.more.insert(1, snn.LIFNode(beta=0.1)),
    "a layer in a list in a list": lambda net: net.more[1].append(snn.LIFNode(beta=0.1)),
    "a weight": lambda net: setattr(net[3], "weight", Parameter(-net[3].weight.asnumpy())),
    "a bias": lambda net: setattr(net[0], "bias", Parameter(np.full(5, 3, np.float32))),
    "a class": lambda net: setattr(net[2], "__class__", snn.IFNode),
}


@pytest.mark.parametrize("what", PARTS)
def test_a_change_of_the_parts_of_a_net_counts(what, chains):
    net, x = deeper(), numbers()
    before = [run(net, x) for _ in range(4)][-1].out.asnumpy()
    assert chains[-1]
    assert before.any()
    PARTS[what](net)
    for _ in range(3):
        found = run(net, x).out.asnumpy()
        np.testing.assert_array_equal(found, full(net, x).out.asnumpy())
    assert found.shape != before.shape or (found != before).any()


def test_a_key_that_is_there_evicts_no_other():
    known = dict.fromkeys(range(4), 0)
    keep(known, 2, 1, 4)
    assert known == {0: 0, 1: 0, 2: 1, 3: 0}
    keep(known, 4, 1, 4)
    assert list(known) == [1, 2, 3, 4]
    few = {}
    for key in range(4):
        keep(few, key, 0, 4)
    assert len(few) == 4


def test_threads_that_keep_at_once():
    known, errors = {}, []

    def work(first):
        try:
            for k in range(3000):
                keep(known, (first, k), k, 2)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert 1 <= len(known) <= 6
