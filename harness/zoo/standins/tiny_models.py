"""Writes the tiny stand-ins: the graphs of harness.zoo.standins.tiny_networks with the interfaces of the tiny tasks' models.

The weights lie in `weights/NAME.npz`, as those of harness.zoo.standins.picture_models do. How they were made:
harness/zoo/training/tiny.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO, NamedTuple

from harness.zoo.graph.tensors import GraphTensor, Quantization, Shape
from harness.zoo.graph.writer import Graph
from harness.zoo.standins import picture_layers, tiny_networks
from harness.zoo.standins.layer_stack import Network
from harness.zoo.standins.picture_models import Builder, Variant, Weights, load_weights

BYTES = Quantization.per_tensor(1.0, -128)
"""A byte less 128 stands for the byte."""
SHARES = Quantization.per_tensor(1 / 255, -128)
"""It stands for 0 to 1."""
FEATURES = Quantization.per_tensor(0.5847029089927673, 83)
"""Of the MFCCs of MLPerf Tiny's reference model, so that its feature files are fed as they are."""
DECIBELS = Quantization.per_tensor(0.3910152316093445, 89)
"""Of the log-mel bands of its anomaly detector."""


class TinyModel(NamedTuple):
    """A network and what the model's file makes of it."""

    network: Callable[[], Network]
    quantization: Quantization
    """Of the int8 model's input."""
    outputs: tuple[str, ...]
    """The nodes that come out."""
    is_classifier: bool = False
    """Whether a softmax stands behind the one output."""
    input_shape: Shape | None = None
    """Where it is another than the network's."""
    output_shape: Shape | None = None


TINY_MODELS: Mapping[str, TinyModel] = {
    "ic_resnet8": TinyModel(tiny_networks.resnet8, BYTES, ("classes",), is_classifier=True),
    "vww_mobilenet_v1": TinyModel(tiny_networks.mobilenet_v1, SHARES, ("classes",), is_classifier=True),
    "kws_ds_cnn": TinyModel(tiny_networks.ds_cnn, FEATURES, ("words",), is_classifier=True),
    "ad_autoencoder": TinyModel(
        tiny_networks.autoencoder, DECIBELS, ("window",), input_shape=(1, 640), output_shape=(1, 640)
    ),
    "yolo_person": TinyModel(tiny_networks.yolo, SHARES, ("coarse", "fine")),
    "face_landmark": TinyModel(tiny_networks.face, SHARES, ("points", "face")),
    "sww_wake_word": TinyModel(tiny_networks.wake_word, SHARES, ("classes",), is_classifier=True),
}


def build(name: str, variant: Variant, weights: Weights | None = None) -> Graph:
    """The graph of one stand-in.

    Args:
        name: Of `TINY_MODELS`.
        variant: `float32` or `int8`.
        weights: Others than those that ship.
    """
    model = TINY_MODELS[name]
    built = Builder(
        model.network(),
        load_weights(name) if weights is None else weights,
        variant,
        input_name="input",
        input_quantization=model.quantization,
        input_shape=model.input_shape,
    )
    graph = built.graph
    for node in model.outputs:
        made: GraphTensor = built.tensors[node]
        if model.is_classifier:
            flat = picture_layers.reshape(graph, f"{node}/flat", made, (1, made.shape[3]))
            made = picture_layers.softmax(graph, "scores", flat)
        elif model.output_shape is not None:
            made = picture_layers.reshape(graph, f"{node}/flat", made, model.output_shape)
        graph.output(made)
    return graph


def write_tiny_model(file: BinaryIO, name: str, variant: Variant) -> None:
    """Writes one stand-in; arguments as for `build`.

    Raises:
        OSError: The file cannot be written.
    """
    build(name, variant).write(file)
