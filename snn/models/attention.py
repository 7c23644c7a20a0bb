"""Attention over spikes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, nn, ops
from autograd.errors import ArgumentError
from autograd.intake import to_generator
from autograd.nn.options import number, positive

from ..common.arguments import own_arguments
from ..common.structure import initial_state
from ..layers import SEWBlock
from ..neurons import LIFNode
from ..surrogate import atan
from .shared import Maker, atan_lif, check_image, maker

__all__ = ["SpikformerBlock", "SpikingAttention", "spikformer"]

Norm = Callable[[int], Cell]
_PATCH = 4  # rows and columns of a patch: two poolings


class AttentionState(NamedTuple):
    """State of :class:`SpikingAttention`: of its queries, keys, values, attention and output."""

    q: Any
    k: Any
    v: Any
    attended: Any
    out: Any


class TokenNorm(Cell):
    """Normalises the features of tokens ``[N, L, C]`` with a norm for ``[N, C, L]``."""

    def __init__(self, norm: Cell) -> None:
        super().__init__()
        self.norm = norm

    @property
    def per_sample(self) -> bool:  # type: ignore[override]
        """Whether samples do not affect each other."""
        return self.norm.per_sample

    @property
    def repeatable(self) -> bool:
        """Whether a repeated input gives the same output."""
        return self.norm.repeatable

    def construct(self, x: Any) -> Any:
        """Map ``[N, L, C]`` to the same shape."""
        return ops.transpose(self.norm(ops.transpose(x, (0, 2, 1))), (0, 2, 1))


class Tokens(Cell):
    """Makes tokens ``[N, H W, C]`` of images ``[N, C, H, W]``."""

    per_sample = True

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, H W, C]``."""
        return ops.transpose(ops.reshape(x, (*x.shape[:2], x.shape[2] * x.shape[3])), (0, 2, 1))


class TokenMean(Cell):
    """The mean over tokens."""

    per_sample = True

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, L, C]`` to ``[N, C]``."""
        return ops.mean(x, 1)


class SpikingAttention(Cell):
    """Self-attention over spikes, without softmax (Zhou et al., "Spikformer", 2023).

    Queries, keys and values are spikes, so the product ``q k^T v`` counts spikes. A layer of neurons receives ``scale`` times
    this product. All of this happens within one time step.

    Parameters
    ----------
    dim, heads : int
        Features of a token, and number of heads.
    scale : float
        Factor of the product.
    norm : callable
        Makes the norm for ``[N, C, L]`` after a dense layer, from its number of features ``C``.
    neuron : callable, optional
        Makes a neuron; by default a :class:`snn.LIFNode` with ``tau=2``, hard reset and the surrogate ``atan``.
    attending : callable, optional
        Makes the neuron of the product; by default the same with a threshold of 0.5 and spikes of amplitude 1.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Raises
    ------
    ArgumentError
        If ``dim`` is not a multiple of ``heads``, or one of them is not a positive int.
    DTypeError
        If ``neuron``, ``attending`` or ``norm`` is not a function that makes a layer.
    """

    def __init__(
        self, dim: int, heads: int, *, scale: float = 0.125, norm: Norm = nn.BatchNorm1d, neuron: Maker | None = None,
        attending: Maker | None = None, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("SpikingAttention", dim=dim, heads=heads)
        if dim % heads:
            raise ArgumentError(
                "SpikingAttention", "dim to be a multiple of heads", f"{dim} with {heads} heads",
                "Change one of them: each head takes dim / heads features.",
            )  # fmt: skip
        self.dim, self.heads, self.scale = dim, heads, number("SpikingAttention", "scale", scale, 0)
        make = maker("SpikingAttention", "neuron", atan_lif if neuron is None else neuron)
        norm, rng = maker("SpikingAttention", "norm", norm), to_generator(rng, "SpikingAttention")
        self.q, self.k, self.v, self.out = (_layer(dim, dim, norm, make, rng) for _ in range(4))
        self.attended = maker("SpikingAttention", "attending", _attending if attending is None else attending)()

    def initial_state(self, x: Any) -> AttentionState:
        """Return the initial state for inputs such as ``x``, ``[N, L, C]``."""
        q, k, v, out = (layer.initial_state(x) for layer in (self.q, self.k, self.v, self.out))
        return AttentionState(q, k, v, initial_state(self.attended, x), out)

    def construct(self, x: Any, state: Any) -> tuple[Any, AttentionState]:
        """Map tokens ``[N, L, C]`` to the same shape."""
        q, q_after = self.q(x, state.q)
        k, k_after = self.k(x, state.k)
        v, v_after = self.v(x, state.v)
        seen = ops.matmul(self._heads(q), ops.transpose(self._heads(k), (0, 1, 3, 2)))
        mixed = ops.transpose(ops.matmul(seen, self._heads(v)), (0, 2, 1, 3))
        spikes, attended = self.attended(ops.reshape(mixed, x.shape) * self.scale, state.attended)
        out, out_after = self.out(spikes, state.out)
        return out, AttentionState(q_after, k_after, v_after, attended, out_after)

    def _heads(self, x: Any) -> Any:
        n, length, dim = x.shape
        return ops.transpose(ops.reshape(x, (n, length, self.heads, dim // self.heads)), (0, 2, 1, 3))

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f"dim={self.dim}, heads={self.heads}, scale={self.scale:g}"


def _attending() -> LIFNode:
    return LIFNode(
        0.5, surrogate_function=atan(), tau=2.0, decay_input=True, v_reset=0.0, detach_reset=True, spike_value="unit"
    )


def _layer(before: int, after: int, norm: Norm, neuron: Maker, rng: Any) -> nn.SequentialCell:
    return nn.SequentialCell({"dense": nn.Dense(before, after, rng=rng), "norm": TokenNorm(norm(after)), "neuron": neuron()})


def _around(branch: Cell) -> SEWBlock:
    """Return a block that adds the output of a branch to its input."""
    return SEWBlock({"branch": branch})


class SpikformerBlock(nn.SequentialCell):
    """A block of Spikformer: attention, then two dense layers with neurons, each added to its input (Zhou et al., 2023).

    Parameters
    ----------
    dim, heads
        As for :class:`SpikingAttention`.
    hidden : int, optional
        Features between the dense layers; four times ``dim`` by default.
    norm, neuron, rng
        As for :class:`SpikingAttention`.
    """

    def __init__(
        self, dim: int, heads: int, hidden: int | None = None, *, norm: Norm = nn.BatchNorm1d, neuron: Maker | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        positive("SpikformerBlock", dim=dim, heads=heads, hidden=1 if hidden is None else hidden)
        make = maker("SpikformerBlock", "neuron", atan_lif if neuron is None else neuron)
        norm, rng = maker("SpikformerBlock", "norm", norm), to_generator(rng, "SpikformerBlock")
        hidden = 4 * dim if hidden is None else hidden
        mixing = nn.SequentialCell(
            {"wide": _layer(dim, hidden, norm, make, rng), "narrow": _layer(hidden, dim, norm, make, rng)}
        )
        attention = SpikingAttention(dim, heads, norm=norm, neuron=neuron, rng=rng)
        super().__init__({"attention": _around(attention), "mixing": _around(mixing)})


@own_arguments("models.spikformer")
def spikformer(
    classes: int = 10, *, image: tuple[int, int, int] = (3, 32, 32), depth: int = 4, dim: int = 384, heads: int = 12,
    neuron: Maker | None = None, rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make a Spikformer for small images (Zhou et al., 2023): by default Spikformer-4-384 for CIFAR-10, 9.32 M Parameters.

    Four convolutions of 3 x 3, the last two with max pooling, turn each patch of 4 x 4 into a token; a fifth one adds a
    position embedding.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    image : tuple of int
        Channels, rows and columns of the input.
    depth, dim, heads : int
        Number of blocks; features of a token, a multiple of 8 and of ``heads``; number of heads.
    neuron : callable, optional
        Makes a neuron; by default a :class:`snn.LIFNode` with ``tau=2``, hard reset and the surrogate ``atan``.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Returns
    -------
    nn.SequentialCell
        Its output is the scores ``[T, N, classes]``; average them over time.

    Raises
    ------
    ArgumentError
        If ``dim`` is not such a multiple, the image is smaller than a patch, or a number is not a positive int.
    DTypeError
        If ``neuron`` is not a function that makes a neuron.
    """
    check_image("models.spikformer", image)
    positive("models.spikformer", depth=depth, dim=dim, heads=heads)
    channels, *size = image
    if dim % 8 or min(size) < _PATCH:
        raise ArgumentError(
            "models.spikformer", "dim as a multiple of 8, and an image of at least 4 rows and columns",
            f"dim={dim} and image={image}", "For example dim=384, image=(3, 32, 32).",
        )  # fmt: skip
    make = maker("models.spikformer", "neuron", atan_lif if neuron is None else neuron)
    rng = to_generator(rng, "models.spikformer")

    def convolution(before: int, after: int) -> list[Cell]:
        return [nn.Conv2d(before, after, 3, rng=rng), nn.BatchNorm2d(after), make()]

    layers: list[Cell] = []
    for k, width in enumerate((dim // 8, dim // 4, dim // 2, dim)):
        layers += [*convolution(channels, width), *([nn.MaxPool2d(3, 2, "pad", 1)] if k > 1 else [])]
        channels = width
    return nn.SequentialCell(
        {
            "patches": nn.SequentialCell(layers), "position": _around(nn.SequentialCell(convolution(dim, dim))),
            "tokens": Tokens(),
            "blocks": nn.SequentialCell([SpikformerBlock(dim, heads, neuron=neuron, rng=rng) for _ in range(depth)]),
            "mean": TokenMean(), "scores": nn.Dense(dim, classes, rng=rng),
        }
    )  # fmt: skip
