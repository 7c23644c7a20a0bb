"""State shared by the ranks of a training run: rank 0 hands out its own at the start, and the Parameters stay equal."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd import Cell
from autograd.errors import ArgumentError, DTypeError, RankError

from ..checkpoint.attributes import attributes_of, digest_of, prepared_attributes
from .place import Place
from .streams import JUMPING

__all__ = ["agree", "check_alike", "take_over"]


def check_alike(place: Place) -> None:
    """Check that all ranks have built the same net and optimizer, and that parts of a batch can replace the whole batch."""
    if place.ranks.size == 1:
        return
    _check_norms(place.net)
    for name, rng in place.known_generators().items():
        if not isinstance(rng.bit_generator, JUMPING):
            raise DTypeError(
                f"Trainer, ranks, generator {name!r}", "one that can jump ahead, so that each rank draws other numbers",
                type(rng.bit_generator).__name__, "Use np.random.default_rng(seed).",
            )  # fmt: skip
    shapes = {name: (p.shape, str(p.dtype)) for name, p in place.net.parameters_dict().items()}
    built = {"settings": place.settings, "Parameters": shapes, "optimizer": type(place.optimizer).__name__}
    first = place.ranks.exchange("the comparison of settings", built)[0]
    differs = [f"{what} {built[what]}" for what in built if built[what] != first[what]]
    for rank, text in enumerate(place.ranks.exchange("the differences in settings", "; ".join(differs)[:500])):
        if text:
            raise RankError(
                f"rank {rank}", "a Trainer built like that of rank 0", text, "Start the same program on all ranks."
            )


def _check_norms(net: Cell) -> None:
    """Refuse layers whose output for a sample depends on the other samples of the batch."""
    for name, cell in net.cells_and_names():
        if hasattr(cell, "moving_mean") and getattr(cell, "use_batch_statistics", None) is not False:
            raise ArgumentError(
                f"Trainer, ranks, layer {name or 'of the net'}", "layers that take each sample by itself",
                f"{type(cell).__name__}, which would normalise each rank's part by statistics of that part alone",
                "Use nn.GroupNorm or nn.LayerNorm, a BatchNorm with use_batch_statistics=False, or one rank.",
            )  # fmt: skip


def _settings(net: Cell) -> Iterator[tuple[str, Any]]:
    """Iterate over numbers and texts in the attributes of all Cells, which a hook may set on rank 0 alone."""
    for name, cell in net.cells_and_names():
        for key, value in vars(cell).items():
            if not key.startswith("_") and isinstance(value, (bool, int, float, str, np.number)):
                yield f"{name}.{key}", value


def take_over(place: Place) -> None:
    """Copy the state of rank 0 to all ranks: weights, attributes, optimizer, generators, position and history."""
    if place.ranks.size == 1:
        return
    generators = place.known_generators()

    def state() -> dict[str, Any]:
        return {
            "net": place.net.state_dict(), "attributes": attributes_of(place.net),
            "optimizer": place.optimizer.state_dict(), "here": place.here(),
            "generators": {name: rng.bit_generator.state for name, rng in generators.items()},
            "resumed": place.resumed,
        }  # fmt: skip

    found = place.ranks.first(state)
    if place.ranks.rank:
        place.net.load_state_dict(found["net"])
        prepared_attributes(place.net, found["attributes"], "Trainer, ranks")()
        place.optimizer.load_state_dict(found["optimizer"])
        for name, rng in generators.items():
            rng.bit_generator.state = found["generators"][name]
        place.go_to(found["here"])
        place.resumed = found["resumed"]


def agree(place: Place) -> None:
    """Tell all ranks whether training was interrupted, or stops because a hook on rank 0 said so.

    It is an error if Parameters or attributes differ between ranks.
    """
    if place.ranks.size == 1:
        return
    digest = digest_of(place.net)
    for p in place.net.get_parameters():
        digest = zlib.crc32(np.ascontiguousarray(p.stored).data, digest)
    for name, value in _settings(place.net):
        digest = zlib.crc32(f"{name}={value!r};".encode(), digest)
    found = place.ranks.exchange("the Parameters", (digest, place.stop, place.interrupted))
    other = [rank for rank, (theirs, _, _) in enumerate(found) if theirs != found[0][0]]
    if other:
        raise RankError(
            f"ranks {', '.join(map(str, other))}", "the net of rank 0, Parameters and attributes, after each epoch", "another",
            "Code that changes the net or the optimizer must run on every rank: in loss, not in a hook or in evaluate.",
        )  # fmt: skip
    place.stop, place.ends = found[0][1], any(interrupted for _, _, interrupted in found)
