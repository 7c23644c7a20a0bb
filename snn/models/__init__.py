"""Whole networks from the literature, with their published numbers of Parameters.

Each is an ``nn.SequentialCell`` with named layers for :func:`snn.run`, in every mode. ``neuron=`` takes a function that makes
the neuron of a layer, and ``rng=`` is the source of the random weights.

======================== ============================================================ ===============================
model                    layers                                                       source
======================== ============================================================ ===============================
:func:`convnet`          12C5-MP2-64C5-MP2-10, for MNIST                              snnTorch's tutorial 6
:func:`vgg9`             7 convolutions, 2 dense layers, for 32 x 32 images           Kim and Panda, 2021
:func:`vgg11`            8 convolutions, 3 dense layers                               Simonyan and Zisserman, 2015
:func:`sew_resnet18`     spike-element-wise residual blocks, for ImageNet             Fang et al., 2021
:func:`sew_resnet20`     the same with 16, 32 and 64 channels, for 32 x 32 images     Fang et al., 2021; He et al., 2016
:func:`spikformer`       attention over spikes                                        Zhou et al., 2023
:func:`shd_delayed`      layers of learnt delays, for the Spiking Heidelberg Digits   Hammouamri et al., 2024
:func:`shd_recurrent`    a recurrent layer, for the Spiking Heidelberg Digits         Cramer et al., 2022
:func:`plif_net`         convolutions, neurons with learnt time constants             Fang et al., 2021 (ICCV)
======================== ============================================================ ===============================
"""

from .attention import SpikformerBlock, SpikingAttention, spikformer
from .convolutional import convnet, vgg9, vgg11
from .delayed import shd_delayed
from .parametric import Voting, plif_net
from .recurrent import shd_recurrent
from .residual import sew_block, sew_resnet, sew_resnet18, sew_resnet20

__all__ = [
    "SpikformerBlock", "SpikingAttention", "Voting", "convnet", "plif_net", "sew_block", "sew_resnet", "sew_resnet18",
    "sew_resnet20", "shd_delayed", "shd_recurrent", "spikformer", "vgg9", "vgg11",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
