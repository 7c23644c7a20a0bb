"""Groups of a net's Parameters for the optimizer: weights, biases, and the constants of neurons and synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd import Cell, Parameter
from autograd.errors import ArgumentError

from ..neurons import Neuron
from ..synapses import Synapse

__all__ = ["groups"]


def groups(
    net: Cell, *, weights: Mapping[str, Any] | None = None, biases: Mapping[str, Any] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return groups of a net's trainable Parameters by their kind, for any optimizer.

    Parameters
    ----------
    net : Cell
        The net.
    weights : dict, optional
        Options of the Parameters of layers with two axes or more.
    biases : dict, optional
        Options of the other Parameters of layers, such as biases and the scales of norms. They have no weight decay by
        default.
    constants : dict, optional
        Options of the Parameters of neurons and synapses, such as decays and thresholds, and of the Parameters with at most
        one axis that a Cell with its own ``initial_state`` holds directly. They have no weight decay by default.

    Returns
    -------
    list of dict
        A group for each kind that the net has: weights, biases, constants, each with ``"params"``. The last item is
        ``{"order_params": [...]}``, without ``"params"``: it makes the optimizer take its gradients in the order of
        ``net.trainable_params()``. Change or extend the groups before it.

    Raises
    ------
    ArgumentError
        If there are options for a kind that the net does not have.

    Examples
    --------
    >>> import autograd, numpy as np, snn
    >>> from autograd import nn, optim
    >>> node = snn.LIFNode(beta=autograd.Parameter(np.full(10, 0.9, np.float32)))
    >>> net = nn.SequentialCell(nn.Dense(5, 10), node, nn.Dense(10, 2))
    >>> groups = snn.train.groups(net, weights={"weight_decay": 0.01}, constants={"lr": 1e-4})
    >>> optim.AdamW(groups, lr=1e-3).groups[2]["lr"]
    0.0001
    """
    params = net.trainable_params()
    inner = _constants(net)
    found: dict[str, list[Parameter]] = {"weights": [], "biases": [], "constants": []}
    for p in params:
        found["constants" if id(p) in inner else "weights" if p.ndim > 1 else "biases"].append(p)
    options = {"weights": weights, "biases": biases, "constants": constants}
    for kind, given in options.items():
        if given and not found[kind]:
            raise ArgumentError(
                "snn.train.groups", f"a net with {kind} to train", f"none, and options for them, {dict(given)}",
                "Leave them out.",
            )  # fmt: skip
    usual: dict[str, dict[str, Any]] = {"weights": {}, "biases": {"weight_decay": 0.0}, "constants": {"weight_decay": 0.0}}
    made = [{"params": found[kind], **usual[kind], **(options[kind] or {})} for kind in found if found[kind]]
    return [*made, {"order_params": params}]


def _constants(net: Cell) -> set[int]:
    found: set[int] = set()
    for _, cell in net.cells_and_names():
        if isinstance(cell, (Neuron, Synapse)):
            found |= {id(p) for p in cell.get_parameters()}
        elif hasattr(cell, "initial_state"):
            found |= {id(p) for p in cell.get_parameters(expand=False) if p.ndim < 2}
    return found
