"""Arguments and inputs that layers for images and sequences refuse, with their errors."""

import numpy as np
import pytest

from autograd import Tensor, nn, ops
from autograd.errors import ArgumentError, DTypeError, PositionError, ShapeError, UnknownNameError


def x(*shape):
    return Tensor(np.random.default_rng(0).normal(size=shape))


BAD_ARGUMENTS = [
    (lambda: nn.Conv2d(0, 3, 3), r"Conv2d: expected in_channels to be a positive int, got int 0"),
    (lambda: nn.Conv2d(4, 6, 3, group=3), r"Conv2d: expected in_channels and out_channels that are multiples of group, got 4"),
    (lambda: nn.Conv2d(2, 3, 0), r"Conv2d: expected kernel_size as an int or 2 ints, at least 1, got int 0"),
    (lambda: nn.Conv2d(2, 3, (3, 3, 3)), r"Conv2d: expected kernel_size as an int or 2 ints, at least 1, got tuple"),
    (lambda: nn.Conv1d(2, 3, 3, stride=1.5), r"Conv1d: expected stride as an int, at least 1, got float 1.5"),
    (lambda: nn.Conv2d(2, 3, 3, 1, 1), r"Conv2d: expected pad_mode 'same', 'valid', 'pad', got 1. Pass a number of zeros as "
     r"padding: pad_mode='pad', padding=1."),
    (lambda: nn.Conv2d(2, 3, 3, padding=1),
     r"Conv2d: expected padding=0 with pad_mode='same', got padding=1. .*pad_mode='pad'"),
    (lambda: nn.Conv2d(2, 3, 3, padding="same"),
     r"Conv2d: expected padding as an int >= 0, .* got str 'same'. Use pad_mode='same'"),
    (lambda: nn.Conv2d(2, 3, 3, pad_mode="pad", padding=(1, 1, 1)),
     r"Conv2d: expected padding as an int >= 0, 2 or 4 of them"),
    (lambda: nn.Conv2d(2, 3, 3, has_bias=0.5), r"Conv2d: expected has_bias to be a bool, got float 0.5"),
    (lambda: nn.Conv2d(2, 3, 3, bias=False),
     r"Conv2d: expected arguments named .*, got bias. bias= is called has_bias= here."),
    (lambda: nn.Conv2d(2, 4, 3, groups=2), r"Conv2d: expected arguments named .*, got groups. groups= is called group= here."),
    (lambda: nn.Conv2d(2, 3, 3, data_format="NHWC"), r"Conv2d: expected data_format='NCHW', got 'NHWC'. Move the channels"),
    (lambda: nn.Conv2d(2, 3, 3, dtype=int), r"Conv2d: expected a float dtype, got int64"),
    (lambda: nn.Conv2d(2, 3, 3, weight_init=np.ones((3, 2))), r"Conv2d, weight_init: expected values of shape \[3, 2, 3, 3\]"),
    (lambda: nn.Conv2dTranspose(2, 3, 3, output_padding=1),
     r"Conv2dTranspose: expected output_padding=0 with pad_mode='same'"),
    (lambda: nn.Conv2dTranspose(2, 3, 3, 2, "pad", 1, 2), r"Conv2dTranspose: expected output_padding below the stride or the"),
    (lambda: nn.MaxPool2d(0), r"MaxPool2d: expected kernel_size as an int or 2 ints, at least 1, got int 0"),
    (lambda: nn.MaxPool2d(2, 2, 1), r"MaxPool2d: expected pad_mode 'same', 'valid', 'pad', got 1"),
    (lambda: nn.AvgPool2d(2, divisor_override=0),
     r"AvgPool2d: expected divisor_override as a positive int, or None, got int 0"),
    (lambda: nn.LPPool2d(0, 2), r"LPPool2d: expected norm_type as a number above 0, got int 0"),
    (lambda: nn.AdaptiveAvgPool2d((2, 0)),
     r"AdaptiveAvgPool2d: expected output_size as a positive int or 2 positive ints, got tuple"),
    (lambda: nn.BatchNorm2d(3, momentum=2), r"BatchNorm2d: expected momentum as a number from 0 to 1, got int 2"),
    (lambda: nn.BatchNorm1d(3, eps=-1), r"BatchNorm1d: expected eps as a finite number of at least 0, got int -1"),
    (lambda: nn.LayerNorm(()), r"LayerNorm: expected normalized_shape as the lengths of the last axes, got tuple \(\)"),
    (lambda: nn.GroupNorm(3, 4), r"GroupNorm: expected num_channels that are a multiple of num_groups, got 4 with 3 groups"),
    (lambda: nn.ZeroPad2d((1, 1)), r"ZeroPad2d: expected padding as an int or \(left, right, top, bottom\), got tuple"),
    (lambda: nn.ZeroPad1d(-1), r"ZeroPad1d: expected padding as an int >= 0"),
    (lambda: nn.ConstantPad2d(1, "a"), r"ConstantPad2d: expected value as a number, got str 'a'"),
    (lambda: nn.Upsample(), r"Upsample: expected either size or scale_factor, got neither"),
    (lambda: nn.Upsample(2, mode="cubic"),
     r"Upsample: expected mode 'nearest', 'linear', 'bilinear' or 'trilinear', got 'cubic'"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), r"Embedding: expected padding_idx in \[0, 3\), or None, got int 3"),
    (lambda: nn.Embedding(num_embeddings=3, embedding_dim=2), r"Embedding: .* num_embeddings= is called vocab_size= here."),
    (lambda: ops.pad(x(2, 3), 1, mode="mirror"),
     r"ops.pad: expected mode 'constant', 'reflect', 'replicate', 'circular', got"),
    (lambda: ops.max_pool2d(x(1, 1, 4, 4), 2, 2, 2),
     r"ops.max_pool2d: expected padding of at most half the kernel, \[2, 2\], got"),
    (lambda: ops.conv2d(x(1, 2, 4, 4), x(2, 2, 3, 3), groups=0), r"ops.conv2d: expected groups as a positive int, got int 0"),
    (lambda: ops.interpolate(x(1, 1, 4), 2, mode="bilinear"),
     r"ops.interpolate: expected mode 'nearest' or 'linear' for 1 spa"),
    (lambda: ops.interpolate(x(1, 1, 4), 2, align_corners=True),
     r"ops.interpolate: expected align_corners=None with mode='nea"),
    (lambda: ops.interpolate(x(1, 1, 4), 2, 2), r"ops.interpolate: expected either size or scale_factor, got both"),
    (lambda: ops.batch_norm(x(2, 3)), r"ops.batch_norm: expected running_mean and running_var, got None. training=True takes"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS)
def test_an_argument_that_cannot_be_is_refused(make, message):
    with pytest.raises((ArgumentError, DTypeError, ShapeError), match=message):
        make()


BAD_SHAPES = [
    (lambda: nn.Conv2d(2, 3, 3)(x(2, 5, 5)),
     r"Conv2d\(in_channels=2.*: expected an input \[N, C, H, W\], got \[2, 5, 5\] Float64. "
     r"Add an axis for the batch: x\[None\]"),
    (lambda: nn.Conv2d(2, 3, 3)(x(1, 3, 5, 5)),
     r"Conv2d\(.*: expected an input with 2 channels, \[N, 2, H, W\], got \[1, 3, 5, 5\]"),
    (lambda: nn.Conv2d(2, 3, 3, pad_mode="valid")(x(1, 2, 2, 5)),
     r"ops.conv2d: expected an input of at least \[3, 3\] on its spa"),
    (lambda: nn.Conv1d(2, 3, 3, pad_mode="valid", dilation=3)(x(1, 2, 6)), r"ops.conv1d: expected an input of at least \[7\]"),
    (lambda: nn.Conv2dTranspose(2, 3, 3, 1, "pad", 2)(x(1, 2, 2, 2)),
     r"ops.conv_transpose2d: expected an input that gives at"),
    (lambda: ops.conv2d(x(1, 4, 5, 5), x(3, 2, 3, 3), groups=2),
     r"ops.conv2d: expected a weight \[out, 4 channels / groups, kh, kw"
     r"\] with out a multiple of groups, got \[3, 2, 3, 3\].*groups=2"),
    (lambda: ops.conv2d(x(1, 4, 5, 5), x(3, 3, 3, 3)),
     r"ops.conv2d: expected a weight .*, got \[3, 3, 3, 3\] Float64 with groups=1"),
    (lambda: ops.conv2d(x(1, 2, 5, 5), x(3, 2, 3, 3), x(2)),
     r"ops.conv2d: expected a bias \[3\], one for each output channel"),
    (lambda: ops.conv_transpose2d(x(1, 4, 5, 5), x(3, 2, 3, 3)), r"ops.conv_transpose2d: expected a weight \[4 channels, out"),
    (lambda: nn.MaxPool2d(3)(x(1, 1, 2, 5)), r"ops.max_pool2d: expected an input of at least \[3, 3\] on its spatial axes"),
    (lambda: nn.MaxPool1d(2)(x(1, 5)), r"ops.max_pool1d: expected an input \[N, C, L\], got \[1, 5\] Float64"),
    (lambda: nn.AdaptiveAvgPool1d(2)(x(1, 1, 0)),
     r"ops.adaptive_avg_pool1d: expected at least one element on each spatial axis"),
    (lambda: nn.BatchNorm2d(3)(x(2, 3)), r"BatchNorm2d\(num_features=3\): expected an input \[N, 3, H, W\], got \[2, 3\]"),
    (lambda: nn.BatchNorm1d(3)(x(2, 4)),
     r"BatchNorm1d\(num_features=3\): expected an input \[N, 3\] or \[N, 3, L\], got \[2, 4\]"),
    (lambda: nn.BatchNorm1d(3).set_train()(x(1, 3)),
     r"ops.batch_norm: expected more than one number for each channel, got \[1, 3\]"),
    (lambda: nn.LayerNorm((2, 3))(x(4, 3)), r"LayerNorm\(.*: expected an input \[..., 2, 3\], got \[4, 3\]"),
    (lambda: nn.GroupNorm(2, 4)(x(1, 2, 4)), r"GroupNorm\(.*: expected an input \[N, 4, ...\], got \[1, 2, 4\]"),
    (lambda: ops.group_norm(x(1, 4), 3), r"ops.group_norm: expected channels that 3 groups share equally, got \[1, 4\]"),
    (lambda: ops.batch_norm(x(2, 3), x(2), x(3)),
     r"ops.batch_norm: expected a running_mean \[3\], one for each channel, got \[2\]"),
    (lambda: ops.layer_norm(x(2, 3), 3, x(2)), r"ops.layer_norm: expected a weight \[3\], got \[2\]"),
    (lambda: nn.ReflectionPad1d(3)(x(1, 1, 3)),
     r"ops.pad: expected a border >= 0 and at least 4 elements along axis 2 for mode='ref"),
    (lambda: nn.ReplicationPad2d(1)(x(1, 3)),
     r"ReplicationPad2d\(padding=1\): expected an input \[N, C, H, W\], got \[1, 3\]"),
    (lambda: nn.Upsample(scale_factor=0.1)(x(1, 1, 3)),
     r"ops.interpolate: expected a size of at least 1 along each axis, got \[0\]"),
    (lambda: nn.Upsample(2)(x(3, 3)), r"ops.interpolate: expected an input \[N, C, ...\] with 1 to 3 spatial axes"),
    (lambda: ops.embedding([0], x(3)), r"ops.embedding: expected a table \[n, size\], got \[3\] Float64"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD_SHAPES)
def test_an_input_that_does_not_fit_is_refused(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


def test_numbers_that_an_embedding_does_not_have_are_refused():
    layer = nn.Embedding(3, 2)
    with pytest.raises(
        PositionError, match=r"ops.embedding: expected numbers in \[0, 3\), got -1 to 3. The table needs a row"
    ):
        layer([-1, 3])
    with pytest.raises(DTypeError, match=r"ops.embedding: expected whole numbers, got \[1\] Float32"):
        layer([0.5])


def test_names_of_torch_say_what_to_write():
    with pytest.raises(UnknownNameError, match=r"Use nn.Conv2dTranspose"):
        nn.ConvTranspose2d  # noqa: B018
    with pytest.raises(DTypeError, match=r"bias=|groups|arguments"):
        ops.max_pool2d(x(1, 1, 2, 2), 2, strides=2)
