"""States of numpy's generators as plain values, and generators that continue from them bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd import Cell
from autograd.errors import CheckpointError

__all__ = ["generators_of", "made", "prepared", "state_of"]

Generator = np.random.Generator

_KINDS: dict[str, type[np.random.BitGenerator]] = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}


def generators_of(net: Cell) -> dict[str, Generator]:
    """Return the generators in attributes of a net's Cells, also in lists and dicts there, each once, by name."""
    found: dict[int, tuple[str, Generator]] = {}
    for path, cell in net.cells_and_names():
        for name, rng in _inside(vars(cell), path):
            found.setdefault(id(rng), (name, rng))
    return dict(found.values())


def _inside(value: Any, name: str) -> Iterator[tuple[str, Generator]]:
    if isinstance(value, Generator):
        yield name, value
    elif isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, (Generator, list, tuple, dict)):
                yield from _inside(item, f"{name}.{key}".lstrip("."))


def state_of(rng: Generator, where: str) -> dict[str, Any]:
    """Return the state of a generator, and the number of generators it has spawned."""
    state, seeds = dict(rng.bit_generator.state), rng.bit_generator.seed_seq
    if state["bit_generator"] not in _KINDS:
        raise CheckpointError(where, f"a generator among {', '.join(_KINDS)}", state["bit_generator"], "Nothing was written.")
    born = None
    if isinstance(seeds, np.random.SeedSequence):
        born = {
            "entropy": seeds.entropy, "spawn_key": seeds.spawn_key, "pool_size": seeds.pool_size,
            "n_children_spawned": seeds.n_children_spawned,
        }  # fmt: skip
    return {"state": state, "born": born}


def made(saved: Mapping[str, Any]) -> Generator:
    """Return a new generator in a saved state."""
    born = saved["born"]
    bits = _KINDS[saved["state"]["bit_generator"]](None if born is None else np.random.SeedSequence(**born))
    bits.state = saved["state"]
    return Generator(bits)


def prepared(rng: Generator, saved: Mapping[str, Any], where: str) -> Callable[[], None]:
    """Check a saved state, and the number spawned, against a generator, and return a function that sets it."""
    bits, kind = rng.bit_generator, saved["state"]["bit_generator"]
    if bits.state["bit_generator"] != kind:
        raise CheckpointError(
            where, f"a generator of {kind}", f"one of {bits.state['bit_generator']}",
            f"Nothing was loaded. Make it as it was: np.random.Generator(np.random.{kind}(seed)).",
        )  # fmt: skip
    made(saved)  # raises if a value does not belong to a state
    born, seeds, more = saved["born"], bits.seed_seq, 0
    if born is not None and born["n_children_spawned"]:
        alike = isinstance(seeds, np.random.SeedSequence) and all(
            getattr(seeds, name) == born[name] for name in ("entropy", "spawn_key", "pool_size")
        )
        more = born["n_children_spawned"] - seeds.n_children_spawned if alike else -1  # type: ignore[attr-defined]
        if more < 0:
            raise CheckpointError(
                where, f"the generator of entropy {born['entropy']} that has spawned {born['n_children_spawned']} others",
                f"one of entropy {getattr(seeds, 'entropy', None)} that has spawned {getattr(seeds, 'n_children_spawned', 0)}",
                "Nothing was loaded. It would spawn others: seed it as it was when saved.",
            )  # fmt: skip

    def load() -> None:
        bits.state = saved["state"]
        if more:
            seeds.spawn(more)  # type: ignore[attr-defined]

    return load
