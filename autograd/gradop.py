"""GradOperation, MindSpore's form of the transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .dtypes import describe
from .errors import ArgumentError, DTypeError
from .parameter import Parameter
from .transforms import Pass, as_weights, check_flags, floating_positions, is_floating, name_of, take_sens
from .tree import leaves

__all__ = ["GradOperation"]


class GradOperation:
    """Higher-order function that makes gradient functions, as in MindSpore.

    Parameters
    ----------
    get_all : bool
        Differentiate with respect to all positional inputs that hold floating Tensors, and return a tuple, instead of the
        first input only. These inputs must come before all others, so that gradient ``i`` is that of input ``i``.
    get_by_list : bool
        Differentiate with respect to the Parameters that are passed with the function. With ``get_all``, their gradients come
        after those of the inputs; otherwise they come alone.
    sens_param : bool
        The gradient function takes the cotangent of the output as its last input, or as ``sens=``.
    allow_unused : bool
        As for :func:`value_and_grad`.

    Examples
    --------
    >>> from autograd import GradOperation, Tensor, ops
    >>> dx, dy = GradOperation(get_all=True)(ops.mul)(Tensor([1.0]), Tensor([2.0]))
    >>> print(dx, dy)
    [2.] [1.]
    """

    def __init__(
        self, get_all: bool = False, get_by_list: bool = False, sens_param: bool = False, *, allow_unused: bool = False
    ) -> None:
        check_flags(
            "GradOperation", get_all=get_all, get_by_list=get_by_list, sens_param=sens_param, allow_unused=allow_unused
        )
        self.get_all, self.get_by_list, self.sens_param, self.allow_unused = get_all, get_by_list, sens_param, allow_unused

    def __repr__(self) -> str:
        return f"GradOperation({', '.join(f'{name}={value}' for name, value in vars(self).items())})"

    def __call__(self, fn: Callable[..., Any], weights: Any = None) -> Callable[..., Any]:
        """Return the gradient function of ``fn``."""
        if not callable(fn):
            raise DTypeError("GradOperation", "a function or Cell", describe(fn), "Pass the function itself.")
        if self.get_by_list and weights is None:
            weights = fn.trainable_params() if hasattr(fn, "trainable_params") else ()
        parameters = as_weights(weights, "GradOperation") if self.get_by_list else []
        where = f"GradOperation of {name_of(fn)}"

        def gradient(*args: Any, **kwargs: Any) -> Any:
            args, sens = take_sens(args, kwargs, where) if self.sens_param else (args, None)
            positions = [] if self.get_by_list else [0]
            if self.get_all:
                positions = floating_positions(args, where, needed=bool(args) or not self.get_by_list)
                _check_keywords(kwargs, where)
            if positions and positions[-1] >= len(args):
                raise ArgumentError(where, "an input to differentiate", "no positional input", "Use get_by_list=True.")
            run = Pass(fn, args, kwargs, positions, parameters, where, has_aux=False, allow_unused=self.allow_unused)
            by_position, by_weights = run.gradients(sens, free=True)
            if self.get_by_list:
                ours: Any = by_weights[0] if isinstance(weights, Parameter) else tuple(by_weights)
                return run.value((tuple(by_position), ours) if self.get_all else ours)
            return run.value(tuple(by_position) if self.get_all else by_position[0])

        return gradient


def _check_keywords(kwargs: dict[str, Any], where: str) -> None:
    for name, value in kwargs.items():
        if any(map(is_floating, leaves(value))):
            raise DTypeError(
                where, "every floating input by position, since get_all=True", f"{name}={describe(value)}",
                "Pass it by position. If its gradient is not wanted, name the positions: autograd.grad(fn, 0).",
            )  # fmt: skip
