"""Conductances: synapses whose current depends on the membrane that they drive."""

from __future__ import annotations

from typing import Any, NamedTuple

from autograd import as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError, StateError

from ..common.structure import membrane, outline, with_membrane
from ..neurons.base import constant
from ..neurons.ranges import FINITE, Checked
from ..neurons.stateful import Stateful
from ..surrogate.base import check_function
from .base import Synapse, as_numbers

__all__ = ["Conductance", "Receptor"]


class Receptor(Checked):
    """A kind of channel: the time course of its conductance, and its reversal potential.

    Parameters
    ----------
    synapse : Synapse
        The time course of the conductance, such as :class:`Exponential`.
    reversal : float or array or Parameter
        Reversal potential, towards which the open channel pulls the membrane; one value, or one for each neuron ([features]).
    inhibitory : bool
        If False, the positive part of the input opens it; if True, the negative part.
    gate : callable, optional
        A Cell or function from the membrane to the share of the conductance that is open, such as :class:`MagnesiumBlock`.

    Raises
    ------
    DTypeError
        If ``synapse`` is not a Synapse, or ``gate`` is not a function.
    ArgumentError
        If ``reversal`` is not finite.
    """

    ranges = {"reversal": FINITE}

    def __init__(self, synapse: Any, reversal: Any, *, inhibitory: bool = False, gate: Any = None) -> None:
        super().__init__()
        name = type(self).__name__
        if not isinstance(synapse, Synapse):
            fix = "Pass one, such as snn.synapses.Exponential(tau_syn=5.0)."
            raise DTypeError(name, "synapse to be a Synapse", describe(synapse), fix)
        if gate is not None:
            check_function(gate, name, "gate to be a Cell or a function", "Pass snn.synapses.MagnesiumBlock().")
        self.synapse, self.reversal, self.inhibitory, self.gate = synapse, reversal, inhibitory, gate

    def opened(self, x: Any, v: Any, state: Any, apart: bool = False) -> tuple[Any, Any]:
        """Return the conductance that is open after an input, at a membrane ``v``, and the state of the synapse.

        An input for this receptor alone, ``apart``, opens it where it is positive, also if the receptor is inhibitory.
        """
        # At a tie `maximum` shares the gradient: an input of 0 gets the mean of the slopes on both sides.
        g, after = self.synapse(ops.maximum(-x if self.inhibitory and not apart else x, 0.0), state)
        return g if self.gate is None else g * self.gate(v), after


class Conducting(NamedTuple):
    """State of a neuron with conductances: the state of the neuron inside, and the variables of the receptors by name."""

    v: Any
    g: Any


class Conductance(Stateful):
    """A neuron driven by conductances: each open channel pulls its membrane towards a reversal potential.

    ``dv/dt = ... + sum of g (E - v)`` (Dayan and Abbott, Theoretical Neuroscience, 2001, ch. 5; Gerstner et al., Neuronal
    Dynamics, 2014, ch. 3.1), where the dots stand for the neuron's own dynamics without input. In a step, with the membrane
    ``h`` after the neuron's own charge:

    ``v = (h + sum of g E) / (1 + sum of g)``

    This is one step of the implicit Euler method in the conductances. It is stable for conductances of any size: the membrane
    never leaves the range of ``h`` and the reversal potentials. Its fixed points are those of the equation. An inhibition
    whose ``E`` is the resting potential shunts: alone it has no effect, but it divides all other inputs.

    ``g`` is the input, filtered by the receptor's synapse, as a share per step: conductance over capacitance, times the length
    of a step. On this scale the leak of a :class:`snn.LIFNode` is ``1 / tau``.

    An input ``[N, ...]`` is one sum for each neuron. A positive sum opens the receptors that are not ``inhibitory``, a
    negative sum those that are: excitation and inhibition of a neuron in the same step cancel. To keep them apart, pass a
    dict of inputs by the names of receptors, ``node({"exc": x1, "inh": x2}, state)`` in your own net. Each input opens its
    receptor where it is positive, and a receptor that is not named gets no input.

    Parameters
    ----------
    node : Neuron or Stochastic
        The neuron, which gets no other input. For a refractory period wrap the whole: ``Refractory(Conductance(...))``.
    **receptors : Receptor
        Receptors by name: ``ampa=`` is recorded as ``"g_ampa"``. The state has ``v``, the state of the neuron, and ``g``, a
        dict of the receptors' states.

    Raises
    ------
    ArgumentError
        If ``node`` is not such a neuron, or there is no receptor.
    DTypeError
        If a receptor is not a Receptor.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from snn.synapses import Conductance, Exponential, Receptor
    >>> node = Conductance(
    ...     snn.LIFNode(beta=0.9),
    ...     exc=Receptor(Exponential(tau_syn=3.0), reversal=3.0),
    ...     inh=Receptor(Exponential(tau_syn=8.0), reversal=-0.5, inhibitory=True),
    ... )
    >>> x = np.array([0.2, 0, 0, -0.3, 0]).reshape(5, 1, 1)
    >>> _, _, record = snn.run(node, x, record=["v", "g_exc", "g_inh"])
    >>> for name, values in record.items():
    ...     print(name, values.asnumpy().ravel().round(2))
    v [0.5  0.77 0.91 0.65 0.46]
    g_exc [0.2  0.14 0.1  0.07 0.05]
    g_inh [0.   0.   0.   0.3  0.26]
    """

    is_neuron = True
    State = Conducting

    def __init__(self, node: Any, **receptors: Any) -> None:
        super().__init__()
        if not isinstance(node, Stateful) or not hasattr(node, "discharge") or isinstance(node, Conductance):
            raise ArgumentError(
                "Conductance", "a neuron, such as snn.LIFNode(beta=0.9)", describe(node),
                "Pass one neuron. Wrap a Conductance in Refractory, not the other way round; put all receptors into one.",
            )  # fmt: skip
        if not receptors:
            raise ArgumentError("Conductance", "receptors by name", "none", "Pass exc=snn.synapses.Receptor(...).")
        for name, receptor in receptors.items():
            if not isinstance(receptor, Receptor):
                fix = "Pass snn.synapses.Receptor(synapse, reversal)."
                raise DTypeError(f"Conductance, {name}", "a Receptor", describe(receptor), fix)
        self.node: Any = node
        self.receptors = receptors

    @property
    def fire(self) -> bool:
        """Whether the neuron fires."""
        return bool(self.node.fire)

    def variables(self) -> dict[str, list[str]]:
        """Return the names of each receptor's variables: ``g_<name>``, and ``g_<name>_<variable>`` for any others."""
        return {
            name: [f"g_{name}", *(f"g_{name}_{field}" for field in receptor.synapse.State._fields[1:])]
            for name, receptor in self.receptors.items()
        }

    def check_input(self, x: Any) -> Any:
        """Return an input as a Tensor, or inputs of its receptors, by name, as a dict of Tensors, which must share a shape."""
        if not isinstance(x, dict):
            return super().check_input(x)
        if not x or not x.keys() <= self.receptors.keys():
            raise ArgumentError(
                "Conductance, inputs", f"inputs by the names of receptors, {', '.join(self.receptors)}", outline(x),
                "Use the names that it was created with.",
            )  # fmt: skip
        inputs = {name: as_tensor(value, f"Conductance, input {name}") for name, value in x.items()}
        if len({value.shape for value in inputs.values()}) > 1:
            raise ShapeError(
                "Conductance, inputs", "inputs of one shape", str({name: list(v.shape) for name, v in inputs.items()}),
                "Give each input one value per neuron.",
            )  # fmt: skip
        return inputs

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``, of the neuron and of each synapse."""
        x = next(iter(x.values())) if isinstance(x, dict) else x
        keys = self.variables()
        starts = {name: receptor.synapse.initial_state(x) for name, receptor in self.receptors.items()}
        g = {key: value for name in keys for key, value in zip(keys[name], starts[name], strict=True)}
        return Conducting(self.node.initial_state(x), g)

    def check_variable(self, x: Any, value: Any, variable: str = "") -> Any:
        """Return one variable of a state, as Tensors, if it fits an input; the neuron checks its own."""
        if variable == "v":
            return self.node.check_state(x, value)
        if variable != "g":
            return super().check_variable(x, value, variable)
        keys = [key for some in self.variables().values() for key in some]
        if not isinstance(value, dict) or list(value) != keys:
            raise StateError(
                "Conductance, state g", f"a dict with {', '.join(keys)}", outline(value), "Start with node.initial_state(x)."
            )
        return {key: super(Conductance, self).check_variable(x, value[key], key) for key in keys}

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state after the input and before firing."""
        v, conductances, drives = membrane(state.v), [], []
        after: dict[str, Any] = {}
        apart = isinstance(x, dict)
        given = x if apart else dict.fromkeys(self.receptors, x)
        inputs = {name: as_numbers(as_tensor(value, "Conductance"), v) for name, value in given.items()}
        for name, keys in self.variables().items():
            receptor = self.receptors[name]
            arriving = inputs[name] if name in inputs else ops.zeros_like(v)
            g, inner = receptor.opened(arriving, v, receptor.synapse.State(*[state.g[key] for key in keys]), apart)
            after |= dict(zip(keys, inner, strict=True))
            conductances.append(g)
            drives.append(g * constant(receptor.reversal, v))
        charged = self.node.charge(ops.zeros_like(v), state.v)
        drawn = (membrane(charged) + sum(drives[1:], drives[0])) / (1 + sum(conductances[1:], conductances[0]))
        return Conducting(with_membrane(charged, drawn), after)

    def discharge(self, state: Any, ready: Any = None) -> tuple[Any, Any]:
        """Fire and reset, where ``ready`` allows it."""
        out, inner = self.node.discharge(state.v, ready)
        return out, state._replace(v=inner)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step of the neuron, for an input ``[N, ...]``, as one sum or as a dict with one for each receptor."""
        return self.discharge(self.charge(x, state))
