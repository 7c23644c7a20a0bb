"""Base class of optimizers, which update Parameters when called with their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..assign import check_saved, fitted_all
from ..dtypes import DType, describe, float16, float32
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError, StateDictError
from ..foreign import OPTIMIZER, hint, listed
from ..parameter import Parameter, ParameterTuple
from ..state import quietly
from ..tensor import Tensor
from .bundle import Bundle
from .constraints import check_constraint, constrained, is_finite_after
from .finite import Array, Known, Largest, is_finite, largest, limits
from .groups import grouped, positions
from .schedules import Schedule, table

__all__ = ["Optimizer", "Option", "flag", "within"]

Option = Callable[[str, Any], Any]
"""Called with the name of a class and the value of an option; checks the value and returns it."""


def within(what: str, low: float, high: float) -> Option:
    """Return a check for a number in [low, high)."""

    def check(where: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not low <= value < high:
            raise ArgumentError(where, f"{what} in [{low:g}, {high:g})", repr(value), "Choose another value.")
        return float(value)

    return check


def flag(what: str) -> Option:
    """Return a check for a bool."""

    def check(where: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ArgumentError(where, f"{what}=True or False", repr(value), "Pass the other arguments by name.")
        return value

    return check


def _rate(where: str, lr: Any) -> float | Schedule:
    """Check a learning rate: a number, a function of the step, or a number for each step."""
    if callable(lr):
        schedule: Schedule = lr
        return schedule
    numbers = lr.asnumpy() if isinstance(lr, Tensor) else lr
    if np.ndim(numbers):
        return table([_number(where, rate) for rate in numbers])
    rate: float = _number(where, numbers.item() if isinstance(numbers, np.ndarray) else numbers)
    return rate


_number = within("lr", 0.0, math.inf)


def check_gradients(gradients: Any, where: str, params: Sequence[Parameter] = ()) -> tuple[Tensor, ...]:
    """Return gradients, of these Parameters if they are known, as a tuple of Tensors.

    Raises
    ------
    DTypeError
        If they are not gradients, such as the loss or the Parameters.
    """
    advice = "loss, gradients = autograd.value_and_grad(fn, None, optimizer.params)(...) returns them."
    if isinstance(gradients, (Tensor, str)) or not isinstance(gradients, Sequence):
        raise DTypeError(where, "gradients, one for each Parameter", describe(gradients), advice)
    for i, g in enumerate(gradients):
        if not isinstance(g, Tensor):
            whose = params[i].name if i < len(params) else f"gradient {i}"
            raise DTypeError(f"{where}, {whose}", "its gradient as a Tensor", describe(g), "Wrap it as Tensor(...).")
        if isinstance(g, Parameter):
            raise DTypeError(where, "gradients", f"{describe(g)} {g.name!r}", advice)
    return tuple(gradients)


class _Update(NamedTuple):
    """What the step of one Parameter needs."""

    p: Parameter
    gradient: Tensor
    memory: dict[str, Array]
    options: dict[str, Any]
    constraint: Any


class Optimizer:
    """Base class. A subclass defines the memory of each Parameter, and the step as a function of memory and gradient.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        Parameters to update, in the order of the gradients. Groups with their own options are dicts, such as
        ``{"params": biases, "weight_decay": 0.0}``; besides the common options, a group may have a ``"constraint"`` from
        :mod:`autograd.optim.constraints`. The gradients then come in the order of the groups, which is that of the
        attribute ``params``, or in the order given by a last dict ``{"order_params": params}``.
    lr : float, sequence or callable, optional
        Learning rate, one for each step, or a function of the step (from 0) such as those of :mod:`autograd.optim.schedules`.
        Also accepted as ``learning_rate``.
    **options
        Options of the subclass.

    Attributes
    ----------
    params : list of Parameter
        All Parameters, in the order of the gradients.
    groups : list of dict
        The groups, each with ``"params"`` and its own options. They may be changed between steps. So may the common options,
        which are attributes: ``optimizer.lr = 1e-4``.
    steps : int
        Number of steps so far.

    Raises
    ------
    ArgumentError
        If there is nothing to update or an option is out of range.
    DTypeError
        If an item to update is not a Parameter of floats.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[Mapping[str, Option]] = {"lr": _rate, "weight_decay": within("weight_decay", 0.0, math.inf)}
    """The options that can be set for all Parameters or for a group, with their checks."""
    usual_lr: ClassVar[float] = 1e-3
    elementwise: ClassVar[bool] = False
    """Whether the step of a weight depends on no other, so that small Parameters are updated together."""
    called: ClassVar[Mapping[str, str]] = {}
    """Names of options in the constructor, where they differ."""

    lr: float | Schedule
    weight_decay: float

    def __init__(
        self, params: Iterable[Any], lr: Any = None, *, learning_rate: Any = None, loss_scale: Any = 1.0, **options: Any
    ) -> None:
        name = type(self).__name__
        if lr is not None and learning_rate is not None:
            raise ArgumentError(name, "lr or learning_rate", "both", "They are two names for one option.")
        given = lr if lr is not None else learning_rate if learning_rate is not None else self.usual_lr
        for option, value in {"lr": given, **options}.items():
            setattr(self, option, self.options[option](name, value))
        self.params, self.groups = grouped(name, params, {**self.options, "constraint": check_constraint})
        if not loss_scale > 0:
            raise ArgumentError(name, "a positive loss_scale", repr(loss_scale), "Leave it out.")
        self.loss_scale, self.steps = float(loss_scale), 0
        for group in self.groups:
            for p in group["params"] if group.get("constraint") is not None else ():
                p.array = constrained(group["constraint"], p.stored, f"{name}, {p.name}")
        self.memory = [{slot: np.zeros(p.shape, _wide(p)) for slot in self.slots} for p in self.params]
        self._known: dict[int, Known] = {}
        self._bundle: Bundle | None = None

    @property
    def parameters(self) -> ParameterTuple:
        """The Parameters, under MindSpore's name."""
        return ParameterTuple(self.params)

    @property
    def learning_rate(self) -> float | Schedule:
        """The rate ``lr``, under MindSpore's name."""
        return self.lr

    def __call__(self, gradients: Sequence[Tensor]) -> None:
        """Update every Parameter by one step, except frozen ones.

        Parameters
        ----------
        gradients : sequence of Tensor
            One for each Parameter, in order, as ``grad(..., weights=params)`` returns them. ``loss_scale`` divides them.

        Raises
        ------
        DTypeError
            If they are not gradients, such as the loss.
        ShapeError
            If their number or shapes do not match.
        NonFiniteError
            If a gradient has NaN or infinity, or if the step would make a weight, or the memory of a Parameter, not finite.
            Nothing is updated.
        """
        name = type(self).__name__
        self._check(name, gradients)
        if quietly(lambda: self._together(name, gradients)):
            return
        found = dict(zip(map(id, self.params), zip(gradients, self.memory, strict=True), strict=True))
        todo = [
            _Update(p, *found[id(p)], options, group.get("constraint"))
            for group, options in [(group, self._now(name, group)) for group in self.groups]
            for p in group["params"]
            if p.requires_grad
        ]
        before: list[dict[str, Array]] | None = None
        steps = self.steps
        try:
            bounds = quietly(lambda: self._bounds_of(name, gradients, todo))
            if bounds is None:
                before = [{slot: values.copy() for slot, values in update.memory.items()} for update in todo]
            new = [self._stepped(name, update, checked=before is not None) for update in todo]
        except BaseException:
            self.steps = steps
            for update, memory in zip(todo, before or (), strict=False):
                update.memory.update(memory)
            raise
        for update, values in zip(todo, new, strict=True):
            update.p.array = values
        self._known = {} if bounds is None else {
            id(update.p): Known((values, *update.memory.values()), bound)
            for update, values, bound in zip(todo, new, bounds, strict=True)
        }  # fmt: skip

    def _together(self, name: str, gradients: Sequence[Tensor]) -> bool:
        """Make a step of small Parameters at once; return whether that is possible, and known to leave all numbers finite."""
        bundle = self._bundle
        if len(self.groups) > 1 or self.groups[0].get("constraint") is not None:
            return False
        if bundle is None or not bundle.holds():
            self._bundle = None
            if not (self.elementwise and Bundle.suits(self.params)):
                return False
            self._bundle = bundle = Bundle(self.params, self.memory)
        g = bundle.joined([g.array for g in gradients])
        size = largest(g) / self.loss_scale
        if g.dtype != bundle.weights.dtype or not (math.isfinite(size) and all(p.requires_grad for p in self.params)):
            return False
        options = self._now(name, self.groups[0])
        self.steps += 1
        bounds = self._certain(bundle.bounds, size, bundle.weights, bundle.memory, options)
        if bounds is None:
            self.steps -= 1
            return False
        g = g if self.loss_scale == 1.0 else g / g.dtype.type(self.loss_scale)
        bundle.set(self._updated(bundle.weights, g, bundle.memory, options))
        bundle.bounds = bounds
        return True

    def _bounds_of(
        self, name: str, gradients: Sequence[Tensor], todo: Sequence[_Update]
    ) -> list[Mapping[str, float]] | None:  # fmt: skip
        """Check that gradients are finite, and begin a step. Return bounds of all its results, if they show them to be finite.

        Then the results need no check, and the memory no copy.
        """
        sizes = {}
        for p, g in zip(self.params, gradients, strict=True):
            sizes[id(p)] = largest(g.array)
            if not (math.isfinite(sizes[id(p)]) or np.isfinite(g.array).all()):
                raise NonFiniteError(
                    f"{name}, step {self.steps}", f"a finite gradient of {p.name}", "NaN or infinity",
                    "Nothing was updated. Lower the learning rate, or clip; snn.run(check=True) finds the layer.",
                )  # fmt: skip
        self.steps += 1
        found = [self._bound_of(sizes[id(update.p)] / self.loss_scale, update) for update in todo]
        return None if None in found else found  # type: ignore[return-value]

    def _bound_of(self, gradient: float, update: _Update) -> Mapping[str, float] | None:
        if update.constraint is not None and not is_finite_after(update.constraint):
            return None
        w, known = update.p.array, self._known.get(id(update.p))
        # Only steps like this one have changed these arrays.
        bounds = known.bounds if known is not None and known.holds(w, *update.memory.values()) else {}
        return self._certain(bounds, gradient, w, update.memory, update.options)

    def _certain(
        self, known: Mapping[str, float], gradient: float, w: Array, memory: Mapping[str, Array], options: Mapping[str, Any]
    ) -> Mapping[str, float] | None:
        """Return bounds after a step as :meth:`_bounded` does: from the known ones if they suffice, else from the arrays."""

        def bound_of(name: str) -> float:
            return gradient if name == "g" else largest(w if name == "w" else memory[name])

        bound_by = limits(w.dtype)
        found = self._bounded({**known, "g": gradient}.__getitem__, options, *bound_by) if known else None
        return found or self._bounded(bound_of, options, *bound_by)

    def _bounded(
        self, largest: Largest, options: Mapping[str, Any], most: float, least: float
    ) -> Mapping[str, float] | None:  # fmt: skip
        """Return bounds after a step that certainly keeps all numbers below ``most``; without them, the step is checked.

        Parameters
        ----------
        largest : callable
            Returns an upper bound, right to 1e-18, of the absolute values under a name: ``"w"`` for the weights, ``"g"`` for
            the gradient, or a slot. NaN or infinity if it is unknown.
        options : mapping
            The options at this step.
        most, least : float
            A quarter of the largest number of the dtype, and the smallest normal one.

        Returns
        -------
        mapping or None
            A bound for ``"w"`` and for each slot that the method asks for.
        """
        return None

    def _stepped(self, name: str, update: _Update, checked: bool) -> Array:
        """Return the new weights of a Parameter, and update its memory."""
        p, memory, wide = update.p, update.memory, _wide(update.p)

        def step() -> Array:
            g = update.gradient.array.astype(wide, copy=False)
            g = g if self.loss_scale == 1.0 else g / wide.type(self.loss_scale)
            return np.asarray(self._updated(p.array.astype(wide, copy=False), g, memory, update.options), p.dtype)

        def require(ok: Any, where: str) -> None:
            if not ok:
                raise NonFiniteError(
                    f"{name}, step {self.steps - 1}", f"a step that leaves {p.name} and its memory finite",
                    f"infinity or NaN {where}, with a gradient of up to {np.abs(update.gradient.array).max():.3g}",
                    "Nothing was updated. Clip the gradients with optim.clip_by_norm, or lower the learning rate; Adam also "
                    "needs an eps above 0.",
                )  # fmt: skip

        new = quietly(step) if checked else step()
        if checked:
            for slot, values in memory.items():
                require(is_finite(values), f"in its memory {slot!r}")
            require(is_finite(new, p.array), "in its weights")
        if update.constraint is not None:
            new = constrained(update.constraint, new, f"{name}, {p.name}")
            if checked:
                require(is_finite(new, p.array), f"from {update.constraint!r}")
        return new

    def _check(self, name: str, gradients: Any) -> None:
        check_gradients(gradients, name, self.params)
        if len(gradients) != len(self.params):
            raise ShapeError(
                name, f"{len(self.params)} gradients", f"{len(gradients)}",
                "Differentiate with respect to these Parameters only: grad_position=None, weights=...",
            )  # fmt: skip
        for p, g in zip(self.params, gradients, strict=True):
            if g.shape != p.shape:
                raise ShapeError(f"{name}, {p.name}", f"a gradient {list(p.shape)}", describe(g), "Check their order.")

    def _now(self, name: str, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a group at this step."""
        options = {option: group.get(option, getattr(self, option)) for option in self.options}
        rate = float(options["lr"](self.steps)) if callable(options["lr"]) else options["lr"]
        options["lr"] = _number(f"{name}, step {self.steps}", rate)
        return options

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], options: Mapping[str, Any]) -> Array:
        raise NotImplementedError  # a subclass defines it

    # Saving

    def state_dict(self) -> dict[str, Any]:
        """Return the step and copies of the optimizer's memory, under ``<number>.<name of the Parameter>.<variable>``."""
        return {"step": self.steps, **{key: memory[slot].copy() for key, memory, slot in self._places()}}

    def _places(self) -> Iterator[tuple[str, dict[str, Array], str]]:
        """Iterate over the memory, under names that include the Parameter's, so that a change of order is noticed."""
        for i, (p, memory) in enumerate(zip(self.params, self.memory, strict=True)):
            for slot in self.slots:
                yield f"{i}.{p.name}.{slot}", memory, slot

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Load what :meth:`state_dict` returned. Nothing is set if anything does not fit.

        Raises
        ------
        StateDictError
            If names, shapes, dtypes or values do not fit.
        """
        self.prepare_state_dict(saved)()

    def prepare_state_dict(self, saved: Mapping[str, Any]) -> Callable[[], None]:
        """Check a state as :meth:`load_state_dict` does, and return a function that sets it."""
        check_saved(saved, f"{type(self).__name__}.load_state_dict")
        places = {key: (memory, slot) for key, memory, slot in self._places()}
        wrong = sorted({"step", *places} ^ set(saved))
        new: dict[str, Array] = {}
        if not wrong:
            new, wrong = fitted_all({key: (saved[key], memory[slot]) for key, (memory, slot) in places.items()}, finite=True)
            steps = np.asarray(saved["step"])
            if steps.ndim or steps.dtype.kind not in "iu" or steps < 0:
                wrong.append(f"step is {describe(saved['step'])}, not a number of steps")
        if wrong:
            was, now = map(_order, (saved, places))
            if was != now and sorted(was) == sorted(now):
                raise StateDictError(
                    f"{type(self).__name__}.load_state_dict",
                    f"the Parameters, and their groups, in the order of the saved state: {', '.join(was)}",
                    f"another order: {', '.join(now)}",
                    "Nothing was loaded. Give the optimizer the Parameters or groups in that order.",
                )  # fmt: skip
            raise StateDictError(
                f"{type(self).__name__}.load_state_dict", "the state of the same optimizer of the same Parameters",
                f"a mismatch in {'; '.join(wrong)}", "Nothing was loaded. Build the optimizer as it was when saved.",
            )  # fmt: skip

        def load() -> None:
            self.steps = int(saved["step"])
            for key, (memory, slot) in places.items():
                memory[slot] = new[key]

        return load

    # Printing

    def __dir__(self) -> list[str]:
        return listed(self, super().__dir__())

    def __repr__(self) -> str:
        """Show the call that makes such an optimizer, where ``params`` is the list of its Parameters."""
        flat = [p for group in self.groups for p in group["params"]]
        items = [
            "{" + ", ".join([f"'params': {positions(group['params'], self.params)}", *(
                f"{option!r}: {value!r}" for option, value in group.items() if option != "params"
            )]) + "}"
            for group in self.groups
        ]  # fmt: skip
        if any(one is not other for one, other in zip(flat, self.params, strict=True)):
            items.append("{'order_params': params}")
        plain = len(self.groups) == 1 and len(self.groups[0]) == 1
        what = "params" if plain else f"[{', '.join(items)}]"
        options = {self.called.get(option, option): getattr(self, option) for option in self.options}
        options |= {} if self.loss_scale == 1.0 else {"loss_scale": self.loss_scale}
        return f"{type(self).__name__}({what}, {', '.join(f'{key}={value!r}' for key, value in options.items())})"


def _wide(p: Parameter) -> DType:
    """Return the dtype of a step: squares of gradients, and ``eps``, would be zero in float16."""
    return float32 if p.dtype == float16 else p.dtype


def _order(keys: Iterable[str]) -> list[str]:
    """Return the names of the Parameters in the keys of a state, by their positions."""
    found = {tuple(key.rpartition(".")[0].partition(".")[::2]) for key in keys}
    return [name for _, name in sorted((int(place), name) for place, name in found if place.isdecimal())]


hint(Optimizer, OPTIMIZER)
