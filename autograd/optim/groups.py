"""Groups of Parameters with their own options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..dtypes import describe
from ..errors import ArgumentError, DTypeError
from ..parameter import Parameter

__all__ = ["grouped", "positions"]

_ASK = "Pass cell.trainable_params()."


def grouped(
    where: str, params: Any, options: Mapping[str, Callable[[str, Any], Any]]
) -> tuple[list[Parameter], list[dict[str, Any]]]:
    """Return all Parameters in the order of the gradients, and the groups.

    ``params`` is as for :class:`~autograd.optim.Optimizer`, ``options`` has the check of each option that a group may have,
    and ``where`` is the optimizer's name, for errors.
    """
    if isinstance(params, (Parameter, Mapping)) or not isinstance(params, Iterable):
        raise DTypeError(where, "a list of Parameters, or of groups of them", describe(params), _ASK)
    items = list(params)
    if not any(isinstance(item, Mapping) for item in items):
        items = [{"params": items}]
    order = None
    groups = []
    for i, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise DTypeError(
                where, f"a group such as {{'params': [...], 'lr': 0.01}} as item {i}", describe(item), "Wrap it in one."
            )
        if set(item) == {"order_params"}:
            order = _checked(where, item["order_params"])
        else:
            groups.append(_group(f"{where}, group {i}" if len(items) > 1 else where, item, options))
    flat = [p for group in groups for p in group["params"]]
    if not flat:
        raise ArgumentError(where, "at least one Parameter", "none", _ASK)
    if len({id(p) for p in flat}) < len(flat):
        raise ArgumentError(where, "each Parameter once", "one of them twice", _ASK)
    if order is not None and (len(order) != len(flat) or {id(p) for p in order} != {id(p) for p in flat}):
        raise ArgumentError(
            where, f"order_params to be the {len(flat)} Parameters of the groups", f"a different list of {len(order)}",
            "Pass all of them, in the order of the gradients.",
        )  # fmt: skip
    return flat if order is None else order, groups


def _group(where: str, given: Mapping[str, Any], options: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    rest = {key: value for key, value in given.items() if key != "params"}
    if rest.pop("grad_centralization", False):
        raise ArgumentError(where, "grad_centralization=False", "True", "Subtract the means from the gradients yourself.")
    unknown = [key for key in rest if key not in options]
    if "params" not in given or unknown:
        raise ArgumentError(
            where, f"'params' with some of {', '.join(map(repr, options))}", ", ".join(map(repr, given)) or "nothing",
            "For example {'params': [net.bias], 'weight_decay': 0.0}.",
        )  # fmt: skip
    return {"params": _checked(where, given["params"]), **{key: options[key](where, value) for key, value in rest.items()}}


def _checked(where: str, params: Any) -> list[Parameter]:
    if isinstance(params, Parameter) or not isinstance(params, Iterable):
        raise DTypeError(where, "a list of Parameters", describe(params), "Put it in a list.")
    found = list(params)
    for p in found:
        if not isinstance(p, Parameter):
            raise DTypeError(where, "Parameters", describe(p), _ASK)
        if p.dtype.kind != "f":
            raise DTypeError(
                f"{where}, {p.name}", "a Parameter of floats", describe(p),
                "Convert its values, or keep it out of the optimizer.",
            )  # fmt: skip
    return found


def positions(params: Sequence[Parameter], among: Sequence[Parameter]) -> str:
    """Return the expression that selects Parameters from the list ``params`` of all of them."""
    places = {id(p): i for i, p in enumerate(among)}
    found = [places[id(p)] for p in params]
    if found and found == list(range(found[0], found[-1] + 1)):
        return f"params[{found[0]}:{found[-1] + 1}]"
    return f"[{', '.join(f'params[{i}]' for i in found)}]"
