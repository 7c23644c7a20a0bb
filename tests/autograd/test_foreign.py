"""Names of other frameworks lead to an error that names ours, and are no attributes otherwise."""

import copy
import importlib
import pickle
import pydoc
import re

import numpy as np
import pytest

import autograd
import snn
from autograd import Cell, Parameter, Tensor, foreign, grad, nn, ops, optim
from autograd.errors import CellError, UnknownImportError, UnknownNameError


def net():
    return nn.SequentialCell(nn.Dense(2, 2, rng=0))


OBJECTS = {
    "Tensor": (lambda: Tensor([1.0, 2.0]), foreign.TENSOR),
    "Parameter": (
        lambda: Parameter([1.0, 2.0]),
        {k: v for k, v in foreign.TENSOR.items() if k not in ("clone", "requires_grad")},
    ),
    "Cell": (Cell, foreign.CELL),
    "SequentialCell": (net, foreign.CELL),
    "SGD": (lambda: optim.SGD(net().trainable_params()), foreign.OPTIMIZER),
    "AdamW": (lambda: optim.AdamW(net().trainable_params()), foreign.OPTIMIZER),
}
NAMES = [(kind, name) for kind, (_, table) in OBJECTS.items() for name in table]
MODULES = [(module, name) for module, table in foreign.MODULES.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_name_of_another_framework_says_what_to_write(kind, name):
    make, table = OBJECTS[kind]
    thing = make()
    with pytest.raises(UnknownNameError) as caught:
        getattr(thing, name)
    text = f".{name}: expected a name of spikecell, got one of another framework. {table[name]}."
    assert str(caught.value) == type(thing).__name__ + text
    assert not hasattr(thing, name)
    assert getattr(thing, name, "default") == "default"
    assert name not in dir(thing)


@pytest.mark.parametrize(("module", "name"), MODULES)
def test_a_name_of_another_framework_in_a_module_says_what_to_write(module, name):
    found, text = importlib.import_module(module), foreign.MODULES[module][name]
    with pytest.raises(UnknownNameError, match=re.escape(f"{module}.{name}: expected a name of spikecell")):
        getattr(found, name)
    assert getattr(found, name, "default") == "default"
    assert name not in dir(found)
    with pytest.raises(UnknownImportError, match=re.escape(text)):
        exec(f"from {module} import {name}", {})


@pytest.mark.parametrize("module", [autograd, nn, ops, optim])
def test_any_other_name_is_missing_as_ever(module):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Denes'"):
        module.Denes  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Denes'"):
        exec(f"from {module.__name__} import Denes", {})


ROOTS = {
    "autograd": autograd, "nn": nn, "ops": ops, "optim": optim, "snn": snn, "np": np, "x": Tensor([1.0]), "y": Tensor([1.0]),
    "weight": Parameter([1.0]), "parameter": Parameter([1.0]), "net": net(), "optimizer": optim.SGD(net().trainable_params()),
    "rng": np.random.default_rng(0),
}  # fmt: skip
TEXTS = {
    text for table in (foreign.TENSOR, foreign.CELL, foreign.OPTIMIZER, *foreign.MODULES.values()) for text in table.values()
}


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_what_a_hint_names_is_there(text):
    paths = re.findall(r"(?<![\w.'])(?:" + "|".join(ROOTS) + r")\.[a-zA-Z_][\w.]*\w", text)
    for path in paths:
        root, *names = path.split(".")
        found = ROOTS[root]
        for name in names:
            found = getattr(found, name)
    assert paths or re.match(r"Leave it out|There is no|Use x [@%=]|Assign|The method|Use a Cell|Pass dtype=|Call it", text), (
        text
    )


@pytest.mark.parametrize("name", ops.on_tensors)
def test_an_operation_that_is_no_method_is_named(name):
    x = Tensor([1.0])
    if not hasattr(x, name):
        with pytest.raises(UnknownNameError, match=rf"Tensor.{name}: expected .* (Use|Leave|ops\.{name})"):
            getattr(x, name)


@pytest.mark.parametrize("kind", OBJECTS)
def test_copies_pickles_and_help_do_not_stumble(kind):
    thing = OBJECTS[kind][0]()
    for again in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        assert type(again) is type(thing)
    assert pydoc.render_doc(type(thing))


def test_hints_give_way_to_what_a_user_defines():
    class Own(Cell):
        def __init__(self):
            super().__init__()
            self.children = nn.Dense(1, 1)

        def parameters(self):
            return "mine"

    own = Own()
    assert own.parameters() == "mine"
    assert own.children.weight.name == "children.weight"
    assert {"parameters", "children"} <= set(dir(own))
    own.train = 3
    assert own.train == 3
    other = net()
    other.insert_child_to_cell("modules", nn.ReLU())
    assert [name for name, _ in other.named()] == ["0", "modules"]


@pytest.mark.parametrize("name", ["grad", "requires_grad_", "device"])
def test_a_tensor_takes_no_value_under_such_a_name(name):
    for x in (Tensor([1.0]), Parameter([1.0])):
        with pytest.raises(UnknownNameError, match=re.escape(foreign.TENSOR[name])):
            setattr(x, name, None)


def test_a_forward_in_the_place_of_construct_is_named():
    class Own(Cell):
        def forward(self, x):
            return x

    with pytest.raises(
        CellError, match=r"Own: expected a method `construct`, got a class without one. Call it `construct` instead of"
    ):
        Own()(Tensor([1.0]))


def test_a_hint_inside_a_transform_says_where():
    with pytest.raises(UnknownNameError, match=r"Tensor.detach: .* Use autograd.stop_gradient\(x\)"):
        grad(lambda x: x * x.detach())(Tensor([1.0]))


def test_an_error_of_the_table_can_be_pickled():
    with pytest.raises(UnknownNameError) as caught:
        nn.Linear  # noqa: B018
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
