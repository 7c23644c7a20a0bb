"""Hooks on Cells, and the list of bprops that ran."""

import gc
import weakref

import numpy as np
import pytest

from autograd import Cell, GradOperation, Parameter, Tensor, grad, nn, no_grad, trace_bprop, vjp
from autograd.errors import BpropError, BpropShapeError

from .helpers import plain, x23, y23


class Tripled(Cell):
    def construct(self, x):
        return x * 2

    def bprop(self, x, out, dout):
        return (dout * 3,)


class Doubled(Cell):
    def construct(self, x):
        return x * 2


class Cube(Cell):
    def construct(self, x):
        return x * x * x


class CubeBprop(Cube):
    def bprop(self, x, out, dout):
        return (dout * 3 * x * x,)


class Scaled(Cell):
    """The identity whose gradient is doubled: what a hook that doubles does, as a Cell."""

    def construct(self, x):
        return x + 0

    def bprop(self, x, out, dout):
        return (dout * 2,)


class Two(Cell):
    def construct(self, x, pair, k):
        return x * pair[0] * k, pair[1] + 0


def listen(cell):
    seen = []
    handle = cell.register_backward_hook(lambda c, grad_input, grad_output: seen.append((c, grad_input, grad_output)))
    return seen, handle


@pytest.mark.parametrize(("cell", "factor"), [(Tripled(), 3.0), (Doubled(), 2.0)])
def test_a_backward_hook_sees_what_mindspore_shows_it(cell, factor):
    seen, handle = listen(cell)
    assert plain(grad(cell)(x23())) == [[factor] * 3] * 2
    (same, grad_input, grad_output), = seen  # fmt: skip
    assert same is cell
    assert (type(grad_input), type(grad_output)) == (tuple, tuple)
    assert (plain(grad_input), plain(grad_output)) == (([[factor] * 3] * 2,), ([[1.0] * 3] * 2,))
    handle.remove()
    grad(cell)(x23())
    assert len(seen) == 1
    assert not cell.hooked


def test_without_a_transform_no_backward_hook_is_called():
    cell = Doubled()
    seen, handle = listen(cell)
    assert plain(cell(x23())) == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]
    assert seen == []
    handle()


def test_no_backward_hook_is_called_for_what_ran_without_recording():
    cell = nn.Identity()
    seen, _ = listen(cell)

    def f(x):
        with no_grad():
            y = cell(x)
        return y * x

    assert plain(grad(f)(Tensor([3.0]))) == [6.0]  # the very tensor that went in
    assert seen == []


def test_a_backward_hook_replaces_gradients_of_inputs():
    cell = Doubled()
    cell.register_backward_hook(lambda c, grad_input, grad_output: (grad_input[0] * 10,))
    cell.register_backward_hook(lambda c, grad_input, grad_output: grad_input[0] + grad_output[0])
    assert plain(grad(lambda x: cell(x * 3) + x)(Tensor([1.0]))) == [3 * (10 * 2 + 1) + 1]


def test_a_hook_before_the_backward_replaces_gradients_of_outputs():
    cell = Two()
    cell.register_backward_pre_hook(lambda c, grad_output: (grad_output[0] * 10, None))
    seen, _ = listen(cell)
    x, a, b = Tensor([1.0]), Tensor([2.0]), Tensor([3.0])
    dx, (da, db) = grad(cell, (0, 1))(x, (a, b), 5)
    assert (plain(dx), plain(da), plain(db)) == ([100.0], [50.0], [0.0])
    assert plain(seen[0][1][0]) == [100.0]
    assert plain(seen[0][2][0]) == [10.0]


def test_gradients_have_the_structure_of_inputs_and_outputs():
    cell = Two()
    seen, _ = listen(cell)
    x, a, b = Tensor([1.0]), Tensor([2.0]), Tensor([3.0])
    grad(lambda x, b: cell(x, (a, b), 5)[0], (0, 1))(x, b)
    ((_, grad_input, grad_output),) = seen
    dx, (da, db), dk = grad_input
    assert (plain(dx), da, plain(db), dk) == ([10.0], None, [0.0], None)
    assert plain(grad_output) == ([1.0], [0.0])


def test_where_only_weights_are_asked_for_the_hook_still_sees_the_gradients_of_outputs():
    net = nn.SequentialCell(nn.Dense(3, 2, weight_init="ones", bias_init="zeros"), Doubled())
    seen = [listen(cell)[0] for cell in net]
    grad(net, None, net.trainable_params())(x23())
    assert [s[0][1] for s in seen] == [(None,), seen[1][0][1]]
    assert plain(seen[0][0][2]) == plain(seen[1][0][1]) == ([[2.0, 2.0]] * 2,)


def test_gradients_of_weights_pass_unchanged():
    net, bare = nn.Dense(3, 2, weight_init="ones"), nn.Dense(3, 2, weight_init="ones")
    net.register_backward_hook(lambda c, grad_input, grad_output: (grad_input[0] * 0,))
    by_list = GradOperation(get_all=True, get_by_list=True)
    (dx,), weights = by_list(net)(x23())
    assert plain(dx) == [[0.0] * 3] * 2
    assert plain(weights) == plain(by_list(bare)(x23())[1])


@pytest.mark.parametrize("cube", [Cube, CubeBprop])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_hook_that_only_listens_changes_no_derivative(cube, order):
    f, g = cube(), cube()
    seen, _ = listen(f)
    for _ in range(order):
        f, g = grad(f), grad(g)
    x = Tensor([1.0, -2.0])
    assert plain(f(x)) == plain(g(x))
    assert len(seen) >= order


@pytest.mark.parametrize("cube", [Cube, CubeBprop])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_hook_is_a_cell_at_the_input_at_every_order(cube, order):
    hooked, twin, scaled = cube(), cube(), Scaled()
    hooked.register_backward_hook(lambda c, grad_input, grad_output: (grad_input[0] * 2,))

    def f(x):
        return hooked(x * x) * x

    def g(x):
        return twin(scaled(x * x)) * x

    for _ in range(order):
        f, g = grad(f), grad(g)
    x = Tensor([1.0, -2.0, 0.5])
    np.testing.assert_allclose(f(x).asnumpy(), g(x).asnumpy(), rtol=1e-6)


def test_a_hooked_cell_inside_a_cell_with_its_own_bprop_stays_hidden():
    class Outer(Cell):
        def __init__(self):
            super().__init__()
            self.inner = Doubled()
            self.w = Parameter([3.0])

        def construct(self, x):
            return self.inner(x * self.w)

        def bprop(self, x, out, dout):
            return (self.inner(dout),), {self.w: dout.sum(0, keepdims=True)}

    cell = Outer()
    seen, _ = listen(cell.inner)
    assert plain(grad(cell, 0, cell.w)(Tensor([1.0]))) == ([2.0], [1.0])
    assert seen == []
    assert plain(grad(lambda x: grad(lambda y: cell(y) * y)(x))(Tensor([1.0]))) == [4.0]
    assert len(seen) == 1  # the derivative of the bprop passes through it


def test_a_pullback_may_be_called_often():
    cell = Cube()
    seen, _ = listen(cell)
    _, pullback = vjp(cell, Tensor([2.0]))
    assert [plain(pullback(Tensor([g]))) for g in (1.0, 2.0)] == [[12.0], [24.0]]
    assert [plain(grad_output) for _, _, grad_output in seen] == [([1.0],), ([2.0],)]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ((1, 2), BpropError, "backward hook of Doubled: expected None, or a tuple like grad_input"),
        ((2.0,), BpropError, "backward hook of Doubled: expected Tensors in place of grad_input, got float 2.0"),
        ((Tensor([1.0]),), BpropShapeError, r"expected the shape of grad_input, \[2, 3\] Float32, got \[1\] Float32"),
    ],
)
def test_what_a_backward_hook_returns_must_fit(given, error, says):
    cell = Doubled()
    cell.register_backward_hook(lambda *_: given)
    with pytest.raises(error, match=says):
        grad(cell)(x23())


def test_forward_hooks_may_replace_inputs_and_output():
    cell, order = Doubled(), []
    cell.register_forward_pre_hook(lambda c, inputs: order.append("before"))
    cell.register_forward_pre_hook(lambda c, inputs: inputs[0] + 1)
    cell.register_forward_hook(lambda c, inputs, out: order.append((plain(inputs), plain(out))))
    cell.register_forward_hook(lambda c, inputs, out: out * 10)
    assert plain(cell(Tensor([1.0]))) == [40.0]
    assert order == ["before", (([2.0],), [4.0])]
    assert plain(grad(cell)(Tensor([1.0]))) == [20.0]


def test_a_hook_before_may_return_all_inputs():
    cell = nn.Dense(3, 2)
    handle = cell.register_forward_pre_hook(lambda c, inputs: (inputs[0] * 0,))
    assert plain(cell(x23())) == [plain(cell.bias)] * 2
    handle.remove()
    handle.remove()  # once more does no harm
    assert plain(cell(x23())) != [plain(cell.bias)] * 2


def test_the_same_hook_twice_is_taken_off_once():
    cell, seen = Doubled(), []
    first, second = (cell.register_forward_hook(hook) for hook in [lambda *_: seen.append(1)] * 2)
    first.remove()
    cell(x23())
    second.remove()
    cell(x23())
    assert seen == [1]


def test_a_hooked_cell_is_released_without_the_collector():
    gc.disable()
    try:
        cell = Cube()
        cell.register_backward_hook(lambda *_: None)
        handle = cell.register_forward_hook(lambda *_: None)
        x = Tensor([1.0])
        grad(grad(cell))(x)
        gone = [weakref.ref(cell), weakref.ref(x)]
        del cell, handle, x
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()


def test_each_bprop_that_ran_is_listed():
    tripled, cube = Tripled(), CubeBprop()
    with trace_bprop() as calls:
        grad(lambda x: cube(tripled(x)))(Tensor([[2.0, 0.0]]))
    assert [call.cell for call in calls] == [cube, tripled]
    assert calls[0].dout == (((1, 2), pytest.approx(2**0.5)),)
    assert calls[1].returned == (((1, 2), 144.0),)
    assert str(calls[1]) == "Tripled.bprop: [1, 2] norm 48 -> [1, 2] norm 144"
    grad(tripled)(x23())
    assert len(calls) == 2


def test_the_list_shows_what_a_wrong_bprop_returned():
    class Wrong(Cell):
        def construct(self, x, y):
            return x * y

        def bprop(self, x, y, out, dout):
            return dout[0], None, None

    with trace_bprop() as calls, pytest.raises(BpropError):
        grad(Wrong())(x23(), y23())
    assert str(calls[0]) == "Wrong.bprop: [2, 3] norm 2.45 -> [3] norm 1.73, None, None"


def test_the_list_is_as_long_as_the_order_says():
    with trace_bprop() as calls:
        grad(grad(grad(CubeBprop())))(Tensor([1.0]))
    assert len(calls) == 1  # what it returns is differentiated, not the Cell again


def test_listing_ends_with_its_block_also_by_an_error():
    def failing(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), trace_bprop() as calls:
        grad(failing)(x23())
    grad(Tripled())(x23())
    assert calls == []
