"""The networks of the tiny tasks as data: see harness.zoo.standins.networks.

`resnet8`, `mobilenet_v1`, `ds_cnn` and `autoencoder` are MLPerf Tiny's own, layer for layer (TI benchmark/training:
image_classification/keras_model.py, visual_wake_words/vww_model.py, keyword_spotting/keras_model.py,
anomaly_detection/keras_model.py), a dense layer being a convolution of one place. `yolo`, `face` and `wake_word` are graphs of
our own with the inputs and outputs of the models they stand for.
"""

from __future__ import annotations

from functools import cache

from harness.zoo.standins.layer_stack import Add, GlobalPool, Network, Stack

WORDS, WAKE_WORD_CLASSES = 12, 3
YOLO_ANCHORS = 3
YOLO_VALUES = YOLO_ANCHORS * 6
FACE_POINTS = 468
_MOBILENET_V1 = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2), (256, 1))
"""Channels and stride of each pair of convolutions, at a width of 0.25."""


@cache
def resnet8() -> Network:
    """ResNetv1 of three stacks for 32x32 pictures of 10 classes."""
    stack = Stack()
    stack.conv("conv", 16, 3, 1, "relu")
    for number, channels in enumerate((16, 32, 64)):
        start, name = stack.top, f"stack_{number}"
        stride = 1 if number == 0 else 2
        stack.conv(f"{name}/conv_0", channels, 3, stride, "relu")
        inner = stack.conv(f"{name}/conv_1", channels, 3)
        if number:
            start = stack.conv(f"{name}/shortcut", channels, 1, stride, source=start)
        stack.put(Add(f"{name}/add", (start, inner)))
    stack.put(GlobalPool("pool", stack.top))
    stack.conv("classes", 10, norm=False)
    return Network("ic_resnet8", 32, tuple(stack.nodes))


def _mobilenet_v1(stack: Stack) -> None:
    stack.conv("conv", 8, 3, 2, "relu")
    for number, (channels, stride) in enumerate(_MOBILENET_V1):
        narrow = 8 if number == 0 else _MOBILENET_V1[number - 1][0]
        stack.depthwise(f"block_{number}/depthwise", narrow, 3, stride, "relu")
        stack.conv(f"block_{number}/pointwise", channels, 1, 1, "relu")


@cache
def mobilenet_v1() -> Network:
    """MobileNetV1 0.25 at 96, two classes."""
    stack = Stack()
    _mobilenet_v1(stack)
    stack.put(GlobalPool("pool", stack.top))
    stack.conv("classes", 2, norm=False)
    return Network("vww_mobilenet_v1", 96, tuple(stack.nodes))


@cache
def ds_cnn() -> Network:
    """DS-CNN on 49 frames of 10 MFCCs, 12 words."""
    stack = Stack()
    stack.conv("conv", 64, 10, 2, "relu", kernel_width=4)
    for number in range(4):
        stack.depthwise(f"block_{number}/depthwise", 64, 3, 1, "relu")
        stack.conv(f"block_{number}/pointwise", 64, 1, 1, "relu")
    stack.put(GlobalPool("pool", stack.top))
    stack.conv("words", WORDS, norm=False)
    return Network("kws_ds_cnn", 49, tuple(stack.nodes), width=10, channels=1)


@cache
def autoencoder() -> Network:
    """Dense layers 640, 128 (4), 8, 128 (4), 640."""
    stack = Stack()
    for number, width in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128)):
        stack.conv(f"dense_{number}", width, 1, 1, "relu")
    stack.conv("window", 640, norm=False)
    return Network("ad_autoencoder", 1, tuple(stack.nodes), channels=640)


@cache
def yolo() -> Network:
    """Heads of three anchors at 3x3 and 6x6 places of a 96x96 picture, on MobileNetV1's layers."""
    stack = Stack()
    _mobilenet_v1(stack)
    coarse, fine = stack.top, "block_10/pointwise"
    stack.conv("coarse/narrow", 64, 1, 1, "relu", source=coarse)
    stack.conv("coarse", YOLO_VALUES, norm=False)
    stack.conv("fine/narrow", 64, 1, 1, "relu", source=fine)
    stack.conv("fine", YOLO_VALUES, norm=False)
    return Network("yolo_person", 96, tuple(stack.nodes))


@cache
def face() -> Network:
    """468 points of three coordinates, and whether there is a face, of a 192x192 picture."""
    stack = Stack()
    stack.conv("shrink", 8, 3, 2, "relu")
    _mobilenet_v1(stack)
    stack.conv("middle", 64, 1, 1, "relu")
    stack.depthwise("spread", 64, 3, 3, "relu")
    flat = stack.top
    stack.conv("points", 3 * FACE_POINTS, norm=False, source=flat)
    stack.conv("face", 1, norm=False, source=flat)
    return Network("face_landmark", 192, tuple(stack.nodes))


@cache
def wake_word() -> Network:
    """Three classes of 30 frames of 40 bands."""
    stack = Stack()
    narrow = 40
    for number, (kernel, channels) in enumerate(((3, 128), (5, 128), (9, 128), (15, 32))):
        stack.depthwise(f"block_{number}/depthwise", narrow, kernel, 1, "relu", kernel_width=1)
        stack.conv(f"block_{number}/pointwise", channels, 1, 1, "relu")
        narrow = channels
    stack.put(GlobalPool("pool", stack.top))
    stack.conv("classes", WAKE_WORD_CLASSES, norm=False)
    return Network("sww_wake_word", 30, tuple(stack.nodes), width=1, channels=40)
