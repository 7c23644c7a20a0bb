"""Deeply nested or circular Cells and containers give a result, or an error that says what to do."""

import sys

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, grad, nn, ops, tree
from autograd.errors import ArgumentError, CellError

DEEP = 400


@pytest.fixture(scope="module")
def deep():
    net = nn.SequentialCell(nn.Dense(1, 1, weight_init="ones", bias_init="zeros"))
    for _ in range(DEEP):
        net = nn.SequentialCell(net)
    return net


def test_what_walks_through_a_deep_net(deep):
    name = "0." * DEEP + "0."
    assert list(deep.parameters_dict()) == [name + "weight", name + "bias"]
    assert [p.name for p in deep.trainable_params()] == [name + "weight", name + "bias"]
    assert sum(1 for _ in deep.cells_and_names()) == DEEP + 2
    assert deep.set_train().training
    assert next(iter(deep.get_parameters())).item() == 1.0
    assert deep.load_state_dict(deep.state_dict()) == ([], [])
    found = []
    deep.apply(lambda cell: found.append(cell))
    assert (len(found), found[-1]) == (DEEP + 2, deep)
    assert repr(deep).count("SequentialCell") == DEEP + 1
    assert repr(deep).splitlines()[DEEP + 1].strip() == "(0): Dense(in_channels=1, out_channels=1, has_bias=True)"


def test_a_call_of_a_deep_net_says_what_to_do(deep):
    before = sys.getrecursionlimit()
    with pytest.raises(CellError, match=r"construct: expected Cells nested within Python's recursion limit, got deeper"):
        deep(Tensor([[1.0]]))
    with pytest.raises(CellError, match=r"one SequentialCell, or call sys.setrecursionlimit") as caught:
        grad(deep)(Tensor([[1.0]]))
    assert len(getattr(caught.value, "__notes__", ())) < 50
    try:
        sys.setrecursionlimit(4 * DEEP + before)
        assert grad(deep)(Tensor([[1.0]])).item() == 1.0
    finally:
        sys.setrecursionlimit(before)


def test_a_cell_that_calls_itself_says_so():
    class Again(Cell):
        def construct(self, x):
            return self(x)

    with pytest.raises(CellError, match="Check that no Cell calls itself"):
        Again()(Tensor([1.0]))


def circles():
    held, named = [Parameter([1.0])], {"w": Parameter([2.0])}
    held.append(held)
    named["again"] = (held, named)
    return held, named


def test_containers_in_circles_hold_their_parts_once():
    cell = Cell()
    cell.held, cell.named = circles()
    assert list(cell.parameters_dict()) == ["held.0", "named.w"]
    assert repr(cell) == "Cell()"
    cell.parts = [nn.ReLU(), cell]
    assert [name for name, _ in cell.cells_and_names()] == ["", "parts.0"]
    assert repr(cell) == "Cell(\n  (parts.0): ReLU()\n  (parts.1): Cell(...)\n)"
    assert cell.set_train().training
    cell.apply(lambda part: None)


def test_structures_in_circles_are_refused():
    for circle in circles():
        for use in (
            tree.leaves,
            Tensor,
            lambda c: grad(lambda x, c: x, (0, 1))(Tensor([1.0]), c),
            lambda c: grad(lambda x: c)(1.0),
        ):
            with pytest.raises(
                ArgumentError, match=r"expected at most 200 containers inside one another, got more, or a (list|dict) that"
            ):
                use(circle)


def test_lists_of_lists_are_taken():
    value = 1.0
    for _ in range(30):
        value = [value]
    assert Tensor(value).shape == (1,) * 30
    assert np.array_equal(ops.stack(tree.leaves(value)), [1.0])
