"""Saved values come back to the bit, or an error says why they do not fit and nothing has changed."""

from typing import NamedTuple

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, nn, optim, value_and_grad
from autograd.errors import CellError, CheckpointError, DTypeError, WriteError
from snn.checkpoint import load, save
from snn.checkpoint.container import encode, read


class State(NamedTuple):
    v: object
    a: object


def build(seed=0, hidden=6, dtype=np.float32):
    rng = np.random.default_rng(seed)
    decay = Parameter(np.full(hidden, 0.9, dtype))
    return nn.SequentialCell(
        nn.Dense(4, hidden, dtype=dtype, rng=rng), snn.LIFNode(beta=decay), nn.Dropout(p=0.2, rng=seed + 1),
        nn.Dense(hidden, 3, dtype=dtype, rng=rng), snn.LIFNode(beta=0.8),
    )  # fmt: skip


def train(net, optimizer, rng, steps=3):
    """Make some steps; return the bits of all that they change."""
    net.set_train()

    def loss(x, labels):
        return snn.losses.count_cross_entropy(snn.run(net, snn.encode.rate(x, 5, rng), mode="eager").out, labels)

    for _ in range(steps):
        value, gradients = value_and_grad(loss, None, optimizer.params)(rng.random((8, 4)), rng.integers(0, 3, 8))
        assert any(g.asnumpy().any() for g in gradients)
        optimizer(gradients)
    return bits(net, optimizer, rng) | {"loss": value.item()}


def bits(net, optimizer, rng):
    dropout = net[2].rng.bit_generator.state
    found = {**net.state_dict(), **optimizer.state_dict()}
    return {n: np.asarray(v).tobytes() for n, v in found.items()} | {"rng": rng.bit_generator.state, "dropout": dropout}


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1, momentum=0.9),
    "Adam": lambda p: optim.Adam(p, optim.schedules.cosine(0.05, 20)),
    "AdamW": lambda p: optim.AdamW(p, 0.05, weight_decay=0.1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_goes_on_with_the_same_bits(tmp_path, kind, dtype):
    rng, net = np.random.default_rng(7), build(dtype=dtype)
    optimizer = OPTIMIZERS[kind](net.trainable_params())
    train(net, optimizer, rng)
    save(tmp_path / "a.safetensors", net=net, optimizer=optimizer, rng=rng)
    expected = train(net, optimizer, rng)
    other_rng, other = np.random.default_rng(99), build(5, dtype=dtype)
    other_optimizer = OPTIMIZERS[kind](other.trainable_params())
    saved = load(tmp_path / "a.safetensors", net=other, optimizer=other_optimizer, rng=other_rng)
    assert saved == {"net": other, "optimizer": other_optimizer, "rng": other_rng}
    assert train(other, other_optimizer, other_rng) == expected


def test_the_state_of_neurons_is_carried_over(tmp_path):
    rng, net = np.random.default_rng(0), build()
    x = rng.random((10, 2, 4), np.float32) * 3
    whole = snn.run(net, x, mode="eager")
    assert whole.out.asnumpy().any()
    half = snn.run(net, x[:5], mode="eager")
    save(tmp_path / "a", state=half.state)
    state = load(tmp_path / "a", state=snn.initial_state(net, Tensor(x[0])))["state"]
    np.testing.assert_array_equal(snn.run(net, x[5:], state=state, mode="eager").out, whole.out.asnumpy()[5:])


VALUES = {
    "none": None, "bools": [True, False], "ints": [0, -1, 1 << 200], "text": 'ä"\n\ud800', "empty": [[], (), {}],
    "floats": [0.1, -0.0, 1e-320, float("inf"), float("-inf")], "nested": {"a": ({"b": [1, (2.5, "c")]},), "a/b": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_plain_value_comes_back_as_it_was(tmp_path, name):
    save(tmp_path / "a", value=VALUES[name])
    found = load(tmp_path / "a")["value"]
    assert (found, repr(found)) == (VALUES[name], repr(VALUES[name]))


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 2), (2, 3, 4)])
def test_an_array_comes_back_to_the_bit(tmp_path, dtype, shape):
    rng = np.random.default_rng(0)
    array = (rng.integers(0, 2, shape) * 3).astype(dtype)
    given = [array, np.asarray(array, np.dtype(dtype).newbyteorder(">")), array.T, array[..., ::-1] if shape else array]
    save(tmp_path / "a", given=given, tensor=Tensor(array), scalar=np.dtype(dtype).type(1))
    found = load(tmp_path / "a")
    for a, b in zip([*given, array], [*found["given"], found["tensor"]], strict=True):
        assert (b.dtype, b.shape, b.tobytes()) == (np.dtype(dtype), a.shape, a.astype(dtype).tobytes())
    assert (found["scalar"], type(found["scalar"])) == (np.dtype(dtype).type(1), np.dtype(dtype).type)


def test_arrays_whose_paths_are_alike_are_kept_apart(tmp_path):
    value = {"a/b": np.array(1), "a": {"b": np.array(2)}, "__metadata__": np.array(3), "\ud800": np.array(4)}
    save(tmp_path / "a", value=value, __metadata__=np.array(5))
    found = load(tmp_path / "a")
    assert (found["value"], found["__metadata__"]) == (value, 5)


def test_not_a_number_comes_back(tmp_path):
    save(tmp_path / "a", value=[float("nan"), np.float32("nan")])
    assert np.isnan(load(tmp_path / "a")["value"]).all()


def test_equal_states_make_equal_files(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / name, net=build(), rng=np.random.default_rng(0), config={"x": 1, "y": [2.5]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_read_its_arrays(tmp_path):
    from safetensors.numpy import load_file

    net = build()
    save(tmp_path / "a", net=net)
    found = load_file(tmp_path / "a")
    assert {name: a.tobytes() for name, a in found.items()} == {f"net/{n}": a.tobytes() for n, a in net.state_dict().items()}


KINDS = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_goes_on_bit_for_bit_and_spawns_the_same(tmp_path, kind):
    def generator():
        return np.random.Generator(getattr(np.random, kind)(3))

    rng = generator()
    rng.spawn(2)
    rng.integers(0, 10, 3, np.uint32)  # of 64 bits half a word is left
    save(tmp_path / "a", rng=rng)
    expected = [rng.integers(0, 1 << 30, 9, np.uint32), rng.standard_normal(5), rng.spawn(1)[0].random(3)]
    other = generator()
    for again in (load(tmp_path / "a", rng=other)["rng"], load(tmp_path / "a")["rng"]):
        found = [again.integers(0, 1 << 30, 9, np.uint32), again.standard_normal(5), again.spawn(1)[0].random(3)]
        assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]


def test_the_generators_of_a_net_are_found_in_its_attributes_and_lists_each_once(tmp_path):
    class Holds(nn.Cell):
        def __init__(self, seed):
            super().__init__()
            shared = np.random.default_rng(seed)
            self.rngs, self.drop = [shared, {"a": np.random.default_rng(seed + 1)}], nn.Dropout(p=0.5, rng=shared)

        def draw(self):
            return [self.rngs[0].random(), self.rngs[1]["a"].random(), self.drop.rng.random()]

    net, other = Holds(0), Holds(7)
    net.draw()
    save(tmp_path / "a", net=net)
    load(tmp_path / "a", net=other)
    assert other.draw() == net.draw()
    other.drop.rng = np.random.default_rng(0)
    with pytest.raises(
        CheckpointError, match=r"net: expected generators in rngs.0, rngs.1.a, got a net that has them in drop"
    ):
        load(tmp_path / "a", net=other)


# Attributes


def of_attributes(seed=0):
    rng = np.random.default_rng(seed)
    return nn.SequentialCell(
        snn.LearntDelays(3, 4, 5, rng=rng), snn.MaskedPSN(4, 2, rng=rng), snn.Dropout(0.1, rng=1), nn.Dropout(0.2, rng=2),
        snn.DelayedDense(4, 2, rng.integers(0, 3, (2, 4)), rng=rng), snn.Delay([0, 1]),
    )  # fmt: skip


def test_attributes_that_training_changes_are_saved_with_the_weights(tmp_path):
    net, other = of_attributes(), of_attributes(1)
    net[0].sigma, net[1].lambda_, net[2].p, net[3].p, net[5].delay = 0.75, 0.5, 0.0, np.float32(0.3), [2, 1]
    save(tmp_path / "a", net=net)
    saved = load(tmp_path / "a", net=other)["net"]
    assert (saved[0].sigma, saved[1].lambda_, saved[2].p, saved[3].p) == (0.75, 0.5, 0.0, np.float32(0.3))
    assert isinstance(saved[3].p, np.float32)
    assert np.array_equal(saved[4].delay, net[4].delay)
    assert (saved[5].steps, *saved[5].delay) == (2, 2, 1)
    x = np.random.default_rng(2).random((4, 2, 3), np.float32)
    assert snn.run(other, x).out.asnumpy().tobytes() == snn.run(net, x).out.asnumpy().tobytes()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda net: setattr(net[5], "delay", [0, 1, 2]), r"net, 5.delay: expected .*\[2\].*, as it was saved, got .*\[3\]"),
        (
            lambda net: net.append(snn.Delay(1)),
            r"net: expected a net with the attributes 0.sigma, .*, got one with .*, 6.delay",
        ),
    ],
)
def test_attributes_that_do_not_fit_are_refused_and_nothing_is_set(tmp_path, change, text):
    net, other = of_attributes(), of_attributes(1)
    net[0].sigma = 0.75
    save(tmp_path / "a", net=net)
    change(other)
    before = other.state_dict()
    with pytest.raises(CheckpointError, match=text):
        load(tmp_path / "a", net=other)
    assert other[0].sigma == 2.5
    assert all(np.array_equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_file_without_attributes_leaves_those_of_the_net_and_says_so(tmp_path):
    net = of_attributes()
    save(tmp_path / "a", net=net)
    content, arrays = read(tmp_path / "a")
    assert {*content["net"]["cell"].pop("attributes")} == {"0.sigma", "1.lambda_", "2.p", "3.p", "4.delay", "5.delay"}
    (tmp_path / "b").write_bytes(encode(content, arrays, "test"))
    net[0].sigma = 0.75
    with pytest.warns(UserWarning, match=r"net: an older file without attributes: 0.sigma, .*, 5.delay keep the values of"):
        load(tmp_path / "b", net=net)
    assert net[0].sigma == 0.75
    save(tmp_path / "a", net=nn.Dense(2, 2))
    content, arrays = read(tmp_path / "a")
    assert content["net"]["cell"].pop("attributes") == {}
    (tmp_path / "b").write_bytes(encode(content, arrays, "test"))
    load(tmp_path / "b", net=nn.Dense(2, 2))  # nothing is missing: no warning


def test_a_name_that_is_no_attribute_is_an_error(tmp_path):
    class Wrong(nn.Dense):
        checkpointed = ("width",)

    with pytest.raises(CellError, match="Wrong: expected an attribute 'width', as its `checkpointed` says, got none"):
        save(tmp_path / "a", net=Wrong(2, 2))
    net = Wrong(2, 2)
    net.width = "wide"
    with pytest.raises(DTypeError, match="Wrong, width: expected numbers"):
        save(tmp_path / "a", net=net)
    assert not list(tmp_path.iterdir())


class Holds(nn.Dense):
    """A layer with an attribute of any kind."""

    checkpointed = ("kept",)

    def __init__(self, kept):
        super().__init__(2, 2, rng=0)
        self.kept = kept


class HoldsMore(Holds):
    checkpointed = ("more",)

    def __init__(self, kept, more):
        super().__init__(kept)
        self.more = more


def test_a_subclass_adds_to_the_attributes_of_its_parents(tmp_path):
    save(tmp_path / "a", net=HoldsMore(1.5, 2.5))
    net = HoldsMore(0.5, 0.5)
    load(tmp_path / "a", net=net)
    assert (net.kept, net.more) == (1.5, 2.5)


@pytest.mark.parametrize("names", ["kept", ("kept", 3), None])
def test_names_that_are_no_tuple_are_refused(tmp_path, names):
    wrong = type("Wrong", (Holds,), {"checkpointed": names})
    with pytest.raises(CellError, match=r"Wrong: expected `checkpointed` as a tuple of names, got .*comma"):
        save(tmp_path / "a", net=wrong(1.0))


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        (np.inf, 1.0), (np.nan, 1.0), (True, False), (3, 4), (2, 0.5), (np.float32(0.3), 0.5), (np.array(1.5), np.array(0.5)),
        (np.array([np.inf, np.nan]), np.ones(2)), (np.arange(3), np.zeros(3, int)), (Tensor(1.0), Tensor(0.0)),
        (Tensor([1.0, 2.0]), Tensor([0.0, 0.0])),
    ],
)  # fmt: skip
def test_an_attribute_comes_back_in_its_kind_and_dtype(tmp_path, saved, now):
    net = Holds(now)
    save(tmp_path / "a", net=Holds(saved))
    load(tmp_path / "a", net=net)
    assert type(net.kept) is type(saved)
    np.testing.assert_array_equal(np.asarray(net.kept), np.asarray(saved), strict=True)


@pytest.mark.parametrize(
    ("saved", "now"),
    [
        (1.5, 3), (True, 3), (3, True), (np.zeros(2), np.zeros(2, np.float32)), (np.zeros(2), Tensor(np.zeros(2, np.float32))),
        (np.float64(1.0), np.float32(1.0)), (np.array(1.0), 1.0), (1.0, np.array(1.0)), (np.zeros(1), np.array(1.0)),
    ],
)  # fmt: skip
def test_an_attribute_of_another_kind_or_dtype_is_refused(tmp_path, saved, now):
    net = Holds(now)
    save(tmp_path / "a", net=Holds(saved))
    with pytest.raises(CheckpointError, match=r"net, kept: expected .*, as it was saved, got .*Nothing was loaded"):
        load(tmp_path / "a", net=net)
    assert net.kept is now


@pytest.mark.parametrize("kept", [[1.0, 2.0], (1.0, 2.0)])
def test_sequences_as_attributes_are_refused_with_what_to_use(tmp_path, kept):
    with pytest.raises(DTypeError, match=r"Holds, kept: expected a number, an array or a Tensor.*np\.array\(values\)"):
        save(tmp_path / "a", net=Holds(kept))
    save(tmp_path / "a", net=Holds(np.ones(2)))
    with pytest.raises(DTypeError, match="Holds, kept: expected a number"):
        load(tmp_path / "a", net=Holds(kept))


class InPlace(nn.Dense):
    """Writes assigned values into its own array."""

    checkpointed = ("first", "second")

    def __init__(self, first, second):
        super().__init__(2, 2, rng=int(first))
        self.own, self.refuses = np.array([first, second]), None

    @property
    def first(self):
        return self.own[:1]

    @first.setter
    def first(self, value):
        self.own[:1] = value

    @property
    def second(self):
        return self.own[1:]

    @second.setter
    def second(self, value):
        if self.refuses is not None and value[0] == 8.0:
            raise self.refuses
        self.own[1:] = value
        if self.refuses is not None and value[0] != 9.0:
            raise self.refuses


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("no"), ZeroDivisionError("no")])
def test_nothing_is_loaded_where_a_setter_refuses_a_value(tmp_path, error):
    save(tmp_path / "a", one=InPlace(1.0, 2.0), two=InPlace(3.0, 4.0))
    one, two = InPlace(5.0, 6.0), InPlace(7.0, 9.0)
    two.refuses = error
    before = one.weight.asnumpy().copy(), two.weight.asnumpy().copy()
    text = rf"two, second: expected a value that InPlace takes, got .*{type(error).__name__}: .*Nothing was loaded"
    with pytest.raises(CheckpointError, match=text):
        load(tmp_path / "a", one=one, two=two)
    assert [*one.own, *two.own] == [5.0, 6.0, 7.0, 9.0]
    assert np.array_equal(before[0], one.weight)
    assert np.array_equal(before[1], two.weight)
    two = InPlace(7.0, 8.0)  # it refuses its old value, too
    two.refuses = error
    with pytest.raises(CheckpointError, match="old values of second could not be put back: build the net anew") as found:
        load(tmp_path / "a", one=one, two=two)
    assert "Nothing was loaded" not in str(found.value)
    save(tmp_path / "b", one=InPlace(1.0, 9.0), two=InPlace(3.0, 4.0))
    one, two.own[1] = InPlace(5.0, 8.0), 9.0
    one.refuses = error
    with pytest.raises(CheckpointError, match=r"take their old values again after an error, got second, and: .*two, second"):
        load(tmp_path / "b", one=one, two=two)
    one.refuses = two.refuses = None
    load(tmp_path / "a", one=one, two=two)
    assert [*one.own, *two.own] == [1.0, 2.0, 3.0, 4.0]


def test_a_generator_that_would_spawn_others_is_refused(tmp_path):
    rng = np.random.default_rng(3)
    rng.spawn(1)
    save(tmp_path / "a", rng=rng)
    with pytest.raises(CheckpointError, match=r"the generator of entropy 3 that has spawned 1 others, got one of entropy 4"):
        load(tmp_path / "a", rng=np.random.default_rng(4))


# What does not fit

SAVED = {"net": build(), "rng": np.random.default_rng(0), "config": {"a": 1}, "state": State(np.zeros(2), np.zeros(2))}
MISFITS = {
    "a name that is not there": ({"nets": build()}, r"expected the parts 'nets', got one with 'net', 'rng', 'config'"),
    "another shape": ({"net": build(hidden=7)}, r"net: expected weights for each Parameter, of its shape, got 0.weight is"),
    "another dtype": ({"net": build(dtype=np.float64)}, r"net, 0.weight: expected .*Float32, as it was saved, got float64"),
    "another net": ({"net": nn.Dense(4, 6)}, r"net: expected generators in 2.rng, got a net that has them in none"),
    "another name": ({"net": nn.SequentialCell(*build()[:4], nn.Dense(3, 3))}, r"missing: 4.weight, 4.bias"),
    "a generator for a net": ({"net": np.random.default_rng(0)}, r"net: expected a Cell, got a generator"),
    "an optimizer for a net": ({"net": optim.SGD(build().trainable_params())}, r"net: expected a Cell, got an optimizer"),
    "a net for a value": ({"config": build()}, r"config: expected a value to compare with a saved dict, got a Cell"),
    "another generator": (
        {"rng": np.random.Generator(np.random.SFC64(0))}, r"rng: expected a generator of PCG64, got one of SFC64",
    ),
    "another dict": ({"config": {"b": 1}}, r"config: expected a dict of a, got a dict of b"),
    "another type": ({"config": {"a": 1.0}}, r"config/a: expected 1 or another of its type"),
    "a tuple for a named one": ({"state": (np.zeros(2), np.zeros(2))}, r"expected a NamedTuple of v, a, got a tuple of 2"),
    "another shape of a state": ({"state": State(np.zeros(2), np.zeros(3))}, r"state/a: expected .*\[2\].*, got .*\[3\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_refused_and_nothing_is_set(tmp_path, name):
    save(tmp_path / "a", **SAVED)
    parts, text = MISFITS[name]
    net, rng = build(5), np.random.default_rng(5)
    before, state = net.state_dict(), rng.bit_generator.state
    # Parts that fit come first.
    given = {"net": net, "rng": rng} | parts
    with pytest.raises(CheckpointError, match=text) as error:
        load(tmp_path / "a", **given)
    assert "Nothing was loaded." in str(error.value)
    assert all(np.array_equal(value, before[key]) for key, value in net.state_dict().items())
    assert rng.bit_generator.state == state


def test_nothing_is_set_where_the_last_part_does_not_fit(tmp_path):
    net = build()
    save(tmp_path / "a", net=net, optimizer=optim.Adam(net.trainable_params()))
    other = build(5)
    before = other.state_dict()
    for wrong, text in (
        (optim.SGD(other.trainable_params()), "expected the optimizer Adam, got SGD"),
        (optim.Adam(other.trainable_params()[:2]), "a mismatch in"),
        (
            optim.Adam(other.trainable_params()[::-1]),
            r"in the order of the saved state: 0\.weight, 0\.bias.*got another order",
        ),
    ):
        with pytest.raises(CheckpointError, match=text):
            load(tmp_path / "a", net=other, optimizer=wrong)
        assert all(np.array_equal(value, before[key]) for key, value in other.state_dict().items())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    net = build()
    net[0].weight.set_data(np.full((6, 4), np.nan, np.float32))
    save(tmp_path / "a", net=net)
    with pytest.raises(CheckpointError, match=r"net: expected .*, got 0.weight has NaN or infinity"):
        load(tmp_path / "a", net=build())
    assert np.isnan(load(tmp_path / "a")["net"]["0.weight"]).all()


def test_other_options_of_an_optimizer_are_said(tmp_path):
    net = build()
    save(tmp_path / "a", optimizer=optim.SGD(net.trainable_params(), 0.1))
    other = optim.SGD(net.trainable_params(), 0.2)
    with pytest.warns(
        UserWarning, match=r"saved with the options of SGD\(.*lr=0\.1.*; it keeps its own, SGD\(.*lr=0\.2"
    ) as caught:
        load(tmp_path / "a", optimizer=other)
    assert caught[0].filename == __file__
    assert other.lr == 0.2


def itself():
    found = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "expected numbers, text, arrays"),
        ({1: 2}, "dicts with names"),
        ({1, 2}, "expected numbers, text, arrays"),
        (np.zeros(2, complex), "expected an array of bool"),
        (np.array(["a"]), "expected an array of bool"),
        (itself(), "at most 50 containers inside one another"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_what_was_there_stays(tmp_path, value, text):
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match=text) as error:
        save(tmp_path / "a", fits=1, value={"inside": value})
    assert f"{tmp_path / 'a'}, value/inside" in str(error.value)
    assert "Nothing was written." in str(error.value)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(WriteError, match=r"expected a writable directory with free space, got No such file or directory"):
        save(tmp_path / "none" / "a", value=1)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"checkpoint .*a: expected a file that can be read, got No such file"):
        load(tmp_path / "a")


def test_a_forged_file_of_other_parts_is_an_error_of_ours(tmp_path):
    from snn.checkpoint.container import encode

    for content in (
        {"x": {"cell": 1}}, {"x": {"cell": {}}}, {"x": {"array": "none"}}, {"x": {"wings": 2}}, {"x": {}},
        {"x": {"a": 1, "b": 2}}, {"x": {"generator": {"state": 1, "born": None}}}, {"x": {"float": "x"}}, [1], 5, None,
    ):  # fmt: skip
        (tmp_path / "a").write_bytes(encode(content, {}, "here"))
        for parts in ({}, {"x": build()}, {"x": np.random.default_rng(0)}, {"x": 1}):
            with pytest.raises(CheckpointError):
                load(tmp_path / "a", **parts)


def test_a_parameter_is_set_wherever_it_stands(tmp_path):
    w, b = Parameter(np.arange(3.0)), Parameter(np.ones(2, np.float32))
    save(tmp_path / "a", w=w, more={"b": [b]})
    w.set_data(np.zeros(3)), b.set_data(np.zeros(2))
    found = load(tmp_path / "a", w=w, more={"b": [b]})
    assert found["w"] is w
    assert found["more"]["b"][0] is b
    assert (w.asnumpy().tolist(), b.asnumpy().tolist()) == ([0, 1, 2], [1, 1])
    w.set_data(np.full(3, 5.0))  # it is its own
    assert load(tmp_path / "a")["w"].tolist() == [0, 1, 2]


def test_a_parameter_is_not_set_if_anything_does_not_fit(tmp_path):
    w = Parameter(np.arange(3.0))
    save(tmp_path / "a", w=w, n=1)
    other = Parameter(np.zeros(3))
    with pytest.raises(CheckpointError, match="n: expected 1 or another of its type"):
        load(tmp_path / "a", w=other, n="one")
    assert not other.asnumpy().any()
    for wrong in (Parameter(np.zeros(2)), Parameter(np.zeros(3, np.float32))):
        with pytest.raises(CheckpointError, match="a, w: expected "):
            load(tmp_path / "a", w=wrong)
        assert not wrong.asnumpy().any()
    save(tmp_path / "nan", w=np.array([0, np.nan, 1]))
    with pytest.raises(CheckpointError, match="finite numbers for a Parameter, got NaN or infinity"):
        load(tmp_path / "nan", w=other)
    assert not other.asnumpy().any()


def test_a_dict_may_have_its_names_in_another_order(tmp_path):
    save(tmp_path / "a", c={"a": 1, "b": {"x": np.arange(2), "y": "text"}})
    found = load(tmp_path / "a", c={"b": {"y": "", "x": np.zeros(2, int)}, "a": 0})["c"]
    assert (list(found), list(found["b"])) == (["b", "a"], ["y", "x"])
    assert (found["a"], found["b"]["y"], found["b"]["x"].tolist()) == (1, "text", [0, 1])
    with pytest.raises(CheckpointError, match="a dict of a, b"):
        load(tmp_path / "a", c={"b": {}, "c": 0})
