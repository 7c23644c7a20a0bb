"""Cell: the order and names of its parts, its modes, its errors. Cases K and V of the behaviour table."""

import copy
import pickle
import re

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, grad, nn
from autograd.errors import CellError, ShapeError

from .helpers import Linear, plain, x23, y23


def names(cell):
    return [name for name, _ in cell.parameters_and_names()]


class Layers(Cell):
    """Parts in every kind of attribute."""

    def __init__(self):
        super().__init__()
        self.first = nn.Dense(2, 2, rng=0)
        self.scale = Parameter([1.0])
        self.cells_list = [nn.Dense(2, 2, has_bias=False, rng=0), nn.ReLU()]
        self.cells_tuple = (nn.Dense(2, 1, has_bias=False, rng=0),)
        self.cells_dict = {"a": nn.Dense(2, 1, has_bias=False, rng=0), "deep": [Parameter([2.0])]}
        self.note = "no part"
        self.numbers = [1, 2]

    def construct(self, x):
        return x


NAMES = ["first.weight", "first.bias", "scale", "cells_list.0.weight", "cells_tuple.0.weight", "cells_dict.a.weight",
         "cells_dict.deep.0"]  # fmt: skip


def test_parameters_are_found_in_order_with_dotted_names():
    net = Layers()
    assert names(net) == NAMES
    assert list(net.parameters_dict()) == NAMES
    assert [p.name for p in net.get_parameters()] == NAMES
    assert [p.name for p in net.trainable_params()] == NAMES


def test_names_grow_with_the_nesting():
    net = nn.SequentialCell(nn.SequentialCell(Layers()))
    assert [p.name for p in net.get_parameters()] == ["0.0." + name for name in NAMES]


def test_cells_are_found_in_order():
    net = Layers()
    assert [name for name, _ in net.cells_and_names()] == ["", "first", "cells_list.0", "cells_list.1", "cells_tuple.0",
                                                           "cells_dict.a"]  # fmt: skip
    assert [type(c).__name__ for c in net.cells()] == ["Dense", "Dense", "ReLU", "Dense", "Dense"]
    assert next(net.cells_and_names())[1] is net


def test_a_list_that_grows_later_is_seen():
    net = Layers()
    net.cells_list.append(nn.Dense(1, 1, has_bias=False, rng=0))
    assert "cells_list.2.weight" in names(net)


def test_names_of_sequential_cells_as_in_the_behaviour_table():
    net = nn.SequentialCell([nn.Dense(2, 3), nn.Dense(3, 1)])
    assert names(net) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert [name for name, _ in net.cells_and_names()] == ["", "0", "1"]


def test_a_name_given_to_a_parameter_stays():
    class Named(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([1.0], name="weight")
            self.others = [Parameter([1.0], name="q"), Parameter([1.0])]

    net = Named()
    assert names(net) == ["weight", "others.q", "others.1"]
    assert [p.name for p in nn.SequentialCell({"part": net}).get_parameters()] == [
        "part.weight",
        "part.others.q",
        "part.others.1",
    ]


def test_shared_cells_and_parameters_count_once():
    class Shared(Cell):
        def __init__(self):
            super().__init__()
            self.a = nn.Dense(1, 1, rng=0)
            self.b = self.a
            self.w = Parameter([1.0])
            self.again = self.w

    assert names(Shared()) == ["a.weight", "a.bias", "w"]
    assert [name for name, _ in Shared().cells_and_names()] == ["", "a"]


def test_a_cell_that_holds_itself_is_walked_once():
    net = Layers()
    net.parent = net
    assert names(net) == NAMES
    assert [path for path, cell in net.cells_and_names() if cell is net] == [""]


def test_what_comes_behind_a_shared_part_is_found():
    net = Layers()
    net.more = [net.scale, net.first, Parameter([3.0]), nn.ReLU()]
    assert names(net) == [*NAMES, "more.2"]
    assert [name for name, _ in net.cells_and_names()][-1] == "more.3"


def test_two_parameters_of_one_name_are_told_apart_only_by_place():
    class Twice(Cell):
        def __init__(self):
            super().__init__()
            self.a, self.b = Parameter([1.0], name="w"), Parameter([2.0], name="w")

    net = Twice()
    assert [p.name for p in net.get_parameters()] == ["w", "w"]
    with pytest.raises(
        CellError, match=r"Twice: expected distinct names for its Parameters, got 'w' twice. Leave `name=` out"
    ):
        net.parameters_dict()


def test_parameters_of_a_cell_without_those_of_the_cells_below():
    net = Layers()
    net.scale.requires_grad = False
    assert [p.name for p in net.get_parameters(expand=False)] == ["scale", "cells_dict.deep.0"]
    assert [p.name for p in net.trainable_params(recurse=False)] == ["cells_dict.deep.0"]


def test_frozen_parameters_are_not_trainable():
    net = Linear()
    net.w.requires_grad = False
    assert [p.name for p in net.trainable_params()] == ["b"]
    assert names(net) == ["w", "b"]


# Assigning


def test_a_tensor_assigned_to_a_parameter_replaces_its_values():
    net = Linear()
    before = net.w
    net.w = Tensor([9.0, 9.0, 9.0], "float64")
    assert net.w is before
    assert plain(net.w) == [9.0, 9.0, 9.0]
    assert net.w.dtype == np.float32


def test_subtracting_in_place_updates_the_parameter():
    net = Linear()
    before, values = net.w, net.w.array
    net.w -= 0.5
    assert net.w is before
    assert plain(net.w) == [0.5, 1.5, 2.5]
    assert values.tolist() == [1.0, 2.0, 3.0]


def test_a_new_parameter_none_or_deletion_replace_the_old_one():
    net = Linear()
    net.w = Parameter([4.0])
    assert plain(net.w) == [4.0]
    assert names(net) == ["w", "b"]
    net.w = None
    assert net.w is None
    assert names(net) == ["b"]
    del net.b
    assert names(net) == []
    with pytest.raises(AttributeError, match="b"):
        net.b  # noqa: B018


def test_values_of_another_shape_are_refused():
    net = Linear()
    with pytest.raises(
        ShapeError, match=r"Parameter 'w'.set_data: expected shape \[3\], got ndarray \[2\] Float32. Make a new"
    ):
        net.w = Tensor([1.0, 2.0])
    assert plain(net.w) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("value", [3, "text", [1.0, 2.0, 3.0], nn.ReLU()])
def test_something_else_in_place_of_a_parameter_is_refused(value):
    net = Linear()
    with pytest.raises(
        CellError, match=r"Linear.w: expected a Parameter or a Tensor of new values, got .*Delete the attribute"
    ):
        net.w = value


@pytest.mark.parametrize(
    "part", [Parameter([1.0]), nn.ReLU(), [nn.ReLU()], {"a": (Parameter([1.0]),)}], ids=["Parameter", "Cell", "list", "dict"]
)
def test_a_part_before_super_init_is_refused(part):
    class Early(Cell):
        def __init__(self):
            self.part = part
            super().__init__()

    message = (
        r"Early: expected super\(\).__init__\(\) before it is given .*'part', got no such call. Make `super\(\).__init__\(\)`"
    )
    with pytest.raises(CellError, match=message):
        Early()


def test_a_cell_without_super_init_cannot_be_called():
    class Without(Cell):
        def __init__(self):
            self.size = 3

        def construct(self, x):
            return x

    message = (
        r"Without: expected super\(\).__init__\(\) before it is called, got no such call. Make .* the first line of __init__"
    )
    for call in (Without(), grad(Without())):
        with pytest.raises(CellError, match=message):
            call(x23())


def test_a_cell_without_construct_says_so():
    class Empty(Cell):
        pass

    with pytest.raises(
        CellError, match=r"Empty: expected a method `construct`, got a class without one. Define `def construct"
    ):
        Empty()(x23())


def test_a_wrong_number_of_inputs_is_a_type_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        Linear()(x23())
    with pytest.raises(TypeError, match="takes 3 positional arguments but 4 were given"):
        Linear()(x23(), y23(), x23())


def test_inputs_may_be_given_by_name():
    net, x, y = Linear(), x23(), y23()
    assert plain(net(x, y=y)) == plain(net(x=x, y=y)) == plain(net(x, y))
    assert plain(grad(net)(x, y=y)) == plain(grad(net)(x, y))


# Modes


def test_modes_reach_all_cells_below():
    net = nn.SequentialCell(Layers())
    assert {(c.training, c.requires_grad) for _, c in net.cells_and_names()} == {(False, False)}
    assert net.set_train() is net
    assert net.set_grad() is net
    assert {(c.training, c.requires_grad) for _, c in net.cells_and_names()} == {(True, True)}
    assert net.set_train(False).set_grad(False) is net
    assert {(c.training, c.requires_grad) for _, c in net.cells_and_names()} == {(False, False)}


def test_has_bprop():
    class Own(Cell):
        def bprop(self, x, out, dout):
            return (dout,)

    assert (Own().has_bprop, Linear().has_bprop) == (True, False)


def test_forward_hooks_see_every_run_until_they_are_taken_off():
    net, seen = Linear(), []
    remove = net.register_forward_hook(lambda cell, inputs, out: seen.append((cell, plain(inputs), plain(out))))
    also = net.register_forward_hook(lambda *_: seen.append("second"))
    x, y = x23(), y23()
    out = plain(net(x, y))
    assert seen == [(net, (plain(x), plain(y)), out), "second"]
    remove()
    net(x, y)
    assert seen[2:] == ["second"]
    also()
    assert plain(grad(net)(x, y)) == [[1.0, 2.0, 3.0]] * 2
    assert len(seen) == 3


def test_repr_shows_the_cells_inside():
    assert repr(nn.SequentialCell(nn.Dense(2, 2), nn.ReLU())) == (
        "SequentialCell(\n  (0): Dense(in_channels=2, out_channels=2, has_bias=True)\n  (1): ReLU()\n)"
    )
    assert repr(nn.SequentialCell({"in": nn.SequentialCell(nn.ReLU())})) == (
        "SequentialCell(\n  (in): SequentialCell(\n    (0): ReLU()\n  )\n)"
    )
    assert repr(Linear()) == "Linear()"


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda cell: pickle.loads(pickle.dumps(cell))])
def test_a_cell_can_be_copied_and_pickled(twin):
    net = nn.SequentialCell({"a": nn.Dense(2, 1, rng=0), "b": nn.Dropout(0.5, rng=1)}).set_train()
    net[0].bias.requires_grad = False
    again = twin(net)
    assert names(again) == names(net)
    assert [(p.name, p.requires_grad, plain(p)) for p in again.get_parameters()] == [
        (p.name, p.requires_grad, plain(p)) for p in net.get_parameters()
    ]
    again[0].weight.set_data(np.zeros((1, 2)))
    assert plain(net[0].weight) != [[0.0, 0.0]]
    x = Tensor([[1.0, 2.0]])
    assert plain(grad(lambda v: again[0](v), None, again[0].weight)(x)) == [[1.0, 2.0]]


HOLDERS = {
    "an attribute": (lambda part: setattr(Cell(), "node", part), "'node' of Cell"),
    "a list": (lambda part: setattr(Cell(), "nodes", [nn.ReLU(), part]), "'nodes.1' of Cell"),
    "a dict": (lambda part: setattr(Cell(), "nodes", {"a": part}), "'nodes.a' of Cell"),
    "a child": (lambda part: Cell().insert_child_to_cell("child", part), "'child' of Cell"),
    "a chain": (lambda part: nn.SequentialCell(nn.ReLU(), part), "'1' of SequentialCell"),
    "an appended layer": (lambda part: nn.SequentialCell().append(part), "'0' of SequentialCell"),
    "a list of Cells": (lambda part: nn.CellList([part]), "'0' of CellList"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_part_without_super_init_is_named_where_it_is_put_into_a_net(holder):
    class Forgetful(Cell):
        def __init__(self):
            self.damping = 0.9  # a number may come before super().__init__()

    put, where = HOLDERS[holder]
    message = (
        f"Forgetful: expected super().__init__() before it is made part {where}, got no such call. Make `super().__init__()`"
    )
    with pytest.raises(CellError, match=re.escape(message)):
        put(Forgetful())


def test_numbers_may_come_before_super_init():
    class Late(Cell):
        def __init__(self):
            self.damping = 0.9
            super().__init__()

    net = Cell()
    net.late = Late()
    assert net.late.damping == 0.9
