"""Nested structures taken apart and put together."""

from typing import NamedTuple

import pytest

from autograd.tree import leaves, map_leaves, same_structure, unflatten


class Pair(NamedTuple):
    v: object
    i: object


TREE = {"b": (1, [2, None]), "a": Pair(3, {"deep": ()}), "c": "text"}


def test_leaves_come_in_order():
    assert leaves(TREE) == [1, 2, None, 3, "text"]
    assert leaves(5) == [5]


def test_unflatten_undoes_leaves():
    again = unflatten(TREE, iter(leaves(TREE)))
    assert again == TREE
    assert type(again["a"]) is Pair


def test_map_leaves_keeps_the_containers():
    mapped = map_leaves(lambda leaf: [leaf], Pair(1, (2,)))
    assert mapped == Pair([1], ([2],))
    assert type(mapped) is Pair


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, None, True), ((1, 2), (3, 4), True), (Pair(1, 2), (3, 4), True), ([1, [2]], [3, [4]], True),
        ({"a": 1, "b": (2,)}, {"a": 0, "b": (0,)}, True), (1, (1,), False), ((1,), 1, False), ((1, 2), (1,), False),
        ((1, 2), [1, 2], False), ([1], (1,), False), ((1, (2,)), (1, 2), False), ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, [1], False), (1, {"a": 1}, False), ({"a": (1,)}, {"a": 1}, False), ([1], {"a": 1}, False),
    ],
)  # fmt: skip
def test_same_structure(a, b, same):
    assert same_structure(a, b) is same
