"""Peak memory that the forward and backward pass of a plain network adds."""

from __future__ import annotations

from . import memory
from .harness import Options
from .work import Work, dense, relu

TITLE = "peak memory added by the first forward and backward pass of an MLP: 8 layers of 1,024 with ReLU, batch 4,096"
PEERS = ("torch_expert",)
SIZE, BATCH, LAYERS = 1024, 4096, 8
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Makes glibc return freed arrays, so that only memory held by a pass counts, not memory kept by malloc."""


def case(small: bool) -> Work:
    """Return the workload."""
    size, batch = (32, 64) if small else (SIZE, BATCH)
    hidden = (dense(size, size, (2 / size) ** 0.5, bias=True), relu(size)) * (LAYERS - 1)
    return Work(layers=(*hidden, dense(size, size, size**-0.5, bias=True)), steps=1, batch=batch, source="normal")


def run(options: Options) -> None:
    """Measure, print and write the results."""
    memory.compare("backward", TITLE, case(options.small), ("ours_eager",), options, GIVE_BACK)
