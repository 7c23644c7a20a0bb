"""Run a stage step by step on Tensors, for second-order derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Parameter, Tensor, ops, vjp

from ..common.structure import like
from .plan import step_of
from .stage import Cable, Running

__all__ = ["pull_eagerly"]


def pull_eagerly(running: Running, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    """Return the wanted gradients in a form that can be differentiated again."""
    inputs = running.inputs
    floating = [i for i, t in enumerate(inputs) if t.dtype.kind == "f" and not isinstance(t, Parameter)]
    held = [i for i, t in enumerate(inputs) if isinstance(t, Parameter)]
    parameters: list[Any] = list({id(inputs[i]): inputs[i] for i in held}.values())

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        now = dict(enumerate(inputs)) | dict(zip(floating, given, strict=True))
        return tuple(_run(running, [*now.values()]))

    outs, pullback = vjp(run, *(inputs[i] for i in floating), weights=parameters, allow_unused=True)
    outs = outs if isinstance(outs, tuple) else (outs,)
    by_inputs, by_weights = pullback(*[g.get(i, ops.zeros_like(o)) for i, o in enumerate(outs)])
    arrived = dict(zip(floating, by_inputs if len(floating) > 1 else (by_inputs,), strict=True)) if floating else {}
    by_parameter = {id(p): d for p, d in zip(parameters, by_weights, strict=True)}
    given: set[int] = set()
    result: list[Tensor | None] = []
    for i, (tensor, asked) in enumerate(zip(inputs, wanted, strict=True)):
        gradient = arrived.get(i)
        if isinstance(tensor, Parameter) and id(tensor) not in given:  # one gradient per Parameter, however often it is used
            gradient = by_parameter[id(tensor)]
            given.add(id(tensor))
        result.append(gradient if asked else None)
    return result


def _through(cable: Cable, value: Any, weight: Any, shape: tuple[int, ...]) -> Any:
    """Return what arrives through a cable, in the shape of its target."""
    if cable.weights is not None:
        value = cable.weights.apply(ops.reshape(value, (1, *cable.shape)), weight)
    return value if value.shape == shape else ops.reshape(value, shape)


def _run(running: Running, inputs: list[Tensor]) -> list[Tensor]:
    """Run all steps on these inputs, in the order of ``running.inputs``; return the outputs of the stage."""
    left = list(inputs)
    series: list[list[Any]] = []
    states: list[list[Any]] = []
    steps: list[Any] = []
    outs: list[list[list[Any]]] = []
    for part in running.parts:
        xs = [left.pop(0) if item.x is not None else None for item in part.given]
        weights = [left.pop(0) if item.x is not None and item.weights is not None else None for item in part.given]
        states.append([left.pop(0) for _ in part.starts])
        parameters = [left.pop(0) for _ in part.parameters]
        bias = {id(p): t for p, t in zip(part.plan.parameters, parameters, strict=True)}
        steps.append(step_of(part, [None if s is None else bias[id(s)] for s in part.slots]))
        series.append([
            x if w is None or item.weights is None or x is None else item.weights.apply(x, w)
            for item, x, w in zip(part.given, xs, weights, strict=True)
        ])  # fmt: skip
        outs.append([[] for _ in range(len(part.plan.outs) + len(part.plan.records))])
    matrices = [left.pop(0) if cable.weights is not None else None for cable in running.cables]
    for t in range(running.steps):
        before = [list(s) for s in states]
        for n, part in enumerate(running.parts):
            given = [None if x is None else x[t] for x in series[n]]
            for cable, matrix in zip(running.cables, matrices, strict=True):
                if cable.target == n:
                    if cable.late and cable.value_sent.start is not None:
                        value = before[cable.source][cable.value_sent.start]
                    else:
                        place = running.parts[cable.source].plan.d_outs.index(cable.value_sent.cotangent)
                        value = outs[cable.source][place][-1]
                    given[cable.input] = _through(cable, value, matrix, part.shape)
            mask = () if part.mask is None else (like(part.mask[t], states[n][0] if states[n] else given[0]),)
            made, recorded, states[n] = steps[n](given, before[n], *mask)
            for values, value in zip(outs[n], (*made, *recorded), strict=True):
                values.append(value)
    return [t for o, s in zip(outs, states, strict=True) for t in (*map(ops.stack, o), *s)]
