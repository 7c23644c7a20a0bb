"""Populations that feed each other through convolutions: as the eager mode, in every direction."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd import Parameter, Tensor, grad, nn, ops, tree, value_and_grad
from autograd.errors import CompileError
from tests.snn.helpers.compare import assert_as_eager, assert_close, everything, start_of
from tests.snn.helpers.wired import Wired

T, N = 6, 3
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
every_mode = pytest.mark.parametrize("mode", ["python", "compiled"])


def conv(c_in, c_out, kernel=3, axes=2, dtype=np.float32, seed=0, bias=False, **options):
    """Return a convolution with quarters as weights, whose sums are exact."""
    kernel = (kernel,) * axes if isinstance(kernel, int) else kernel
    rng = np.random.default_rng(seed)
    weight = rng.integers(-2, 4, (c_out, c_in // options.get("group", 1), *kernel)) / 4
    more = {"has_bias": True, "bias_init": rng.integers(-1, 2, c_out) / 4} if bias else {}
    return CONVOLUTIONS[axes](c_in, c_out, kernel, weight_init=weight, dtype=dtype, **more, **options)


def lif(surrogate=None, **options):
    return snn.LIFNode(beta=0.5, surrogate_function=surrogate or snn.surrogate.atan(), **options)


def images(*shape, dtype=np.float32, seed=0):
    return Tensor(np.random.default_rng(seed).integers(-1, 4, (T, N, *shape)).astype(dtype))


def check(net, x, mode, exact=True, **options):
    """Compare a run that fires, and its gradients, which are not zero, with the eager mode."""
    if exact:
        out = assert_as_eager(net, x, mode, **options)[0]
        by = everything(net, x, mode, **options)[1]
    else:
        found, by = everything(net, x, mode, **options)
        options.pop("checkpoint", None)
        assert_close([found, by], list(everything(net, x, "eager", **options)))
        out = found[0]
    assert 0.02 < np.mean(out.asnumpy() != 0) < 0.98
    assert all(g.asnumpy().any() for g in by)


class Through(Wired):
    """One population with feedback through a convolution, and one through another for its membrane, if asked."""

    def __init__(self, shape, into, back, node, numbers=None):
        super().__init__()
        self.into, self.back, self.node, self.numbers, self.widths = into, back, node, numbers, (shape, shape)

    def construct(self, x, state):
        v, spike = state
        current = self.into(x) + self.back(spike)
        spike, v = self.node(current if self.numbers is None else current + self.numbers(v), v)
        return spike, (v, spike)


class Later(Wired):
    """The second population, with images of another size, feeds the first in the next step."""

    widths = ((4, 6, 6), (3, 3, 3), (3, 3, 3))

    def __init__(self, surrogate=None, dtype=np.float32):
        super().__init__()
        self.into, self.up = conv(2, 4, dtype=dtype), conv(4, 3, 2, stride=2, pad_mode="valid", dtype=dtype, bias=True, seed=1)
        self.back = conv(3, 4, (2, 2), pad_mode="pad", padding=(2, 2, 2, 2), dtype=dtype, seed=2)
        self.first, self.second = lif(surrogate), lif(surrogate, v_threshold=2.0)

    def construct(self, x, state):
        s1, v1 = self.first(self.into(x) + self.back(state[2]), state[0])
        s2, v2 = self.second(self.up(s1), state[1])
        return s2, (v1, v2, s2)


class Mixed(Wired):
    """Images with feedback through a convolution, and features behind them that return to the image."""

    widths = ((4, 5, 4), (4, 5, 4), (6,), (6,))

    def __init__(self, dtype=np.float32):
        super().__init__()
        rng = np.random.default_rng(0)

        def dense(n_in, n_out, **bias):
            return nn.Dense(n_in, n_out, weight_init=rng.integers(-1, 2, (n_out, n_in)) / 4, dtype=dtype, **bias)

        self.into, self.back = conv(2, 4, dtype=dtype), conv(4, 4, dtype=dtype, seed=1, bias=True)
        self.flat, self.up, self.side = nn.Flatten(), dense(80, 6, has_bias=False), dense(6, 6, has_bias=False)
        self.down = dense(6, 80, bias_init=rng.integers(-1, 2, 80) / 4)
        self.first, self.second = lif(), lif()

    def construct(self, x, state):
        v1, s1, v2, s2 = state
        returned = ops.reshape(self.down(s2), (-1, 4, 5, 4))
        s1, v1 = self.first(self.into(x) + self.back(s1) + returned, v1)
        s2, v2 = self.second(self.up(self.flat(s1)) + self.side(s2), v2)
        return s2, (v1, s1, v2, s2)


class Own(Wired):
    """A convolution before neurons to which their own spikes return one by one."""

    widths = ((2, 4, 4), (2, 4, 4))

    def __init__(self):
        super().__init__()
        self.into, self.node = conv(2, 2), lif()

    def construct(self, x, state):
        spike, v = self.node(self.into(x) - 0.5 * state[1], state[0])
        return spike, (v, spike)


@st.composite
def nets(draw):
    axes = draw(st.integers(1, 3))
    group, dilation = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 2))
    kernel = tuple(draw(st.sampled_from([1, 2, 3])) for _ in range(axes))
    size = tuple(draw(st.integers(2, 5)) for _ in range(axes))
    dtype, seed = draw(st.sampled_from([np.float32, np.float64])), draw(st.integers(0, 9))
    bias, node = draw(st.booleans()), draw(st.sampled_from([lif(), snn.IFNode(), lif(snn.surrogate.triangle(2.0))]))
    back = conv(4, 4, kernel, axes, dtype, seed, bias, group=group, dilation=dilation)
    return nn.SequentialCell(conv(2, 4, 1, axes, dtype, 3), snn.RecurrentThrough(node, back)), (2, *size), dtype


@given(nets(), st.booleans())
def test_feedback_of_a_population_to_itself(case, record):
    net, shape, dtype = case
    out = assert_as_eager(net, images(*shape, dtype=dtype), "python", record=["spike"] if record else [])[0]
    assert out.asnumpy().any()


@pytest.mark.parametrize(
    ("axes", "options", "mode"),
    [
        *((axes, {}, "python") for axes in (1, 2, 3)), (2, {}, "compiled"), (2, {"group": 2}, "compiled"),
        (2, {"dilation": 2, "bias": True}, "python"), (3, {"group": 2}, "python"),
    ],
)  # fmt: skip
def test_along_one_two_and_three_axes(axes, options, mode):
    net = nn.SequentialCell(conv(2, 4, 3, axes), snn.RecurrentThrough(lif(), conv(4, 4, 3, axes, seed=1, **options)))
    check(net, images(2, *(4, 5, 3)[:axes]), mode, record=["spike"])


@pytest.mark.parametrize(
    ("dtype", "mode", "shares"),
    [(np.float32, "python", [0.0, 1.0]), (np.float64, "python", [0.0, 1.0]), (np.float32, "compiled", [1.0])],
)
def test_between_images_of_two_sizes_with_a_stride(dtype, mode, shares, tune):
    """The gradient through a compact surrogate is computed everywhere, or where it is needed."""
    x = images(2, 6, 6, dtype=dtype)
    check(Later(dtype=dtype), x, mode)
    for share in shares:
        tune(sampled_kernels=share, sampled_in_group=share)
        check(Later(snn.surrogate.triangle(2.0), dtype), x, mode)


@pytest.mark.parametrize("how", ["fresh", "state", "mask", "checkpoint", "checkpoint of a state", "chunks"])
@pytest.mark.parametrize("whole", [False, True])
def test_states_masks_and_checkpoints(how, whole, tune):
    net = Through((4, 5, 4), conv(2, 4), conv(4, 4, seed=1, bias=True), lif(), conv(4, 4, seed=2) if whole else None)
    x, options = images(2, 5, 4), {}
    if how == "mask":
        options["mask"] = np.random.default_rng(5).random((T, N)) < 0.7
    if "state" in how:
        options["state"] = start_of(net, x)  # not only spikes
    if "checkpoint" in how:
        options["checkpoint"] = 2
    if how != "fresh":
        tune(convolved_elements=N * 80 * 2)
    check(net, x, "python", exact=not whole and "state" not in how, **options)


def test_two_runs_that_carry_the_state_are_one():
    net, x = Later(), images(2, 6, 6)
    whole = snn.run(net, x, mode="python")
    first = snn.run(net, x[:2], mode="python")
    second = snn.run(net, x[2:], first.state, mode="python")
    assert whole.out.asnumpy()[2:].any()
    np.testing.assert_array_equal(np.concatenate([first.out, second.out]), whole.out)
    for a, b in zip(tree.leaves(second.state), tree.leaves(whole.state), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("options", "mode"), [({}, "python"), ({"group": 2}, "python"), ({}, "compiled")])
def test_numbers_are_convolved_in_each_step(options, mode):
    net, x = Through((4, 4, 3), conv(2, 4), conv(4, 4, seed=1), lif(), conv(4, 4, seed=2, **options)), images(2, 4, 3)
    check(net, x, mode, exact=False)
    assert "a convolution in each step" in explained(net, x)


@every_mode
def test_beside_dense_layers_between_images_and_features(mode):
    check(Mixed(), images(2, 5, 4), mode, record=["spike"])


def test_spikes_that_return_one_by_one_behind_a_convolution():
    check(Own(), images(2, 4, 4), "python")


def test_many_spikes_and_a_wide_image(tune):
    tune(convolved_density=0.01)
    net = Through((17, 3, 20), conv(1, 17), conv(17, 17, seed=1), lif())
    check(net, images(1, 3, 20), "python")


def test_derivatives_of_second_order():
    net, x = Mixed(np.float64), images(2, 5, 4, dtype=np.float64)
    parameters = net.trainable_params()

    def second(mode):
        def size(x):
            return sum(
                (d * d).sum()
                for d in tree.leaves(grad(lambda x: (snn.run(net, x, mode=mode).out ** 2).sum(), 0, parameters)(x))
            )

        return value_and_grad(size, 0, parameters)(x)

    found, expected = second("python"), second("eager")
    assert_close(found, expected)
    assert all(d.asnumpy().any() for d in tree.leaves(expected))


def explained(net, x):
    file = io.StringIO()
    snn.explain(net, x, file=file)
    return file.getvalue()


def test_explain_names_the_way():
    text = explained(nn.SequentialCell(conv(2, 4), snn.RecurrentThrough(lif(), conv(4, 4))), images(2, 5, 4))
    assert "currents of 1.back: convolved from the spikes, from itself, a step later" in text


def test_what_cannot_step_in_a_loop_is_named():
    net = Through((4, 5, 4), conv(2, 4), conv(4, 4), lif())
    net.back.weight = Parameter(np.full((4, 4, 3, 3), np.inf, np.float32))
    with pytest.raises(CompileError, match=r"Conv2d.* in feedback: expected finite weights, got infinite or NaN"):
        snn.run(net, images(2, 5, 4), mode="compiled")
    mixed = Through((4, 5, 4), conv(2, 4), conv(4, 4), lif(), nn.Dense(4, 4, rng=0))
    with pytest.raises(CompileError, match=r"features \[N, F\] before each dense layer in feedback with a convolution"):
        snn.run(mixed, images(2, 5, 4), mode="compiled")
