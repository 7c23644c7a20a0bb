"""Habits of users of other frameworks: each is an error that says what to write."""

import inspect
import pickle

import numpy as np
import pytest

import autograd as ms
from autograd import Parameter, Tensor, errors, foreign, nn, ops, optim
from autograd.methods import Methods
from autograd.primitive import Primitive

T = Tensor([1.0, 2.0])


def dense():
    return nn.Dense(2, 3, rng=0)


def params():
    return dense().trainable_params()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.where(T > 1), errors.DTypeError, r"ops\.where: .*where\(condition, x, y, /\).*'x'"),
        (lambda: ops.exp(), errors.DTypeError, r"ops\.exp: .*exp\(x, /\), got missing a required .*'x'"),
        (lambda: ops.exp(x=T), errors.DTypeError, r"ops\.exp: .*Pass the arguments before / by position"),
        (lambda: ops.add(T), errors.DTypeError, r"ops\.add: .*add\(x, y, /\), got missing a required .*'y'"),
        (lambda: ops.add(T, T, T), errors.DTypeError, r"ops\.add: .*got too many positional arguments"),
        (lambda: ops.exp(T, dim=0), errors.DTypeError, r"ops\.exp: .*got an unexpected keyword argument 'dim'"),
        (lambda: ops.cumsum(T, dim=0), errors.DTypeError, r"dim= is called axis= here"),
        (lambda: ops.sum(T, dim=0), errors.DTypeError, r"sum\(x, /.*\), got an .*dim= is called axis= here"),
        (lambda: ops.mean(T, dim=0), errors.DTypeError, r"ops\.mean: .*x, axis, keepdims, got dim\. dim= is called axis="),
        (lambda: ops.std(T, keepdim=True), errors.DTypeError, r"ops\.std: .*got keepdim\. keepdim= is called keepdims= here"),
        (lambda: ops.softmax(T, dim=0), errors.DTypeError, r"ops\.softmax: .*got dim\. dim= is called axis= here"),
        (lambda: ops.concat([T, T], dim=0), errors.DTypeError, r"ops\.concat: .*got dim\. dim= is called axis= here"),
        (lambda: ops.gather(T, [0], dim=0), errors.DTypeError, r"ops\.gather: .*got dim\. dim= is called axis= here"),
        (lambda: ops.leaky_relu(T, slope=0.1), errors.DTypeError, r"ops\.leaky_relu: .*slope= is called alpha= here"),
        (lambda: T.mean(dim=0), errors.DTypeError, r"Tensor\.mean: .*named axis, keepdims, .*got dim\. dim= is called axis="),
        (lambda: T.sum(keepdim=True), errors.DTypeError, r"Tensor\.sum: .*keepdim= is called keepdims= here"),
        (lambda: ms.tensor([1.0]), errors.DTypeError, r"autograd\.tensor: .*Use autograd\.Tensor\(values\)"),
        (lambda: ops.sort(T), errors.UnknownNameError, r"ops\.sort: .*a function of numpy only\. .*np\.sort\(x\.numpy\(\)\)"),
        (lambda: nn.Dense(2, 3, bias=False), errors.ArgumentError, r"Dense: .*got bias\. bias= is called has_bias= here"),
        (lambda: nn.Dense(in_features=2, out_features=3), errors.ArgumentError, r"in_features= is called in_channels= here"),
        (lambda: nn.Dense(2, 3, biasinit=0), errors.ArgumentError, r"got biasinit\. Did you mean bias_init\?"),
        (
            lambda: nn.Dense(2, 3, colour=0),
            errors.ArgumentError,
            r"Dense: expected arguments named in_.*got colour\. help\(Dense\)",
        ),
        (lambda: nn.ReLU(inplace=True), errors.ArgumentError, r"ReLU: expected arguments named nothing, got inplace"),
        (
            lambda: nn.Dense(2, 3, device="cpu"),
            errors.ArgumentError,
            r"Dense: .*got device\. Leave it out: everything is computed",
        ),
        (
            lambda: Tensor([1.0], requires_grad=True),
            errors.ArgumentError,
            r"Tensor: .*named value, dtype, .*autograd\.Parameter\(",
        ),
        (lambda: Tensor([1.0], device="cpu"), errors.ArgumentError, r"Tensor: .*got device\. Leave it out"),
        (lambda: Tensor([1.0], dtpe=int), errors.ArgumentError, r"Tensor: .*got dtpe\. Did you mean dtype\?"),
        (
            lambda: Parameter([1.0], dtype=int),
            errors.ArgumentError,
            r"Parameter: .*got dtype\. .*autograd\.Tensor\(values, dtype\)",
        ),
        (lambda: T.requires_grad, errors.UnknownNameError, r"Tensor\.requires_grad: .*Leave it out: only autograd.grad"),
        (
            lambda: dense().load_state_dict("w.npz"),
            errors.StateDictError,
            r"Dense.load_.*got str 'w\.npz'\. .*np\.load\(file\)",
        ),
        (
            lambda: optim.SGD(params(), 0.1).load_state_dict(3),
            errors.StateDictError,
            r"SGD.load_.*a mapping .*np\.load\(file\)",
        ),
        (lambda: nn.Dropout(rate=0.1), errors.ArgumentError, r"Dropout: .*rate= is called p= here"),
        (lambda: nn.Dense(2, 3, rng=np.random), errors.DTypeError, r"Dense: expected rng .*np\.random\.default_rng\(seed\)"),
        (lambda: nn.Dropout(rng="seed"), errors.DTypeError, r"Dropout: expected rng .*got str 'seed'"),
        (lambda: nn.Dense(2, 3, activation=nn.ReLU), errors.DTypeError, r"Dense: expected activation .*For example 'relu'"),
        (lambda: nn.Dense(2, 3, activation=3), errors.DTypeError, r"Dense: expected activation .*got int 3"),
        (lambda: nn.SequentialCell(dense(), nn.ReLU), errors.CellError, r"Pass an object: ReLU\(\.\.\.\), with parentheses"),
        (lambda: setattr(dense().weight, "data", 1.0), errors.DTypeError, r"Parameter\.data: .*weight\.set_data\(values\)"),
        (lambda: setattr(T, "data", 1.0), errors.DTypeError, r"Tensor\.data: "),
        (lambda: setattr(dense(), "weight", np.ones((3, 2))), errors.CellError, r"For new values, weight\.set_data\(values\)"),
        (lambda: ms.grad(lambda: dense()(T).sum())(), errors.ArgumentError, r"got none\. .*grad_position=None"),
        (lambda: Tensor((T, T, {})), errors.DTypeError, r"got tuple of .*Take one of its parts, as in out, state, record"),
    ],
)
def test_a_habit_is_answered(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "use",
    [lambda g: optim.clip_by_norm(g, 1.0), lambda g: optim.clip_by_value(g, 1.0), lambda g: optim.SGD(params(), 0.1)(g)],
    ids=["clip_by_norm", "clip_by_value", "SGD"],
)
@pytest.mark.parametrize(
    ("gradients", "text"),
    [
        (params, r"expected gradients, got Parameter \[3, 2\] Float32 'weight'\. .*value_and_grad"),
        (lambda: 1.0, r"expected gradients, one for each Parameter, got float 1\.0"),
        (lambda: T, r"expected gradients, one for each Parameter, got \[2\] Float32"),
        (
            lambda: [np.ones((3, 2)), np.ones(3)],
            r"(gradient 0|, weight): expected its gradient as a Tensor, got ndarray \[3, 2\] Float64",
        ),
    ],
    ids=["Parameters", "number", "Tensor", "arrays"],
)
def test_what_is_no_gradients_is_refused(use, gradients, text):
    with pytest.raises(errors.DTypeError, match=text):
        use(gradients())


@pytest.mark.parametrize(
    "limit", [0, -1.0, True, "1", None, params], ids=["zero", "negative", "bool", "text", "None", "function"]
)
@pytest.mark.parametrize("clip", [optim.clip_by_norm, optim.clip_by_value])
def test_a_limit_is_a_positive_number(clip, limit):
    with pytest.raises(errors.ArgumentError, match=r"expected a positive .*Leave clipping out"):
        clip([T], limit)


def test_a_gradient_that_a_bprop_makes_of_a_parameter_alone_is_no_parameter():
    class Fixed(nn.Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([3.0, 4.0])

        def construct(self, x):
            return x * self.w

        def bprop(self, x, out, dout):
            return (self.w,), {self.w: self.w}

    net = Fixed()
    gradients = ms.grad(net, None, [net.w])(T)
    (clipped,), norm = optim.clip_by_norm(gradients, 1.0)
    assert norm == 5.0
    np.testing.assert_allclose(clipped, [0.6, 0.8])
    optim.SGD([net.w], 1.0)(gradients)
    np.testing.assert_array_equal(net.w, [0.0, 0.0])


def test_names_of_arguments_that_are_ours_or_the_users_are_left_alone():
    class Own(nn.Cell):
        def __init__(self, bias, *, dim=1):
            super().__init__()
            self.given = bias, dim

    class Open(nn.Dense):
        def __init__(self, **options):
            super().__init__(2, 3, has_bias=options["bias"], rng=0)

    assert Own(bias=2, dim=3).given == (2, 3)
    assert Open(bias=False).bias is None
    with pytest.raises(TypeError, match="unexpected keyword argument 'biases'"):
        Own(bias=2, biases=False)


def test_a_cell_has_the_signature_of_its_init():
    class Own(nn.Cell):
        def construct(self, x):
            return x

    assert list(inspect.signature(Own).parameters) == ["auto_prefix"]
    assert list(inspect.signature(nn.Dropout).parameters) == ["p", "rng"]


def options(functions):
    """Return (name, function, ours, theirs) for each argument that another framework names otherwise."""
    for name, function in functions:
        for theirs, names in foreign.ARGUMENTS.items():
            known = [name for name, p in inspect.signature(function).parameters.items() if p.kind is not p.VAR_POSITIONAL]
            if theirs not in known:
                yield from ((name, function, own, theirs) for own in names if own in known)


OPTIONS = [
    *options((f"ops.{name}", getattr(ops, name)) for name in ops.on_tensors if not isinstance(getattr(ops, name), Primitive)),
    *options((f"Tensor.{name}", getattr(Tensor, name)) for name in vars(Methods) if inspect.isfunction(vars(Methods)[name])),
]


@pytest.mark.parametrize(
    ("name", "function", "own", "theirs"), OPTIONS, ids=[f"{name}-{theirs}" for name, _, _, theirs in OPTIONS]
)
def test_every_function_and_method_names_its_argument(name, function, own, theirs):
    with pytest.raises(errors.DTypeError, match=rf"^{name}: .*got {theirs}\. {theirs}= is called \w+= here"):
        function(T, **{theirs: 0})


def test_a_type_error_from_within_stays_what_it_is():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        ops.mean(T, colour=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        T.mean(colour=0)
    for fn in (ops.mean, ops.stack, Tensor.mean):
        assert pickle.loads(pickle.dumps(fn)) is fn
