"""Layers for images and sequences: arguments for each, the same layer of torch, and a shape that it takes."""

from dataclasses import dataclass
from typing import Any

from autograd import nn

IMAGE, LINE, VOLUME, FLAT = (2, 4, 5, 6), (2, 4, 7), (2, 4, 3, 4, 3), (5, 4)
C = {"in_channels": 4, "out_channels": 6}
TRANSLATED = {"has_bias": "bias", "group": "groups", "vocab_size": "num_embeddings", "embedding_size": "embedding_dim",
              "epsilon": "eps", "num_groups": "num_groups"}  # fmt: skip


@dataclass
class Case:
    """One layer of ours and the same of torch.

    Attributes
    ----------
    name : str
        Its class in ``nn``.
    options : dict
        Its arguments.
    shape : tuple of int
        Shape of an input.
    theirs : dict
        Arguments of torch's class, where they differ from ours by more than their names.
    their_name : str
        Torch's class.
    """

    name: str
    options: dict[str, Any]
    shape: tuple[int, ...] = IMAGE
    theirs: dict[str, Any] | None = None
    their_name: str = ""

    def ours(self, **more):
        """Make our layer."""
        return getattr(nn, self.name)(**self.options, **more)

    def torchs(self, torch, **more):
        """Make that of torch."""
        known = {TRANSLATED.get(k, k): v for k, v in self.options.items() if k != "pad_mode"}
        return getattr(torch.nn, self.their_name or self.name)(**(known if self.theirs is None else self.theirs), **more)

    def __str__(self):
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.options.items())})"


PAD = {"pad_mode": "pad"}
WEIGHTED = [
    Case("Conv1d", {**C, "kernel_size": 3, "has_bias": True, **PAD, "padding": 2, "stride": 2, "dilation": 2}, LINE),
    Case("Conv1d", {**C, "kernel_size": 4, "group": 2}, LINE,
         {**C, "kernel_size": 4, "groups": 2, "padding": "same", "bias": False}),
    Case("Conv2d", {**C, "kernel_size": (2, 3), "has_bias": True, **PAD, "padding": (1, 2), "stride": (1, 2), "group": 2}),
    Case("Conv2d", {**C, "kernel_size": 4, "dilation": (1, 2)}, IMAGE,
         {**C, "kernel_size": 4, "padding": "same", "dilation": (1, 2), "bias": False}),
    Case("Conv2d", {"in_channels": 4, "out_channels": 8, "kernel_size": 3, "group": 4, "has_bias": True}, IMAGE,
         {"in_channels": 4, "out_channels": 8, "kernel_size": 3, "groups": 4, "padding": "same"}),
    Case("Conv3d", {**C, "kernel_size": 2, "has_bias": True, **PAD, "padding": 1, "stride": 2}, VOLUME),
    Case("Conv2dTranspose", {**C, "kernel_size": 3, "has_bias": True, **PAD, "padding": 1, "output_padding": 1, "stride": 2},
         their_name="ConvTranspose2d"),
    Case("Conv2dTranspose", {**C, "kernel_size": (3, 2), "stride": 2, "pad_mode": "valid", "group": 2}, IMAGE,
         {**C, "kernel_size": (3, 2), "stride": 2, "groups": 2, "bias": False}, "ConvTranspose2d"),
    Case("Conv2dTranspose", {**C, "kernel_size": 4, "stride": 2}, IMAGE,
         {**C, "kernel_size": 4, "stride": 2, "padding": 1, "bias": False}, "ConvTranspose2d"),
    Case("LayerNorm", {"normalized_shape": 6, "epsilon": 1e-3}),
    Case("LayerNorm", {"normalized_shape": (5, 6), "epsilon": 1e-5}),
    Case("GroupNorm", {"num_groups": 2, "num_channels": 4}),
    Case("GroupNorm", {"num_groups": 4, "num_channels": 4, "eps": 1e-3}, LINE),
    Case("BatchNorm1d", {"num_features": 4, "momentum": 0.8}, FLAT, {"num_features": 4, "momentum": 0.2}),
    Case("BatchNorm1d", {"num_features": 4, "eps": 1e-3}, LINE),
    Case("BatchNorm2d", {"num_features": 4, "momentum": 0.9}, IMAGE, {"num_features": 4, "momentum": 0.1}),
]  # fmt: skip
PLAIN = [
    Case("MaxPool1d", {"kernel_size": 2, "stride": 2}, LINE),
    Case("MaxPool1d", {"kernel_size": 3, "stride": 2, **PAD, "padding": 1, "ceil_mode": True}, LINE),
    Case("MaxPool2d", {"kernel_size": 2, "stride": 2}),
    Case("MaxPool2d", {"kernel_size": (3, 2), "stride": None, **PAD, "padding": 1, "ceil_mode": True}),
    Case("MaxPool2d", {"kernel_size": 2, "dilation": 2}, IMAGE, {"kernel_size": 2, "dilation": 2, "stride": 1}),
    Case("AvgPool1d", {"kernel_size": 3, "stride": 2, **PAD, "padding": 1}, LINE),
    Case("AvgPool2d", {"kernel_size": 2, "stride": 2}),
    Case("AvgPool2d", {"kernel_size": 3, "stride": 2, **PAD, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
    Case("AvgPool2d", {"kernel_size": (3, 2), "stride": 2, "divisor_override": 5}),
    Case("SumPool1d", {"kernel_size": 3}, LINE, {"norm_type": 1.0, "kernel_size": 3, "stride": 1}, "LPPool1d"),
    Case("SumPool2d", {"kernel_size": 2, "stride": 2}, IMAGE, {"kernel_size": 2, "divisor_override": 1}, "AvgPool2d"),
    Case("LPPool1d", {"norm_type": 2, "kernel_size": 3, "stride": 2}, LINE),
    Case("LPPool2d", {"norm_type": 2, "kernel_size": 2, "ceil_mode": False}),
    Case("AdaptiveAvgPool1d", {"output_size": 3}, LINE),
    Case("AdaptiveAvgPool2d", {"output_size": (None, 4)}),
    Case("AdaptiveMaxPool1d", {"output_size": 3}, LINE),
    Case("AdaptiveMaxPool2d", {"output_size": (2, 3)}),
    Case("ConstantPad1d", {"padding": 1, "value": 0.5}, LINE),
    Case("ConstantPad2d", {"padding": (1, 0, 2, 3), "value": 2.0}),
    Case("ZeroPad1d", {"padding": (1, 2)}, LINE),
    Case("ZeroPad2d", {"padding": 1}),
    Case("ReflectionPad1d", {"padding": (3, 1)}, LINE),
    Case("ReflectionPad2d", {"padding": (1, 0, 2, 3)}),
    Case("ReplicationPad1d", {"padding": 2}, LINE),
    Case("ReplicationPad2d", {"padding": (1, 0, 2, 3)}),
    Case("Upsample", {"scale_factor": 2}),
    Case("Upsample", {"size": (7, 4), "mode": "bilinear", "align_corners": True}),
    Case("Upsample", {"scale_factor": 1.5, "mode": "bilinear"}),
    Case("Upsample", {"size": 4, "mode": "linear"}, LINE),
    Case("Upsample", {"size": 5, "mode": "trilinear"}, VOLUME),
]  # fmt: skip
CASES = WEIGHTED + PLAIN
PRINTED = {"Embedding": [{"vocab_size": 3, "embedding_size": 2}, {"vocab_size": 3, "embedding_size": 2, "padding_idx": 1,
                                                               "use_one_hot": True, "dtype": "float64"}],
           "Conv2d": [{**C, "kernel_size": [3, 3]}, {**C, "kernel_size": 3, "dtype": "float64"}],
           "BatchNorm2d": [{"num_features": 3, "affine": False, "use_batch_statistics": True, "dtype": "float64"}],
           "LayerNorm": [{"normalized_shape": [2, 3], "begin_norm_axis": 1, "begin_params_axis": -2, "dtype": "float64"}],
           "GroupNorm": [{"num_groups": 1, "num_channels": 2, "affine": False}],
           "SumPool2d": [{"kernel_size": 3, "pad_mode": "same", "ceil_mode": True}]}  # fmt: skip
"""Further arguments to make layers with."""


def arguments(name):
    """Return all arguments in these tables to make a layer with."""
    return [case.options for case in CASES if case.name == name] + PRINTED.get(name, [])
