"""The picture networks as data: what the writer of model files and the training script both read.

A network is a list of nodes in the order in which they run. Each has a name, which is also that of the tensor it makes,
and names the nodes it reads; `INPUT` is the picture. Activations are [1, height, width, channels], padding is
TensorFlow's SAME.

MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (arXiv 1801.04381, table 2).
MobileNetEdgeTPU: the MLPerf mobile model `mobilenet_edgetpu_224_1.0`. DeepLabV3+: Chen et al. (arXiv 1802.02611) as
`deeplabv3_mnv2_ade20k` has it. SSD: Liu et al. (arXiv 1512.02325) as `ssd_mobilenet_v2_quantized_300x300_coco` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from harness.zoo.standins.layer_stack import Add, Concat, GlobalPool, Network, Resize, Stack


@cache
def mobilenet_edgetpu() -> Network:
    """MobileNetEdgeTPU 1.0 at 224: 1001 classes; its first blocks convolve all channels at once."""
    stack = Stack()
    stack.conv("Conv", 32, 3, 2, "relu")
    stack.conv("expanded_conv/project", 16)
    number = 1
    # Expanded channels, channels, stride, and how many blocks with a residual follow with how many expanded channels.
    for expanded, channels, count, following in ((128, 32, 3, 128), (256, 48, 3, 192)):
        for index in range(1 + count):
            start, name = stack.top, f"expanded_conv_{number}"
            stack.conv(f"{name}/expand", following if index else expanded, 3, 1 if index else 2, "relu")
            stack.conv(f"{name}/project", channels)
            if index:
                stack.put(Add(f"{name}/add", (stack.top, start)))
            number += 1
    for expanded, channels, count, following, kernel, stride in (
        (384, 96, 3, 384, 3, 2),
        (768, 96, 3, 384, 3, 1),
        (768, 160, 3, 640, 5, 2),
        (1280, 192, 0, 0, 3, 1),
    ):
        for index in range(1 + count):
            stack.bottleneck(
                f"expanded_conv_{number}",
                following if index else expanded,
                channels,
                kernel=kernel,
                stride=1 if index else stride,
                activation="relu",
                residual=index > 0,
            )
            number += 1
    stack.conv("Conv_1", 1280, activation="relu")
    stack.put(GlobalPool("Logits/AvgPool", stack.top))
    stack.conv("Logits/Conv2d_1c_1x1", 1001, norm=False)
    return Network("mobilenet_edgetpu", 224, tuple(stack.nodes))


_MOBILENET_V2 = ((6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks, stride of the first: table 2 of the paper behind its first bottleneck."""


def _mobilenet_v2(stack: Stack, *, stop_stride_at: int | None = None) -> None:
    """The backbone up to the last bottleneck.

    Args:
        stack: Empty.
        stop_stride_at: The number of a block whose stride becomes 1; the depthwise convolutions of those behind it are
            dilated by 2 instead, as DeepLab does to keep resolution.
    """
    stack.conv("Conv", 32, 3, 2, "relu6")
    stack.depthwise("expanded_conv/depthwise", 32, 3, 1, "relu6")
    stack.conv("expanded_conv/project", 16)
    number, inputs = 1, 16
    for expansion, channels, count, stride in _MOBILENET_V2:
        for index in range(count):
            dilated = stop_stride_at is not None and number > stop_stride_at
            stack.bottleneck(
                f"expanded_conv_{number}",
                expansion * inputs,
                channels,
                stride=1 if index or number == stop_stride_at else stride,
                dilation=2 if dilated else 1,
                activation="relu6",
                residual=index > 0,
            )
            number, inputs = number + 1, channels


@cache
def mobilenet_v2() -> Network:
    """MobileNetV2 1.0 at 224, 1001 classes."""
    stack = Stack()
    _mobilenet_v2(stack)
    stack.conv("Conv_1", 1280, activation="relu6")
    stack.put(GlobalPool("Logits/AvgPool", stack.top))
    stack.conv("Logits/Conv2d_1c_1x1", 1001, norm=False)
    return Network("mobilenet_v2", 224, tuple(stack.nodes))


SEGMENTATION_CLASSES = 32


@cache
def deeplabv3() -> Network:
    """DeepLabV3+ on MobileNetV2 at 512, output stride 16, with the image pooling branch and a decoder."""
    stack = Stack()
    _mobilenet_v2(stack, stop_stride_at=13)
    features = stack.top
    stack.put(GlobalPool("image_pooling/AvgPool", features))
    pooled = stack.conv("image_pooling", 256, activation="relu")
    spread = stack.put(Resize("image_pooling/resized", pooled, like=features))
    aspp = stack.conv("aspp0", 256, activation="relu", source=features)
    stack.put(Concat("concat", (spread, aspp)))
    coarse = stack.conv("concat_projection", 256, activation="relu")
    fine = "expanded_conv_2/depthwise"
    enlarged = stack.put(Resize("decoder/resized", coarse, like=fine))
    projected = stack.conv("decoder/feature_projection0", 48, activation="relu", source=fine)
    stack.put(Concat("decoder/concat", (enlarged, projected)))
    for index, channels in enumerate((304, 256)):
        stack.depthwise(f"decoder/decoder_conv{index}_depthwise", channels, 3, 1, "relu")
        stack.conv(f"decoder/decoder_conv{index}_pointwise", 256, activation="relu")
    stack.conv("logits/semantic", SEGMENTATION_CLASSES, norm=False)
    return Network("deeplabv3", 512, tuple(stack.nodes))


DETECTION_CLASSES = 91
"""With the background, class 0."""
FEATURE_MAPS = (
    "expanded_conv_13/expand",
    "Conv_1",
    "extra_2/conv",
    "extra_3/conv",
    "extra_4/conv",
    "extra_5/conv",
)
"""What the box predictors read, from fine to coarse."""
ANCHORS_AT = (3, 6, 6, 6, 6, 6)
"""Anchors at a place of each feature map."""


@cache
def ssd_mobilenet_v2() -> Network:
    """SSD on MobileNetV2 at 300 with 1x1 predictors, 91 classes, 1917 anchors."""
    stack = Stack()
    _mobilenet_v2(stack)
    stack.conv("Conv_1", 1280, activation="relu6")
    for number, channels in ((2, 512), (3, 256), (4, 256), (5, 128)):
        stack.conv(f"extra_{number}/narrow", channels // 2, activation="relu6")
        stack.conv(f"extra_{number}/conv", channels, 3, 2, "relu6")
    for index, (source, anchors) in enumerate(zip(FEATURE_MAPS, ANCHORS_AT, strict=True)):
        for role, values in (("boxes", 4), ("classes", DETECTION_CLASSES)):
            stack.conv(f"predictor_{index}/{role}", anchors * values, source=source, norm=False)
    return Network("ssd_mobilenet_v2", 300, tuple(stack.nodes))


def predictors(role: Literal["boxes", "classes"]) -> Sequence[str]:
    """The names of the SSD's predictors of one role, from fine to coarse."""
    return [f"predictor_{index}/{role}" for index in range(len(FEATURE_MAPS))]
