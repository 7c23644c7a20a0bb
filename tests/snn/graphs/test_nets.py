"""Nets that wire their neurons themselves run as loops, with the results of the eager mode."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops, tree, value_and_grad
from autograd.errors import ArgumentError, CellError, ShapeError
from tests.snn.helpers.wired import NETS

T, N = 9, 4


def whole(net):
    """Give weights values whose sums are exact, so that spikes are the same to the bit."""
    rng = np.random.default_rng(5)
    for p in net.get_parameters():
        p.set_data((rng.integers(-2, 4, p.shape) * 0.25).astype(p.dtype))
    return net


def spikes(dtype=np.float32, features=5, seed=1):
    return Tensor((np.random.default_rng(seed).random((T, N, features)) < 0.6).astype(dtype))


def a_mask():
    mask = np.ones((T, N), bool)
    mask[6:, 1] = mask[:2, 2] = mask[:, 3] = False
    return mask


def scored(net, x, state=None, **options):
    """Return all that a run gives, and the gradients of a score of it by the input, the state and the weights."""
    start = tree.leaves(state)

    def score(x, *leaves):
        given = None if state is None else tree.unflatten(state, iter(leaves))
        out, after, record = snn.run(net, x, given, **options)
        found = [*tree.leaves(out), *tree.leaves(after), *(record[key] for key in sorted(record))]
        rng, total = np.random.default_rng(3), 0.0
        for leaf in found:
            if leaf.dtype.kind == "f":
                total = total + (leaf * Tensor(rng.standard_normal(leaf.shape).astype(leaf.dtype))).sum()
        return total, (found, sorted(record))

    inputs = [x] if state is None else [x, *start]
    run = value_and_grad(score, tuple(range(len(inputs))), weights=net.trainable_params(), has_aux=True)
    (_, (found, names)), (by_input, by_weight) = run(*inputs)
    return found, names, [*by_input, *by_weight]


def assert_agrees(net, x, mode, state=None, close=0.0, **options):
    """Compare a mode with the eager one: values to the bit or so close, gradients to rounding; return the eager ones."""
    expected, names, gradients = scored(net, x, state, mode="eager", **{k: v for k, v in options.items() if k != "checkpoint"})
    found, found_names, found_gradients = scored(net, x, state, mode=mode, **options)
    assert found_names == names
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=close, atol=close)
    for got, want in zip(found_gradients, gradients, strict=True):
        size = float(np.abs(want.asnumpy()).max())
        np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=1e-4, atol=1e-5 * max(1.0, size))
    return expected, gradients


every_net = pytest.mark.parametrize("name", NETS)


@every_net
@pytest.mark.parametrize("masked", [False, True])
def test_a_net_gives_what_the_eager_mode_gives(name, masked):
    net = whole(NETS[name]())
    found, gradients = assert_agrees(net, spikes(), "python", mask=a_mask() if masked else None)
    assert 0.02 < np.mean(found[0].asnumpy() != 0) < 1.0
    assert all(np.abs(g.asnumpy()).max() > 0 for g in gradients)


@every_net
def test_compiled_loops_give_the_same(name):
    assert_agrees(whole(NETS[name]()), spikes(), "compiled")


@every_net
def test_float64_is_kept(name):
    net = whole(NETS[name]())
    for p in net.get_parameters():
        p._values = p._values.astype(np.float64)
    assert_agrees(net, spikes(np.float64), "python")


@every_net
def test_a_run_in_two_parts_is_one_run(name):
    net, x = whole(NETS[name]()), spikes()
    whole_out, end, _ = snn.run(net, x, mode="python")
    first, state, _ = snn.run(net, x[:4], mode="python")
    second, last, _ = snn.run(net, x[4:], state, mode="python")
    np.testing.assert_array_equal(ops.concat([first, second]).asnumpy(), whole_out.asnumpy())
    for a, b in zip(tree.leaves(end), tree.leaves(last), strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    assert_agrees(net, x[4:], "python", state=state)


@every_net
@pytest.mark.parametrize("length", [1, 4])
def test_checkpoints_give_the_same_bits(name, length):
    net, x = whole(NETS[name]()), spikes()
    expected = scored(net, x, mode="python")
    found = scored(net, x, mode="python", checkpoint=length)
    for a, b in zip((*expected[0], *expected[2]), (*found[0], *found[2]), strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in NETS if name != "shared"])
def test_what_is_recorded_is_that_of_the_eager_mode(name):
    assert_agrees(whole(NETS[name]()), spikes(), "python", record=("v", "x", "spike", "v_before_reset"), mask=a_mask())


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_what_is_recorded_of_a_neuron_that_is_used_twice_is_an_error(mode):
    with pytest.raises(ArgumentError, match="node"):
        snn.run(NETS["shared"](), spikes(), record=["v"], mode=mode)


@pytest.mark.parametrize("name", ["feedback", "excitation and inhibition", "trace"])
def test_second_order_is_that_of_the_eager_run(name):
    net, x = whole(NETS[name]()), spikes()[:4]
    found = []
    for mode in ("eager", "python"):

        def score(x, mode=mode):
            out, state, _ = snn.run(net, x, mode=mode)
            return (out * out).sum() + sum((leaf * leaf).sum() for leaf in tree.leaves(state))

        def slope(x, score=score):
            by_input, by_weight = grad(score, 0, weights=net.trainable_params())(x)
            return (by_input * by_input).sum() + sum((g * g).sum() for g in by_weight)

        found.append(grad(slope, 0, weights=net.trainable_params())(x))
    (x1, w1), (x2, w2) = found
    assert np.abs(x1.asnumpy()).max() > 0
    for want, got in zip((x1, *w1), (x2, *w2), strict=True):
        np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=1e-4, atol=1e-4 * np.abs(want.asnumpy()).max())


class TwoOutputs(Cell):
    """Spikes of two layers by name."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.fc = snn.LIFNode(beta=0.75), snn.IFNode(), nn.Dense(5, 4, rng=0)

    def initial_state(self, x):
        return ops.zeros((len(x), 5), x.dtype), ops.zeros((len(x), 4), x.dtype)

    def construct(self, x, state):
        s, v = self.first(x, state[0])
        t, w = self.second(self.fc(s) * 3, state[1])
        return {"first": s, "second": t}, (v, w)


@pytest.mark.parametrize("masked", [False, True])
def test_several_outputs_come_in_the_structure_of_the_net(masked):
    net, x, seen = TwoOutputs(), Tensor(np.random.default_rng(0).random((T, 4, 5)).astype(np.float32)), []
    for mode in ("eager", "python"):

        def loss(x, mode=mode):
            out = snn.run(net, x, mode=mode, mask=a_mask()[:T] if masked else None).out
            seen.append([out["first"].asnumpy(), out["second"].asnumpy()])
            return out["first"].sum() + 2 * (out["second"] * x[:, :, :4]).sum()

        by_x, by_weights = grad(loss, 0, net.trainable_params())(x)
        seen[-1] += [by_x.asnumpy(), *(g.asnumpy() for g in by_weights)]
    for eager, compiled in zip(*seen, strict=True):
        assert np.abs(eager).max() > 0
        np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-6)


class AbsorbedConstant(Cell):
    """A value of Parameters alone that a neuron and others read."""

    def __init__(self):
        super().__init__()
        self.lif, self.w = snn.LIFNode(beta=0.75), Parameter(np.array([0.5, 1.0, 1.5], np.float32))

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, state):
        w = self.w * 2
        out, state = self.lif(x * w, state)
        return {"sum": out + ops.cumsum(w, axis=0), "row": ops.reshape(w, (3, 1))}, state


class Twice(Cell):
    """A layer of inputs and outputs by name, called with the same shapes in other orders."""

    def construct(self, parts):
        return {name: part * (k + 1) for k, (name, part) in enumerate(parts.items())}


class ByName(Cell):
    def __init__(self):
        super().__init__()
        self.lif, self.twice = snn.LIFNode(beta=0.75), Twice()

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, state):
        out, state = self.lif(x * 2, state)
        first, second = self.twice({"a": x, "b": out}), self.twice({"b": x, "a": out})
        return first["a"] + 3 * first["b"] + 5 * second["a"] + 7 * second["b"], state


class Halves(Cell):
    def construct(self, x):
        return x * 2, x + 1


class HalvesAtOnce(Halves):
    per_sample = True


class SeveralFromOne(Cell):
    def __init__(self, halves):
        super().__init__()
        self.lif, self.halves = snn.LIFNode(beta=0.75), halves

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, state):
        out, state = self.lif(x * 2, state)
        a, b = self.halves(out)
        return a * b + a, state


@pytest.mark.parametrize(
    "make",
    [AbsorbedConstant, ByName, lambda: SeveralFromOne(Halves()), lambda: SeveralFromOne(HalvesAtOnce())],
    ids=["constant", "names", "several", "several at once"],
)
def test_what_layers_and_constants_give_is_that_of_the_eager_mode(make):
    net, x, seen = make(), Tensor(np.random.default_rng(0).random((T, 4, 3)).astype(np.float32)), []
    for mode in ("eager", "python"):

        def loss(x, mode=mode):
            outs = tree.leaves(snn.run(net, x, mode=mode).out)
            seen.append([out.asnumpy() for out in outs])
            return sum((out * out).sum() for out in outs)

        weights = net.trainable_params()
        found = grad(loss, 0, weights)(x) if weights else (grad(loss)(x), ())
        seen[-1] += [g.asnumpy() for g in (found[0], *found[1])]
    assert len(seen[0]) == len(seen[1])
    for eager, compiled in zip(*seen, strict=True):
        assert np.abs(eager).max() > 0
        assert compiled.shape == eager.shape
        np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-6)


class Changing(Cell):
    def __init__(self, outs):
        super().__init__()
        self.outs, self.lif = iter(outs), snn.LIFNode(beta=0.75)

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, state):
        out, state = self.lif(x, state)
        return next(self.outs)(out), state


@pytest.mark.parametrize(
    ("outs", "text"),
    [
        ([lambda o: {"a": o, "b": o}, lambda o: {"b": o, "a": o}], "outputs as in the first step"),
        ([lambda o: (o, o), lambda o: o], "outputs as in the first step"),
        ([lambda o: (o, None), lambda o: (o, None)], "Tensors as outputs"),
    ],
    ids=["order", "number", "none"],
)
def test_outputs_that_change_or_are_no_tensors_are_refused(outs, text):
    with pytest.raises(CellError, match=text):
        snn.run(Changing(outs), np.ones((2, 4, 3), np.float32), mode="eager")


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_mask_wants_outputs_with_a_batch(mode):
    class Summed(TwoOutputs):
        def construct(self, x, state):
            out, state = super().construct(x, state)
            return (out["first"], out["second"].sum()), state

    x, mask = np.ones((T, 4, 5), np.float32), a_mask()[:T]
    assert [o.shape for o in snn.run(Summed(), x, mode=mode).out] == [(T, 4, 5), (T,)]
    with pytest.raises(ShapeError, match=r"output of the net: expected \[T, N, ...\] = \[9, 4\] and more"):
        snn.run(Summed(), x, mask=mask, mode=mode)


def test_inputs_by_receptor_are_recorded_by_name_and_refused_by_health():
    net, x = NETS["apart"](), spikes()
    record = snn.run(net, x, record="x", mode="eager").record
    assert {key.rpartition(".")[2] for key in record} == {"x", "x_exc", "x_inh"}
    with pytest.raises(ArgumentError, match="inputs by receptor"):
        snn.health(net, x)
