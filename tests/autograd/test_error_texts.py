"""Whole texts of the errors of Cell, of the transforms and of the graph, in all four parts."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, grad, nn, no_grad, stop_gradient, vjp
from autograd.errors import ArgumentError, CellError, DTypeError, GradientError, ShapeError, StateDictError

from .helpers import Linear

X = Tensor([1.0, 2.0])
READY = "got no such call. Make `super().__init__()` the first line of __init__."
COUNTED = "Positions count the positional arguments from 0."
CHANGED = (
    "Nothing was loaded. Build the Cell as it was when saved, or pass strict=False for names, "
    "finite=False for NaN and infinity."
)


def double(x):
    return x * 2


class Without(Cell):
    def __init__(self, *parts):
        for part in parts:
            self.part = part


class Silent(Cell):
    def construct(self, x):
        x * 2


class Twice(Cell):
    def __init__(self):
        super().__init__()
        self.a, self.b = Parameter([1.0], name="w"), Parameter([2.0], name="w")


def use_a_released_graph(x):
    kept = []
    with no_grad():
        grad(lambda v: kept.append(v * x) or kept[0] * v)(x)
    return kept[0] * x


ERRORS = [
    # Transforms
    (
        lambda: grad(double, True),
        ArgumentError,
        f"grad: expected grad_position to be an int or a tuple of ints, got True. {COUNTED}",
    ),
    (
        lambda: grad(double, (0, 0)),
        ArgumentError,
        f"grad: expected grad_position without negative or repeated numbers, got (0, 0). {COUNTED}",
    ),
    (
        lambda: grad(double, 1)(X),
        ArgumentError,
        f"grad of double: expected grad_position below 1, the number of inputs, got 1. {COUNTED}",
    ),
    (
        lambda: grad(double, None),
        ArgumentError,
        "grad: expected grad_position or weights, got None for both. Name at least one of them.",
    ),
    (
        lambda: grad(double, weights=[X]),
        DTypeError,
        "grad: expected weights to be Parameters, got list of [2] Float32. Pass cell.trainable_params().",
    ),
    (
        lambda: vjp(double, X, weights=3),
        DTypeError,
        "vjp: expected weights to be Parameters, got int 3. Pass cell.trainable_params().",
    ),
    (
        lambda: grad(3),
        DTypeError,
        "grad: expected a function or Cell, got int 3. Pass the function itself, not its result.",
    ),
    (
        lambda: grad(double, has_aux=1),
        DTypeError,
        "grad: expected has_aux to be a bool, got int 1. Pass True or False.",
    ),
    (
        lambda: grad(double, return_ids=1),
        DTypeError,
        "grad: expected return_ids to be a bool, got int 1. Pass True or False.",
    ),
    (
        lambda: grad(double, sens_param=1),
        DTypeError,
        "grad: expected sens_param to be a bool, got int 1. Pass True or False.",
    ),
    (
        lambda: grad(double)(Tensor([1, 2])),
        DTypeError,
        "grad of double: expected a floating Tensor as input 0, to differentiate, got [2] Int64. "
        "Convert it with .astype(autograd.float32), or choose another grad_position.",
    ),
    (
        lambda: grad(double)(np.array(["a"])),
        DTypeError,
        "grad of double: expected numbers or an array of them, got ndarray [1] <u1. "
        "Convert the text first, such as with np.asarray(values, float).",
    ),
    (
        lambda: grad(lambda x: 3.0)(X),
        GradientError,
        "grad of <lambda>: expected a function that returns Tensors, got float 3.0. Return the Tensor itself, not a number or "
        "an array made of it. Results that need no gradient come after it, with has_aux=True.",
    ),
    (
        lambda: grad(double, has_aux=True)(X),
        GradientError,
        "grad of double: expected a tuple (value, aux, ...) because has_aux=True, got [2] Float32. "
        "Return auxiliary values after the value.",
    ),
    (
        lambda: grad(double, sens_param=True)(X, sens=None),
        ArgumentError,
        "grad of double: expected the cotangent of the output as the last input, or sens=, got none. Pass it.",
    ),
    (
        lambda: vjp(double, X)[1](X, X),
        ShapeError,
        "vjp of double, sensitivity: expected one for each of 1 outputs, got 2. Pass a tuple that matches the outputs.",
    ),
    (
        lambda: vjp(double, X)[1](Tensor([1.0])),
        ShapeError,
        "vjp of double, sensitivity: expected the output's shape and dtype, [2] Float32, got [1] Float32. "
        "Convert or reshape it.",
    ),
    (
        lambda: vjp(double, X)[1]("a"),
        DTypeError,
        "vjp of double, sensitivity: expected numbers or an array of them, got str 'a'. "
        "Convert the text first, such as with np.asarray(values, float).",
    ),
    (
        lambda: vjp(double, Tensor([1])),
        DTypeError,
        "vjp of double: expected a floating Tensor among the inputs, got [1] Int64. "
        "Convert one with .astype(autograd.float32), or pass weights.",
    ),
    (
        lambda: vjp(Silent()),
        DTypeError,
        "vjp of Silent: expected a floating Tensor among the inputs, got no positional input. "
        "Convert one with .astype(autograd.float32), or pass weights.",
    ),
    (
        lambda: stop_gradient("a"),
        DTypeError,
        "stop_gradient: expected numbers or an array of them, got str 'a'. "
        "Convert the text first, such as with np.asarray(values, float).",
    ),
    # Cells
    (lambda: Without()(X), CellError, f"Without: expected super().__init__() before it is called, {READY}"),
    (
        lambda: list(Without().parameters_and_names()),
        CellError,
        f"Without: expected super().__init__() before it is asked for its Parameters, {READY}",
    ),
    (
        lambda: list(Without().cells_and_names()),
        CellError,
        f"Without: expected super().__init__() before it is asked for its Cells, {READY}",
    ),
    (
        lambda: Without(Parameter([1.0])),
        CellError,
        f"Without: expected super().__init__() before it is given the Parameter 'part', {READY}",
    ),
    (
        lambda: Without([nn.ReLU()]),
        CellError,
        f"Without: expected super().__init__() before it is given 'part', {READY}",
    ),
    (
        lambda: Cell()(X),
        CellError,
        "Cell: expected a method `construct`, got a class without one. Define `def construct(self, x): ...`.",
    ),
    (
        lambda: Silent()(X),
        GradientError,
        "Silent.construct: expected a Tensor or a tuple of them, got None. End it with a `return`.",
    ),
    (
        lambda: Twice().parameters_dict(),
        CellError,
        "Twice: expected distinct names for its Parameters, got 'w' twice. Leave `name=` out, so that the attribute names it.",
    ),
    (
        lambda: setattr(Linear(), "w", 3),
        CellError,
        "Linear.w: expected a Parameter or a Tensor of new values, got int 3. For new values, w.set_data(values). "
        "Delete the attribute first if it should be something else.",
    ),
    (
        lambda: Linear().load_state_dict({"w": np.zeros(2), "b": np.zeros(4)}),
        StateDictError,
        "Linear.load_state_dict: expected weights for each Parameter, of its shape, got w is ndarray [2] Float64, not "
        f"Parameter [3] Float32; b is ndarray [4] Float64, not Parameter [3] Float32. {CHANGED}",
    ),
    (
        lambda: Linear().load_state_dict({"u": 0, "v": 0}),
        StateDictError,
        "Linear.load_state_dict: expected weights for each Parameter, of its shape, got missing: w, b; unexpected: u, v. "
        f"{CHANGED}",
    ),
    # The graph
    (
        lambda: grad(use_a_released_graph)(X),
        GradientError,
        "reverse pass: expected a graph that still exists, got one that an earlier gradient has released. "
        "A tensor was kept from inside an earlier transform; return it from the function (has_aux=True) instead.",
    ),
]


@pytest.mark.parametrize(("mistake", "kind", "text"), ERRORS, ids=[text.split(", got")[0] for _, _, text in ERRORS])
def test_the_whole_text(mistake, kind, text):
    with pytest.raises(kind) as caught:
        mistake()
    assert type(caught.value) is kind
    assert str(caught.value) == text
