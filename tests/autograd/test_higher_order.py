"""Transforms inside transforms: orders, closures, and code for which recording is off."""

import threading

import numpy as np
import pytest

from autograd import GradOperation, Parameter, Tensor, grad, no_grad, ops, stop_gradient, value_and_grad, vjp
from autograd.errors import GradientError
from autograd.state import state

from .helpers import Linear, f64, plain, x23, y23


def derivative(fn, order):
    for _ in range(order):
        fn = grad(fn)
    return fn


def test_fifth_derivatives():
    x = f64([0.5, -1.2])
    np.testing.assert_allclose(derivative(ops.exp, 5)(x).array, np.exp(x.array), rtol=1e-14)
    assert plain(derivative(lambda v: v**5, 5)(x)) == pytest.approx([120.0, 120.0], rel=1e-13)
    assert plain(derivative(lambda v: v**5, 6)(x)) == pytest.approx([0.0, 0.0], abs=1e-9)
    np.testing.assert_allclose(derivative(ops.sin, 5)(x).array, np.cos(x.array), rtol=1e-14)


def test_nested_value_and_grad():
    assert plain(grad(lambda x: value_and_grad(lambda a: a * a * a)(x)[1])(f64([1.0, 2.0]))) == [6.0, 12.0]
    assert plain(grad(lambda x: value_and_grad(lambda a: a * a * a)(x)[0])(f64([1.0, 2.0]))) == [3.0, 12.0]


def test_perturbations_of_nested_transforms_are_not_confused():
    assert plain(grad(lambda x: x * grad(lambda y: x + y)(f64(1.0)))(f64(1.0))) == 1.0
    assert plain(grad(lambda x: x * grad(lambda y: x * y)(f64(2.0)))(f64(3.0))) == 6.0
    assert plain(grad(lambda x: grad(lambda y: x * y * y)(x))(f64(3.0))) == 12.0


def test_a_closure_over_the_outer_input_carries_its_gradient():
    def outer(x):
        square = x * x
        return grad(lambda y: square * y * y)(x) + square

    assert plain(grad(outer)(f64(3.0))) == 6 * 9 + 6.0  # of 2 x^3 + x^2


def test_an_output_that_only_an_outer_transform_tracks_counts_there_alone():
    def outer(x):
        return value_and_grad(lambda y: (y * 2, x * 3))(x)

    (_, closed_over), slope = outer(f64(1.0))
    assert plain((closed_over, slope)) == (3.0, 2.0)
    assert plain(grad(lambda x: outer(x)[0])(f64(1.0))) == 5.0
    assert plain(grad(lambda x: outer(x)[1])(f64(1.0))) == 0.0


def test_mixed_second_derivatives_by_input_and_weight():
    w = Parameter([2.0, 3.0])
    inner = lambda x: grad(lambda v: (v * v * w).sum())(x)  # noqa: E731
    by_x, by_w = grad(inner, 0, w)(Tensor([5.0, 7.0]))
    assert plain((by_x, by_w)) == ([4.0, 6.0], [10.0, 14.0])


def test_second_order_by_one_weight_in_both_transforms():
    net = Linear()

    def inner():
        return grad(lambda: (x23() * net.w**3).sum(), None, net.w)()

    assert plain(grad(inner, None, net.w)()) == [30.0, 84.0, 162.0]  # 6 w sum(x)


def test_vjp_inside_grad_and_grad_of_a_pullback():
    def pulled(x):
        return vjp(lambda v: v * v * v, x)[1](x)

    assert plain(grad(pulled)(f64(2.0))) == 36.0  # of 3 x^3
    pullback = vjp(lambda v: v * v, f64(5.0))[1]
    assert plain(grad(pullback)(f64(7.0))) == 10.0


def test_gradoperation_nests():
    first = GradOperation()(lambda x: x * x * x)
    assert plain(GradOperation()(first)(f64([1.0, 2.0]))) == [6.0, 12.0]


def test_stop_gradient_holds_at_every_order():
    fn = lambda x: stop_gradient(x * x) * x * x  # noqa: E731
    assert plain([derivative(fn, n)(f64(3.0)) for n in (1, 2, 3)]) == [54.0, 18.0, 0.0]


def test_no_grad_makes_constants():
    def fn(x):
        with no_grad():
            square = x * x
        return square * x

    assert plain(grad(fn)(f64(3.0))) == 9.0
    assert plain(grad(grad(fn))(f64(3.0))) == 0.0


def test_no_grad_as_a_decorator():
    @no_grad()
    def square(x):
        return x * x

    assert [plain(grad(lambda x: square(x) + x)(f64(3.0))) for _ in range(2)] == [1.0, 1.0]


def test_no_grad_comes_back_to_recording_after_an_error():
    def fn(x):
        with pytest.raises(KeyError), no_grad():
            raise KeyError
        return x * x

    assert plain(grad(fn)(f64(3.0))) == 6.0


def test_a_transform_inside_no_grad_works_and_its_result_is_a_constant():
    def fn(x):
        with no_grad():
            slope = grad(lambda y: y * y * x)(x)
        return slope * x

    assert plain(fn(f64(3.0))) == 54.0
    assert plain(grad(fn)(f64(3.0))) == 18.0


@pytest.mark.parametrize("fail", [lambda x: 1 / 0, lambda x: grad(lambda y: 1 / 0)(x), lambda x: x + None])
def test_an_error_in_the_middle_leaves_nothing_behind(fail):
    net = Linear()
    with pytest.raises((ZeroDivisionError, TypeError)):
        grad(lambda x, y: fail(net(x, y)), 0, net.trainable_params())(x23(), y23())
    assert (state.recording, state.watched, net.w.node) == (False, {}, None)
    assert plain(grad(net, None, net.b)(x23(), y23())) == [5.0, 5.0, 5.0]


# Tensors that are kept from inside a transform


def test_a_tensor_kept_from_a_finished_transform_is_a_constant_in_the_next():
    kept = []

    def fn(x):
        kept.append(x * 3)
        return kept[0] * x

    assert plain(grad(fn)(f64(2.0))) == 12.0
    assert plain(grad(lambda y: kept[0] * y)(f64(5.0))) == 6.0
    assert plain(grad(grad(lambda y: kept[0] * y * y))(f64(5.0))) == 12.0


def test_a_tensor_kept_from_an_inner_transform_still_depends_on_the_outer_input():
    def outer(x):
        kept = []
        grad(lambda y: kept.append(y * x) or y * y)(x)
        return kept[0] * 2

    assert plain(grad(outer)(f64(3.0))) == 12.0  # of 2 x^2


def test_a_tensor_kept_from_an_inner_transform_that_freed_its_graph_is_refused():
    def outer(x):
        kept = []
        with no_grad():
            grad(lambda y: kept.append(y * x) or kept[0] * y)(x)
        return kept[0] * 2

    with pytest.raises(GradientError, match=r"reverse pass: expected a graph that still exists, got one that.*has_aux=True"):
        grad(outer)(f64(3.0))


def test_a_tensor_kept_from_a_transform_inside_no_grad_is_a_constant_outside():
    def outer(x):
        kept = []
        with no_grad():
            grad(lambda y: kept.append(y * y) or y * 2)(x)
        return kept[0] + x

    assert plain(value_and_grad(outer)(f64(3.0))) == (12.0, 1.0)


def test_a_tensor_kept_from_a_vjp_leaves_its_pullback_whole():
    kept = []
    pullback = vjp(lambda x: kept.append(x * 3) or kept[0] * x, f64(2.0))[1]
    assert plain(grad(lambda y: kept[0] * y)(f64(5.0))) == 6.0
    assert plain([pullback(f64(1.0)), pullback(f64(1.0))]) == [12.0, 12.0]


# Threads


def test_two_threads_differentiate_by_shared_parameters_at_once():
    net, barrier, found = Linear(), threading.Barrier(2, timeout=60), {}

    def work(scale):
        def loss(x, y):
            barrier.wait()  # both are inside their transforms
            out = net(x * scale, y)
            barrier.wait()
            return out * out

        found[scale] = [plain(grad(loss, (0,), net.trainable_params())(x23(), y23())) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (1.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for scale in (1.0, 3.0):
        alone = grad(lambda x, y, s=scale: net(x * s, y) ** 2, (0,), net.trainable_params())(x23(), y23())
        assert found[scale] == [plain(alone)] * 5


def test_a_thread_started_inside_a_transform_does_not_record():
    seen = []

    def fn(x):
        thread = threading.Thread(target=lambda: seen.append((state.recording, (x * 2).node)))
        thread.start()
        thread.join(60)
        return x * x

    assert plain(grad(fn)(f64(3.0))) == 6.0
    assert seen == [(False, None)]
