"""Every argument of every layer and model, of a wrong type or length: an error of ours, or a net that runs."""

import inspect

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import AutogradError
from snn import models

WRONG = [
    3, -1, 1.5, float("nan"), True, None, "text", {}, object(), [1, "a"], (), (1,), ((1, 2), (3,)), np.zeros((2, 5)),
    snn.IFNode,
]  # fmt: skip


def ones(*shape):
    return np.ones(shape, np.float32)


# What is made, with which arguments, and its input if it is small enough to be run.
LAYERS = {
    "ConvLSTM": ({"in_channels": 1, "channels": 1}, ones(2, 1, 1, 4, 4)),
    "Delay": ({"delay": 1}, ones(2, 1, 3)),
    "DelayedDense": ({"in_channels": 3, "out_channels": 2, "delay": 1}, ones(2, 1, 3)),
    "LearntDelays": ({"in_channels": 3, "out_channels": 2, "max_delay": 2}, ones(2, 1, 3)),
    "Dropout": ({}, ones(2, 1, 3)),
    "TDBatchNorm": ({"num_features": 3}, ones(2, 2, 3)),
    "TEBN": ({"T": 2, "num_features": 3}, ones(2, 2, 3)),
    "BNTT": ({"T": 2, "num_features": 3}, ones(2, 2, 3)),
    "OneToOne": ({"features": 3, "has_bias": True}, ones(2, 1, 3)),
    "SpikeMaxPool1d": ({"kernel_size": 2}, ones(2, 1, 1, 4)),
    "SpikeMaxPool2d": ({"kernel_size": 2}, ones(2, 1, 1, 4, 4)),
    "SpikeAdaptiveMaxPool1d": ({"output_size": 2}, ones(2, 1, 1, 4)),
    "SpikeAdaptiveMaxPool2d": ({"output_size": 2}, ones(2, 1, 1, 4, 4)),
    "RecurrentThrough": ({"node": snn.IFNode(), "back": nn.Dense(3, 3)}, ones(2, 1, 3)),
    "Recurrent": ({"node": snn.IFNode(), "n": 3}, ones(2, 1, 3)),
    "SEWBlock": ({}, ones(2, 1, 3)),
}
MODELS = {
    "Voting": ({"votes": 3}, ones(2, 1, 6)),
    "SpikingAttention": ({"dim": 4, "heads": 2}, ones(2, 1, 2, 4)),
    "SpikformerBlock": ({"dim": 4, "heads": 2}, ones(2, 1, 2, 4)),
    "convnet": ({"classes": 2, "channels": (1, 1)}, None),
    "vgg9": ({"classes": 2, "width": 0.01, "image": (1, 8, 8)}, None),
    "vgg11": ({"classes": 2, "width": 0.01, "image": (1, 32, 32), "head": (4,)}, None),
    "sew_block": ({"channels": 1, "outputs": 1}, None),
    "sew_resnet": ({"blocks": (1,), "widths": (1,), "classes": 2}, None),
    "spikformer": ({"dim": 8, "heads": 1, "depth": 1}, None),
    "shd_delayed": ({"hidden": 2, "channels": 2}, ones(2, 1, 2)),
    "shd_recurrent": ({"hidden": 2, "channels": 2}, ones(2, 1, 2)),
    "plif_net": ({"channels": 1, "hidden": 2, "image": (1, 8, 8)}, None),
}
OF_OTHERS = {"sew_resnet18", "sew_resnet20"}  # which pass their arguments on


def make(name, **arguments):
    layers = (nn.Dense(3, 3), snn.IFNode()) if name == "SEWBlock" else ()
    return getattr(snn if name in LAYERS else models, name)(*layers, **arguments)


def test_no_layer_and_no_model_is_left_out():
    assert {*snn.layers.__all__} - {*LAYERS} == set()
    assert {*models.__all__} - {*MODELS} == OF_OTHERS


@pytest.mark.parametrize("name", [*LAYERS, *MODELS])
def test_a_wrong_argument_is_an_error_of_ours(name):
    needed, x = (LAYERS | MODELS)[name]
    signature = inspect.signature(getattr(snn if name in LAYERS else models, name)).parameters.values()
    arguments = [p.name for p in signature if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    refused = dict.fromkeys(arguments, 0)
    for argument in arguments:
        for wrong in WRONG:
            try:
                net = make(name, **needed | {argument: wrong})
                if x is not None:
                    snn.run(net.set_train(), x, mode="eager")
            except AutogradError:
                refused[argument] += 1
    assert all(count >= 5 for count in refused.values()), refused


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: snn.ConvLSTM(1, 1, surrogate_function=3), "ConvLSTM: expected surrogate_function to be a Cell or a function"),
        (lambda: models.convnet(gains=(1.0,)), "models.convnet: expected gains as a tuple of 3 numbers, got "),
        (lambda: models.convnet(gains=(1, 2, "a")), "models.convnet: expected gains as a finite number of at least 0, got "),
        (lambda: models.convnet(channels=3), "models.convnet: expected channels as a tuple of 2 positive ints, got "),
        (lambda: models.vgg11(head=4096), "models.vgg11: expected head as a tuple of positive ints, got "),
        (lambda: models.sew_resnet(3, 16, 10), "models.sew_resnet: expected blocks as a tuple of positive ints, got "),
        (
            lambda: models.SpikingAttention(4, 2, scale="a"),
            "SpikingAttention: expected scale as a finite number of at least 0",
        ),
        *(
            (lambda value=value: models.convnet(gains=(value, 1, 1)), "models.convnet: expected gains as a finite number")
            for value in (np.inf, np.float32(np.inf), np.nan, 10**400, np.complex64(1))
        ),
        (lambda: models.SpikingAttention(8, 2, scale=np.inf), "SpikingAttention: expected scale as a finite number of at l"),
        (lambda: nn.LayerNorm((4,), epsilon=np.inf), "LayerNorm: expected epsilon as a finite number of at least 0, got "),
        (lambda: nn.Dropout(np.complex64(0)), "Dropout: expected a probability p in [0, 1), got "),
        (lambda: models.vgg9(width=10**400), "models.vgg9: expected width as a number above 0, got "),
        (lambda: models.SpikformerBlock(4, 2, "a"), "SpikformerBlock: expected hidden to be a positive int"),
        (lambda: snn.Recurrent(snn.IFNode(), 3, weight_init={}), "Recurrent, weight_init: expected numbers or an array"),
        (lambda: nn.Dense(3, 3, lambda shape, rng: 1.0), "Dense, weight_init: expected an initialiser that returns an array"),
        (lambda: models.Voting(3)(ones(2, 7)), r"Voting(3): expected an input [N, classes * 3], got "),
        (lambda: models.Voting(3)(ones(2, 6, 1)), r"Voting(3): expected an input [N, classes * 3], got "),
    ],
)
def test_the_error_says_what_was_expected(build, text):
    with pytest.raises(AutogradError) as caught:
        build()
    assert str(caught.value).startswith(text)
