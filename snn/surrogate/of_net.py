"""Replace the surrogates of a whole net, or set their steepness."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Parameter
from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError

from ..common.structure import is_stateful
from .base import Surrogate, check_function

__all__ = ["set_alpha", "set_surrogate"]


def set_surrogate(net: Cell, surrogate: Callable[[Any], Any]) -> None:
    """Replace the surrogate of every neuron in a net.

    This sets the attribute ``surrogate_function`` of each Cell, and in your own neurons any attribute that holds a
    :class:`snn.surrogate.Surrogate`. Neurons that never fire do not change.

    Parameters
    ----------
    net : Cell
        A neuron, or a net of them.
    surrogate : callable
        A Cell or function of ``v - v_threshold``. Each neuron gets its own copy of a Cell, so each learns its own steepness if
        that is a Parameter. To let neurons share a surrogate, assign ``node.surrogate_function``.

    Raises
    ------
    DTypeError
        If ``surrogate`` is a class or cannot be called.
    ArgumentError
        If no neuron in the net has a surrogate.

    Examples
    --------
    >>> import snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(4, 3), snn.IFNode(), nn.Dense(3, 2), snn.LIFNode(beta=0.9))
    >>> snn.set_surrogate(net, snn.surrogate.triangle(2.0))
    >>> net[3].surrogate_function
    triangle(alpha=2)
    """
    check_function(surrogate, "snn.set_surrogate", "a Cell or a function")
    places = [(cell, name) for cell in _firing(net) for name in _names(cell)]
    if not places:
        raise _none("snn.set_surrogate", net)
    for cell, name in places:
        setattr(cell, name, copy.deepcopy(surrogate) if isinstance(surrogate, Cell) else surrogate)
    _name(net)


def set_alpha(net: Cell, alpha: Any) -> None:
    """Set the steepness of every surrogate in a net, for example by a schedule: ``snn.set_alpha(net, schedule(step))``.

    The first call replaces each ``alpha`` that is a number or an array by a frozen Parameter, whose values compiled loops read
    in every run. From then on nothing is traced or compiled again, and the state dict of the net contains it.

    Parameters
    ----------
    net : Cell
        A surrogate, a neuron, or a net of them.
    alpha : float or array
        The steepness: one value, or an array in the shape of each surrogate's ``alpha``.

    Raises
    ------
    ArgumentError
        If ``alpha`` is out of range for one of the surrogates, or there is none in the net.
    ShapeError
        If its shape differs from the shape of a surrogate's Parameter. After an error nothing has changed.

    Examples
    --------
    >>> import snn
    >>> from autograd.optim import schedules
    >>> node, schedule = snn.IFNode(surrogate_function=snn.surrogate.atan()), schedules.exponential(1.0, 2.0, every=100)
    >>> for step in range(201):
    ...     snn.set_alpha(node, schedule(step))
    >>> node.surrogate_function
    atan(alpha=4)
    """
    found = [cell for cell in _firing(net) if isinstance(cell, Surrogate)]
    if not found:
        raise _none("snn.set_alpha", net)
    values = [_values(surrogate, alpha) for surrogate in found]
    for surrogate, new in zip(found, values, strict=True):
        if isinstance(surrogate.alpha, Parameter):
            surrogate.alpha.set_data(new)
        else:
            surrogate.alpha = Parameter(new, requires_grad=False)
    _name(net)


def _values(surrogate: Surrogate, alpha: Any) -> Any:
    """Return a steepness as the array that a surrogate takes."""
    surrogate.check_alpha(alpha)
    held = surrogate.alpha
    if not isinstance(held, Parameter):
        return np.asarray(alpha, np.float64)
    if np.ndim(alpha) and np.shape(alpha) != held.shape:
        raise ShapeError(
            f"snn.set_alpha, {type(surrogate).__name__}", f"a number, or the shape {list(held.shape)} of its alpha",
            describe(alpha), "Create new surrogates with snn.set_surrogate.",
        )  # fmt: skip
    return np.broadcast_to(np.asarray(alpha, held.dtype), held.shape)


def _firing(net: Cell) -> list[Cell]:
    """Return the Cells of a net, except neurons that never fire or fire at random, and the Cells inside them."""
    cells = [cell for _, cell in net.cells_and_names()]
    idle = [cell for cell in cells if not getattr(cell, "fire", True)]
    idle += [cell.node for cell in cells if hasattr(cell, "escape") and hasattr(cell, "node")]
    left_out = {id(part) for cell in idle for _, part in cell.cells_and_names()}
    return [cell for cell in cells if id(cell) not in left_out]


def _names(cell: Cell) -> list[str]:
    """Return the names of the attributes in which a Cell holds a surrogate that it uses."""
    stateful = is_stateful(cell)
    return [
        name
        for name, value in vars(cell).items()
        if name == "surrogate_function" or (stateful and isinstance(value, Surrogate))
    ]


def _name(net: Cell) -> None:
    """Name the Parameters of surrogates by their place in the net, as if it had been made with them."""
    own = {id(p) for _, cell in net.cells_and_names() if isinstance(cell, Surrogate) for p in cell.get_parameters()}
    for name, parameter in net.parameters_and_names():
        if id(parameter) in own:
            parameter.name = name


def _none(where: str, net: Cell) -> ArgumentError:
    return ArgumentError(
        where, "a net with a surrogate in it", f"{type(net).__name__} without one",
        "Your own neuron should hold it as self.surrogate_function.",
    )  # fmt: skip
