"""Run a net over time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CompileError, DTypeError, ShapeError
from autograd.html import of_values
from autograd.places import caller
from autograd.state import scope
from autograd.state import state as thread

from .common.structure import is_over_time, like, says_too_deep
from .compiled.auto import choose
from .eager.stepwise import InParts
from .eager.watch import attributes, check_input, look_for_hidden_state
from .engine.backends import back_end, modes
from .readout import check_mask, mark_resets
from .records import Record
from .tracing.guard import Dependencies
from .tracing.reads import OURS, Reads

__all__ = ["RunResult", "run"]


class _Results(NamedTuple):
    out: Tensor
    state: Any
    record: Record


class RunResult(_Results):
    """The result of :func:`snn.run`, a named tuple of three.

    Attributes
    ----------
    out : Tensor
        Output, ``[T, N, ...]``, or several in the structure that the net returns.
    state : Tensor, tuple or dict
        State after the last step, in the structure of the net's state.
    record : Record
        A dict from ``"<layer>.<variable>"`` to ``[T, N, ...]``; ``to_xarray()`` and ``to_neo(dt=...)`` export it.
    mode : str
        The mode in which it ran: ``"compiled"``, ``"python"`` or ``"eager"``. It is not an item of the tuple.
    """

    mode: str = ""

    def _replace(self, **fields: Any) -> RunResult:
        """Return the same result with other items."""
        return _result(**(self._asdict() | fields), mode=self.mode)

    def _repr_html_(self) -> str:
        """Return the shapes and ranges of all results as a table, for notebooks."""
        how = f", {self.mode}" if self.mode else ""
        return of_values(f"Result of snn.run{how}", zip(self._fields, self, strict=True))


def _result(out: Any, state: Any, record: Record, mode: str) -> RunResult:
    made = RunResult(out, state, record)
    made.mode = mode
    return made


@says_too_deep
def run(
    net: Cell,
    x: Any,
    state: Any = None,
    record: str | Sequence[str] = (),
    mask: Any = None,
    mode: str = "auto",
    *,
    check: bool = False,
    checkpoint: int | None = None,
) -> RunResult:
    """Run a net over the time steps of ``x``.

    Parameters
    ----------
    net : Cell
        A neuron, an ``nn.SequentialCell`` of layers with and without state, or
        your own Cell with ``construct(x, state) -> (out, state)``, which also
        needs ``initial_state(x) -> state`` if it is more than one neuron. A
        layer whose class sets ``over_time = True``, such as :class:`snn.PSN`,
        gets all time steps at once, ``[T, N, ...]``, alone or anywhere in a
        SequentialCell.
    x : Tensor or array
        Input, ``[T, N, ...]``: time, batch, features. ``[T, N]`` is one neuron
        per sample. A single time step of a longer input, ``x[0]``, or a
        sequence without a batch axis, also has two axes. Only a net that knows
        its number of features, because it begins with an ``nn.Dense`` or a
        :class:`snn.Recurrent`, can reject it.
    state : optional
        Initial state, such as the final state of an earlier run; None starts
        fresh. For a neuron, its membrane or the NamedTuple of its variables;
        for a SequentialCell, a dict from the names of its layers with state to
        their states.
    record : str or sequence of str
        Variable, or variables, to record from each neuron: ``"spike"``;
        ``"v"``, the membrane **after** reset; ``"v_before_reset"``; ``"x"``,
        its input current; or a field of a NamedTuple state, or a key of a
        dict state. While a mask holds a sample, its last state is recorded.
    mask : array of bool, optional
        ``[T, N]``, False where a sample is over or has not begun. There its
        state does not change, its output is 0, and the values of ``x`` are
        ignored.
    mode : {"auto", "eager", "compiled", "python"}
        ``"eager"`` runs step by step. ``"compiled"`` runs the graph of the net
        (see :func:`snn.graph`): the equations of each neuron, with its own
        ``bprop``, become one fused loop over time in each direction; neurons
        that feed each other share one loop; and a layer that receives spikes
        sums its weights for the spikes only. ``"python"`` runs the same loops
        as plain Python, to step through; it is very slow. ``"auto"`` compiles
        if it can and if the eager run with its gradient would take about 5 ms
        or more. It estimates this per time step: 100 us for each layer, plus
        20 ns for each neuron and 0.1 ns for each weight of each sample. If a
        neuron cannot be compiled, it warns once and runs eagerly. The choice
        does not depend on earlier runs or on the cache. In a process with
        ``NUMBA_DISABLE_JIT=1``, ``"compiled"`` means ``"python"``, and
        ``"auto"`` means ``"eager"``.
    check : bool
        Check the input and the output of each layer for NaN and infinity, and
        the constants of neurons, which learning may have moved out of their
        ranges; slower.
    checkpoint : int, optional
        In a compiled run, save the state only every ``checkpoint`` steps, and
        recompute the steps in between in the backward pass. This takes less
        memory and gives the same gradients to the bit; ``sqrt(T)`` is a good
        choice. The number is rounded up to a multiple of the layer's chunk, the
        number of steps whose gradients are summed at once.

    Returns
    -------
    out : Tensor
        ``[T, N, ...]``, or several in the structure that the net returns. The
        three results form a named tuple, :class:`RunResult`.
    state : same structure as the argument
        State after the last step.
    record : Record
        A dict from ``"<layer>.<variable>"`` to ``[T, N, ...]``, such as
        ``"1.v"``; for a net that is a single neuron just ``"v"``. Its methods
        ``to_xarray()`` and ``to_neo(dt=...)`` export it.

    Raises
    ------
    ShapeError
        If ``x`` is not ``[T, N, ...]`` with at least one step, or the mask
        does not fit.
    StateError
        If the state does not fit the net, the batch or the dtype; if a step
        changes its structure, shape or dtype; or if a state is given to a net
        with a layer over time, which cannot continue a sequence.
    CellError
        If a Cell that is run step by step contains a layer over time.
    ArgumentError
        If no neuron has the variable to record, or the mode is unknown.
    NonFiniteError
        With ``check``, at the first NaN or infinity; it names the time step
        and the layer.
    CompileError
        If ``mode="compiled"`` and a neuron, or the wiring of the net, cannot
        be compiled. Such a run never falls back to the eager mode; only
        second-order derivatives are computed eagerly.

    Warns
    -----
    UserWarning
        With ``mode="auto"``, once for a net with a neuron that cannot be
        compiled; and once for a net that continues from a Tensor that an
        earlier run left in an attribute.

    Notes
    -----
    For the same input current, both modes give the same spikes and states to
    the bit, and the same gradients up to rounding. A compiled run passes all
    time steps to a dense layer at once, which the BLAS may round differently.
    Whole nets therefore agree up to rounding, and so do one long run and two
    runs with carried state. Emitted loops are kept in the user's cache
    directory, or in ``$SPIKECELL_CACHE``. ``$SPIKECELL_THREADS`` limits the
    number of threads; the bits do not depend on it.

    Examples
    --------
    >>> import numpy as np, snn
    >>> x = np.full((4, 1, 1), 0.375, np.float32)
    >>> spikes, v, record = snn.run(snn.IFNode(), x, record=["v"])
    >>> print(spikes.asnumpy().ravel(), v, record["v"].asnumpy().ravel())
    [0. 0. 1. 0.] [[0.5]] [0.375 0.75  0.125 0.5  ]
    """
    if thread.tracing is not None:
        raise CompileError(
            caller(OURS), "a step that calls its Cells", "snn.run inside construct",
            "Call the inner net instead, one step at a time: out, state = net(x, state), with its state in the state of your "
            "Cell. Or put snn.run in a Cell without state, or run with mode='eager'.",
        )  # fmt: skip
    _check_mode(mode, checkpoint)
    if not isinstance(net, Cell):
        raise DTypeError("snn.run", "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    x = as_tensor(x, "snn.run, input x")
    if x.ndim < 2 or x.shape[0] == 0:
        raise ShapeError(
            "snn.run, input x", "[T, N, ...]: at least one time step, then the batch", describe(x),
            "Put time first, and add a batch axis: x[:, None].",
        )  # fmt: skip
    names = _names(record)
    if mask is None and checkpoint is None and not (names or check):
        again = _run_again(net, x, state, mode)
        if again is not None:
            return _result(*again[:2], Record({}), again[2])
    data = "Pass one bool per time step and sample: True where there is data."
    keep = check_mask(mask, x, "snn.run", of_each=False, fix=data)
    if keep is not None:
        x = ops.where(like(keep, x), x, x.dtype.type(0))  # a NaN there would spoil the gradients of weights
    cells = [cell for _, cell in net.cells_and_names()]
    for cell in cells:
        cell.require_ready("run")
        if check and hasattr(cell, "check_ranges"):
            with scope(watched={}):  # only the values are read
                cell.check_ranges()
    if check:
        check_input(x)
    in_parts = any(is_over_time(cell) for cell in cells)
    before = attributes(net)
    how = choose(mode, net, x, cells)
    out, after, records, ran = _run(net, x, state, names, keep, mode, how, check, checkpoint, in_parts)
    if before is not None:
        look_for_hidden_state(net, before)
    return _result(out, after, Record(records), ran)


def _run(
    net: Cell, x: Tensor, state: Any, names: Sequence[str], keep: Any, mode: str, how: str, check: bool,
    checkpoint: int | None, in_parts: bool,
) -> tuple[Any, Any, dict[str, Tensor], str]:  # fmt: skip
    if how == "eager":
        return (*_run_eagerly(net, in_parts, x, state, names, keep, check), how)
    from .compiled.execute import run_graph
    from .compiled.layout import Options

    options = Options(back_end(how), checkpoint, check=check, mode=mode)
    try:
        return (*mark_resets(net, run_graph(net, x, state, names, keep, check, options)), options.backend.mode)
    except CompileError as error:
        if mode != "auto":
            raise
        warnings.warn(f"snn.run runs step by step, slowly, since {error} Pass mode='eager' if you want this.", stacklevel=4)
    refused = net.kept()["refused"] = Dependencies(net, Reads(), "snn.run", net=True)
    result = _run_eagerly(net, in_parts, x, state, names, keep, check)
    if not refused.unchanged():  # the run itself changes it, so every later run would try to compile in vain
        net.kept()["refused"] = None
    return (*result, "eager")


def _run_again(net: Cell, x: Tensor, state: Any, mode: str) -> tuple[Any, Any, str] | None:
    kept = net.kept()
    if kept.get("runs") != 2 or "chains" not in kept:
        return None
    from .compiled.chain import run_again

    return run_again(net, x, state, mode)


def _run_eagerly(
    net: Cell, in_parts: bool, x: Tensor, state: Any, names: Sequence[str], keep: Any, check: bool
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    walk = InParts(net, in_parts, state is None, names, keep, check)
    out, after = walk(net, x, state)
    return mark_resets(net, (walk.finish(out), after, walk.records))


def _check_mode(mode: str, checkpoint: Any) -> None:
    if mode not in ("auto", "eager", *modes()):
        *known, last = map(repr, ("auto", "eager", *modes()))
        raise ArgumentError("snn.run", f"mode {', '.join(known)} or {last}", repr(mode), "Choose one of them.")
    if checkpoint is not None and (not isinstance(checkpoint, (int, np.integer)) or checkpoint < 1):
        raise ArgumentError(
            "snn.run", "checkpoint to be a positive int or None", repr(checkpoint), "sqrt(T) is a good choice."
        )
    if checkpoint is not None and mode == "eager":
        raise ArgumentError(
            "snn.run", "no checkpoint with mode='eager'", repr(checkpoint), "Use another mode, or omit checkpoint."
        )


def _names(record: Any) -> tuple[str, ...]:
    names = (record,) if isinstance(record, str) else tuple(record) if isinstance(record, Iterable) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            "snn.run, record", "names of variables to record", describe(record),
            "For example record=['spike', 'v'], for all neurons.",
        )  # fmt: skip
    return tuple(dict.fromkeys(names))
