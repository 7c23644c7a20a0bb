"""Base class of optimizers, which update Parameters when called with their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..assign import check_saved, fitted_all
from ..dtypes import describe
from ..errors import ArgumentError, ShapeError, StateDictError
from ..foreign import OPTIMIZER, hint, listed
from ..parameter import ParameterTuple
from ..state import quietly
from ..tensor import Tensor
from .bundle import SMALL, Bundle, same, wide
from .constraints import check_constraint, constrained
from .finite import Array, Largest, largest
from .gradients import check_finite, check_fit
from .groups import grouped, positions
from .options import Option, divisor, positive, rate, within
from .schedules import Schedule

__all__ = ["Optimizer"]


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
        The groups, each with ``"params"``, which are among the attribute ``params``, and its own options. They may be changed
        between steps. So may the common options, which are attributes: ``optimizer.lr = 1e-4``.
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
    options: ClassVar[Mapping[str, Option]] = {"lr": rate, "weight_decay": within("weight_decay", 0.0, math.inf)}
    """The options that can be set for all Parameters or for a group, with their checks."""
    usual_lr: ClassVar[float] = 1e-3
    elementwise: ClassVar[bool] = False
    """Whether the step of a weight depends on no other, so that small Parameters are updated together. It holds for the class
    that states it and those derived from it, until one of them has an update of its own."""
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
        self.loss_scale, self.steps = divisor(name, loss_scale), 0
        for group in self.groups:
            for p in group["params"] if group.get("constraint") is not None else ():
                p.array = constrained(group["constraint"], p.stored, f"{name}, {p.name}")
        self.memory = [{slot: np.zeros(p.shape, wide(p)) for slot in self.slots} for p in self.params]
        self._made = tuple(self.params)
        self._seen: list[Any] = []
        self._given: list[Any] = []
        self._bundles: list[Bundle] = []

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
        ArgumentError
            If a group or an option was changed to something that does not fit.
        DTypeError
            If they are not gradients, such as the loss.
        ShapeError
            If their number or shapes do not match.
        NonFiniteError
            If a gradient has NaN or infinity, or if the step would make a weight, or the memory of a Parameter, not finite.
            Nothing is updated.

        Notes
        -----
        After any other error, such as one in a schedule, nothing is updated either. Only Ctrl-C or a MemoryError in the
        middle of a step may change the optimizer's memory, and only for a Parameter of more than 65,536 numbers.
        """
        name = type(self).__name__
        check_fit(gradients, name, self.params)
        quietly(lambda: self._step(name, gradients))

    def _step(self, name: str, gradients: Sequence[Tensor]) -> None:
        bundles, options, steps = self._bundled(name), self._now(name), self.steps
        before: list[tuple[Array, Array]] = []
        try:
            self.steps += 1
            todo, bounds, finite = [], [], True
            for place in self._left:
                finite = finite and math.isfinite(largest(gradients[place].array))
            for bundle in bundles:
                now, g = options[bundle.group], bundle.gradient(gradients, self.loss_scale)
                size = largest(g)
                finite = finite and math.isfinite(size)
                bounds.append(bundle.bounded(self._bounded, size, now) if self._bounding else None)
                todo.append((name, bundle, g, now))
            if not finite:
                check_finite(gradients, f"{name}, step {steps}", self.params)
            given = gradients if None in bounds else None
            for bundle in bundles:  # a step that is sure to fit can still be interrupted; large copies would take half of it
                if given is not None or bundle.size <= SMALL or bundle.constraint is not None:
                    before += [(values, values.copy()) for values in bundle.memory.values()]
            new = [self._result(*each, given) for each in todo]
        except BaseException:
            self.steps = steps
            for values, copy in before:
                values[...] = copy
            raise
        for bundle, (weights, memory), bound in zip(bundles, new, bounds, strict=True):
            bundle.set(weights, memory, bound)

    def _bundled(self, name: str) -> list[Bundle]:
        """Return the bundles, made again if the groups, the frozen Parameters or any arrays have changed."""
        seen: list[Any] = [*self.params, *self.memory]
        for group in self.groups:
            seen += group, *group, group.get("constraint"), *[p for p in group["params"] if p.requires_grad]
        if same(seen, self._seen) and False not in [bundle.holds() for bundle in self._bundles]:
            return self._bundles
        flat, groups = grouped(name, self.groups, {**self.options, "constraint": check_constraint})
        places = {id(p): i for i, p in enumerate(self._made)}
        if not same(self.params, self._made) or len(self.memory) != len(places) or not {*map(id, flat)} <= {*places}:
            raise ArgumentError(
                name, "the Parameters that it was made with", "others in its params, groups or memory", "Make a new optimizer."
            )
        self._seen, self._bundles, self._bounding = [], [], self._states("_bounded")
        for i, group in enumerate(groups):
            params, constraint = [p for p in group["params"] if p.requires_grad], group.get("constraint")
            together = self.elementwise and self._states("elementwise") and constraint is None and Bundle.suits(params)
            for some in [params] if together else [[p] for p in params]:
                at = [places[id(p)] for p in some]
                self._bundles.append(Bundle(i, constraint, at, some, [self.memory[place] for place in at]))
        self._left = [*{*range(len(places))} - {place for bundle in self._bundles for place in bundle.places}]
        self._seen = seen
        return self._bundles

    def _states(self, what: str) -> bool:
        """Return whether the class that defines the update, or one derived from it, defines this: it holds for no other."""
        for names in (vars(self), *map(vars, type(self).__mro__)):
            if what in names or "_updated" in names:
                return what in names
        return False

    def _bounded(
        self, largest: Largest, options: dict[str, Any], most: float, least: float
    ) -> Mapping[str, float] | None:  # fmt: skip
        """Return bounds after a step that certainly keeps all numbers below ``most``; without them, the step is checked.

        There is a bound for ``"w"`` and for each slot that the method asks for. ``largest`` returns an upper bound, right to
        1e-18, of the absolute values under a name: ``"w"`` for the weights, ``"g"`` for the gradient, or a slot; NaN or
        infinity if it is unknown. ``options`` are those of this step, ``most`` is a quarter of the largest number of the
        dtype, and ``least`` the smallest normal one.
        """
        return None

    def _result(
        self, name: str, bundle: Bundle, g: Array, options: dict[str, Any], given: Sequence[Tensor] | None
    ) -> tuple[Array, dict[str, Array]]:
        """Return new weights and memory; if the gradients are given, after a check that they are finite."""
        memory, old, constraint = {**bundle.memory}, bundle.weights, bundle.constraint
        w = old if old.dtype == bundle.dtype else old.astype(bundle.dtype)
        new = np.asarray(self._updated(w, g, memory, options), old.dtype)
        if new.shape != old.shape:
            raise ShapeError(name, f"new weights {list(old.shape)} from its update", describe(new), "Return them all.")
        if given is not None:
            where = f"{name}, step {self.steps - 1}"
            for slot, values in memory.items():
                bundle.check(where, f"in its memory {slot!r}", values, given)
            bundle.check(where, "in its weights", new, given, old)
        if constraint is not None:
            new = constrained(constraint, new, f"{name}, {bundle.params[0].name}")
            if given is not None:
                bundle.check(where, f"from {constraint!r}", new, given, old)
        return new, memory

    def _now(self, name: str) -> list[dict[str, Any]]:
        """Return the options of each group at this step, checked if they are new. Each schedule is called once."""
        given = [group.get(option, getattr(self, option)) for group in self.groups for option in self.options]
        given.append(self.loss_scale)
        if not same(given, self._given):
            values, where = iter(given), f"{name}, step {self.steps}"
            self._checked = [{key: check(where, next(values)) for key, check in self.options.items()} for _ in self.groups]
            self.loss_scale = divisor(where, next(values))
            self._given = given
        found, rates = [{**options} for options in self._checked], dict[int, float]()
        for options in found:
            lr = options["lr"]
            if callable(lr):
                if id(lr) not in rates:
                    rates[id(lr)] = positive(f"{name}, step {self.steps}", float(lr(self.steps)))
                options["lr"] = rates[id(lr)]
        return found

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], options: dict[str, Any]) -> Array:
        """Return new weights. It may write to the arrays in ``memory``, or set others there, but not to ``w`` and ``g``."""
        raise NotImplementedError  # a subclass defines it

    # Saving

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the bundles, whose arrays would no longer be shared."""
        return {**vars(self), "_seen": [], "_given": [], "_bundles": []}

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


def _order(keys: Iterable[str]) -> list[str]:
    """Return the names of the Parameters in the keys of a state, by their positions."""
    found = {tuple(key.rpartition(".")[0].partition(".")[::2]) for key in keys}
    return [name for _, name in sorted((int(place), name) for place, name in found if place.isdecimal())]


hint(Optimizer, OPTIMIZER)
