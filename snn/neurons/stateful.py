"""The base of neurons and synapses: a state that is passed in, checked, and returned."""

from __future__ import annotations

from typing import Any, ClassVar

from autograd import as_tensor, float32, ops
from autograd.dtypes import describe
from autograd.errors import AutogradError, StateError

from ..common.equations import equations
from .ranges import Checked

__all__: list[str] = []  # nothing public


def floats(x: Any) -> Any:
    """Return an input as it is, or bools and whole numbers as float32."""
    return x if x.dtype.kind == "f" else x.astype(float32)


class Stateful(Checked):
    """Base class of Cells with a state over time: a step is ``cell(x, state) -> (out, state)``.

    A subclass defines ``construct(x, state)``, and ``initial_state(x)`` if the initial state is not zeros.
    """

    State: ClassVar[Any] = None
    """The NamedTuple of the state; None if the state is one Tensor."""

    called: ClassVar[str] = "node"
    """Name of such a Cell in errors."""

    def __call__(self, x: Any, state: Any = None) -> Any:
        """Check the state against the input, then run one step."""
        name = type(self).__name__
        if state is None:
            raise StateError(
                name, f"an input and a state, {self.called}(x, state)", "no state",
                f"Run it over time with snn.run(net, x), or start with state = {self.called}.initial_state(x).",
            )  # fmt: skip
        x = self.check_input(x)
        return super().__call__(x, self.check_state(next(iter(x.values())) if isinstance(x, dict) else x, state))

    def check_input(self, x: Any) -> Any:
        """Return an input as a Tensor, or inputs by name, all of one shape, as a dict of Tensors."""
        return as_tensor(x, type(self).__name__)

    def check_state(self, x: Any, state: Any) -> Any:
        """Return a state, as Tensors; a StateError if its structure, shape or dtype does not fit an input."""
        if self.State is None:
            return self.check_variable(x, state)
        if not isinstance(state, self.State):
            raise StateError(
                f"{type(self).__name__}, state", f"its State of {', '.join(self.State._fields)}", describe(state),
                f"Start with {self.called}.initial_state(x), or create one: {self.called}.State(...).",
            )  # fmt: skip
        return self.State(*[self.check_variable(x, *item) for item in zip(state, self.State._fields, strict=True)])

    def check_variable(self, x: Any, value: Any, variable: str = "") -> Any:
        """Return one variable of a state, as a Tensor; a StateError if its shape or dtype does not fit an input."""
        name, dtype = type(self).__name__, x.dtype if x.dtype.kind == "f" else float32
        if value is not None and not isinstance(value, (tuple, list, dict, str)):
            value = as_tensor(value, name)
        if getattr(value, "shape", None) != x.shape or value.dtype != dtype:
            raise StateError(
                f"{name}, state {variable}".rstrip(),
                f"{list(x.shape)} {str(dtype).capitalize()}, as the input", describe(value),
                f"Start with {self.called}.initial_state(x); a state belongs to one batch size and dtype.",
            )  # fmt: skip
        return value

    def zeros(self, x: Any) -> Any:
        """Return zeros for one variable of the state, for inputs such as ``x``, ``[N, ...]``."""
        self.require_ready("run")
        x = as_tensor(x, type(self).__name__)
        return ops.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float32)

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: zeros."""
        zeros = self.zeros(x)
        return zeros if self.State is None else self.State(*[zeros] * len(self.State._fields))

    @property
    def starts_at_zero(self) -> bool:
        """Whether :meth:`initial_state` returns zeros for every input of a shape and dtype."""
        return self._starts_by(_STARTS)

    def _starts_by(self, methods: dict[str, Any]) -> bool:
        """Return whether these methods are those of the class, and no subclass, instance or patch has changed them."""
        ours = all(getattr(type(self), name, None) is method for name, method in methods.items())
        return ours and vars(self).keys().isdisjoint(methods)

    def __repr__(self) -> str:
        try:
            inside = equations(self)
        except AutogradError:  # a user's charge that cannot be traced, or fails
            inside = self.extra_repr()
        return f"{type(self).__name__}({inside})"


_STARTS = {"initial_state": Stateful.initial_state, "zeros": Stateful.zeros}
