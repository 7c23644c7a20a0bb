"""The form of a case of the table, its check, and the parts that most cases share.

A case is a function with the case's name. Its decorator says whose answer is expected:

- ``same``: MindSpore's two modes agree, or only one of them could run the case, and we do the same;
- ``pynative`` and ``graph``: the modes disagree and we follow that one;
- ``differs``: we do neither, on purpose.

All but the first name their subject, which is a row of docs/mindspore.md.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd as ms
from autograd import Parameter, Tensor, nn, ops


class Case(NamedTuple):
    name: str
    run: Callable[[], Any]
    follows: str
    subject: str | None
    want: Any


class Fails(NamedTuple):
    """An error that a case must end with, and a part of its text."""

    kind: type[Exception]
    text: str


CASES: dict[str, Case] = {}


def record(follows, subject, want, name=None):
    """Return a decorator that keeps a function as a case."""

    def keep(run):
        case = Case(name or run.__name__, run, follows, subject, want)
        assert case.name not in CASES, f"two cases are called {case.name}"
        CASES[case.name] = case
        return run

    return keep


same = partial(record, "both", None)
pynative = partial(record, "pynative")
graph = partial(record, "graph")
differs = partial(record, "neither")


def hold(case):
    """Run a case and compare what comes of it with what is wanted. An infinity may be wanted."""
    if isinstance(case.want, Fails):
        with pytest.raises(case.want.kind, match=re.escape(case.want.text)):
            case.run()
    else:
        with np.errstate(divide="ignore"):
            got = case.run()
        compare(got, case.want)


def compare(got, want):
    """Compare values, shapes and dtypes. A list or a number that is wanted of a Tensor means float32."""
    if isinstance(want, tuple):
        assert isinstance(got, tuple)
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            compare(one, other)
    elif isinstance(got, Tensor):
        want = want if isinstance(want, np.ndarray) else np.asarray(want, np.float32)
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    else:
        assert type(got) is type(want)
        assert got == want


X = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
Y = Tensor([[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]])


def full(value):
    """Return what is wanted where every element of a gradient by X is the same."""
    return [[float(value)] * 3] * 2


def get_all(net, *inputs, **options):
    """Return the gradients of ``net`` by all inputs, as most cases ask for them."""
    return ops.GradOperation(get_all=True, **options)(net)(*inputs)


def by_weights(net, *inputs):
    """Return the gradients by all inputs and by all Parameters."""
    weights = ms.ParameterTuple(net.trainable_params())
    return ops.GradOperation(get_all=True, get_by_list=True)(net, weights)(*inputs)


def cell(construct, bprop=None, **attributes):
    """Make a Cell of a class ``Net`` from its methods."""
    methods = {"construct": construct} | ({} if bprop is None else {"bprop": bprop})
    net = type("Net", (nn.Cell,), methods)()
    for name, value in attributes.items():
        setattr(net, name, value)
    return net


def weight(*values):
    return Parameter(list(values))


def triples():
    """Return the Cell ``x * 2`` whose bprop says 3."""
    return cell(lambda self, x: x * 2, lambda self, x, out, dout: (dout * 3,))


def linear():
    """Return the Cell ``x w + y b``."""
    return cell(lambda self, x, y: x * self.w + y * self.b, w=weight(1.0, 2.0, 3.0), b=weight(1.0, 1.0, 1.0))
