"""Graphs of our own in place of `lstm`, `seanet_wave` and `seanet_stft`, whose graphs are not published.

They fit name and kind, they are not those models: one call is one frame of sound, as in a stream.

* `lstm`: 10 ms as 64 bands to a gain for each band: two recurrent layers that keep their state from call to call, and a
  dense one.
* `seanet_wave`: 20 ms as 320 samples (16 kHz) to as many: SEANet (Tagliasacchi et al., arXiv 2009.02095), an encoder of
  strided convolutions and dilated residual units, and a decoder that mirrors it and adds what the encoder saw.
* `seanet_stft`: the same over the frequencies of one spectrum, 320 bins with real and imaginary part.

Weights are seeded noise. All is float32: a convolution over time or frequency is one over the width of a picture whose
height is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph import layers
from harness.zoo.graph.noise import normal_noise
from harness.zoo.graph.tensors import GraphTensor, Shape
from harness.zoo.graph.writer import Graph
from harness.zoo.standins import picture_layers

BANDS, BINS, SAMPLES = 64, 320, 320
_CELLS = 128
_GATES = ("input", "forget", "cell", "output")
_CHANNELS = 16
"""Of the first convolution; each level has twice as many as the one above it."""
_LSTM_GAIN = 2.0
"""Of what a recurrent layer reads: its squashing functions would leave little of less."""
_DILATIONS = (1, 3, 9)
_RESIDUAL_GAIN = 0.5
"""Of what a residual unit adds: with 1, activations would grow from unit to unit."""


def lstm() -> Graph:
    """Bands of a frame, float32 [1, 1, 64], to gains of 0 to 1, float32 [1, 1, 64]."""
    graph = Graph("lstm stand-in, float32")
    values = graph.input("input", (1, 1, BANDS), np.float32)
    for index in range(2):
        values = _lstm_layer(graph, f"lstm_{index}", values, _CELLS)
    weight, bias = _noise(graph, "lstm/gains/weight", (BANDS, _CELLS), 4.0), _noise(graph, "lstm/gains/bias", (BANDS,))
    graph.output(picture_layers.logistic(graph, "output", layers.fully_connected(graph, "gains", values, weight, bias)))
    return graph


def _lstm_layer(graph: Graph, name: str, values: GraphTensor, cells: int) -> GraphTensor:
    """The builtin operator: values [1, steps, inputs] to [1, steps, cells]."""
    inputs = values.shape[2]
    kernels = [_noise(graph, f"lstm/{name}/{gate}/kernel", (cells, inputs), _LSTM_GAIN) for gate in _GATES]
    recurrent = [_noise(graph, f"lstm/{name}/{gate}/recurrent", (cells, cells)) for gate in _GATES]
    # A forget gate that starts open, as trained ones do, or else nothing would last.
    biases = [graph.constant(f"lstm/{name}/{gate}/bias", _bias(gate, cells)) for gate in _GATES]
    state = [graph.variable(f"{name}/{kind}", (1, cells), np.float32) for kind in ("output_state", "cell_state")]
    output = graph.tensor(name, (*values.shape[:2], cells), np.float32)
    peepholes, projection, norms = [None] * 3, [None] * 2, [None] * 4
    options = schema.UnidirectionalSequenceLSTMOptionsT(fusedActivationFunction=schema.ActivationFunctionType.TANH)
    everything = [values, *kernels, *recurrent, *peepholes, *biases, *projection, *state, *norms]
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", everything, [output], options)
    return output


def _bias(gate: str, cells: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.full(cells, 1 if gate == "forget" else 0, np.float32)


def seanet_wave() -> Graph:
    """Samples of a frame, float32 [1, 320] in -1 to 1, to as many."""
    graph = Graph("seanet_wave stand-in, float32")
    wave = graph.input("input", (1, SAMPLES), np.float32)
    values = layers.reshape(graph, "input/channels", wave, (1, 1, SAMPLES, 1))
    made = _seanet(graph, "seanet_wave", values, strides=(2, 4, 5, 8))
    squashed = graph.tensor("wave", made.shape, np.float32)
    graph.operator("TANH", [made], [squashed])
    graph.output(layers.reshape(graph, "output", squashed, (1, SAMPLES)))
    return graph


def seanet_stft() -> Graph:
    """A spectrum, float32 [1, 320, 2], real and imaginary part, to another."""
    graph = Graph("seanet_stft stand-in, float32")
    spectrum = graph.input("input", (1, BINS, 2), np.float32)
    values = layers.reshape(graph, "input/channels", spectrum, (1, 1, BINS, 2))
    made = _seanet(graph, "seanet_stft", values, strides=(2, 2, 4, 4))
    graph.output(layers.reshape(graph, "output", made, (1, BINS, 2)))
    return graph


def _seanet(graph: Graph, seed: str, values: GraphTensor, strides: tuple[int, ...]) -> GraphTensor:
    """[1, 1, length, channels] to the same shape, through one frame of length / product of strides and back."""
    wanted = values.shape[3]
    values = _convolve(graph, f"{seed}/first", values, _CHANNELS, 7)
    skips = []
    for level, stride in enumerate(strides):
        values = _residual_units(graph, f"{seed}/encoder_{level}", values)
        skips.append(values)
        name, channels = f"{seed}/encoder_{level}/down", 2 * values.shape[3]
        values = _convolve(graph, name, _elu(graph, f"{name}/elu", values), channels, 2 * stride, stride=stride)
    for level, stride in reversed(list(enumerate(strides))):
        name, channels = f"{seed}/decoder_{level}/up", values.shape[3] // 2
        values = _widen(graph, name, _elu(graph, f"{name}/elu", values), channels, stride)
        values = layers.add(graph, f"{seed}/decoder_{level}/add", values, skips[level])
        values = _residual_units(graph, f"{seed}/decoder_{level}", values)
    return _convolve(graph, f"{seed}/last", _elu(graph, f"{seed}/last/elu", values), wanted, 7)


def _residual_units(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    channels = values.shape[3]
    for dilation in _DILATIONS:
        unit = f"{name}/unit_{dilation}"
        inner = _elu(graph, f"{unit}/elu_0", values)
        inner = _convolve(graph, f"{unit}/wide", inner, channels, 3, dilation=dilation)
        inner = _elu(graph, f"{unit}/elu_1", inner)
        inner = _convolve(graph, f"{unit}/narrow", inner, channels, 1, gain=_RESIDUAL_GAIN)
        values = layers.add(graph, f"{unit}/add", values, inner)
    return values


def _elu(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    output = graph.tensor(name, values.shape, np.float32)
    graph.operator("ELU", [values], [output])
    return output


def _convolve(
    graph: Graph,
    name: str,
    values: GraphTensor,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    gain: float = 1.0,
) -> GraphTensor:
    weight = _noise(graph, f"{name}/weight", (channels, 1, kernel, values.shape[3]), gain)
    bias = _noise(graph, f"{name}/bias", (channels,), 0.1)
    return picture_layers.conv2d(graph, name, values, weight, bias, stride=stride, dilation=dilation)


def _widen(graph: Graph, name: str, values: GraphTensor, channels: int, stride: int) -> GraphTensor:
    """A transposed convolution with a kernel of two strides: `stride` times as long."""
    shape = (1, 1, values.shape[2] * stride, channels)
    # Of the kernel's places only two meet each result.
    gain = math.sqrt(stride)
    weight = _noise(graph, f"{name}/weight", (channels, 1, 2 * stride, values.shape[3]), gain)
    bias = _noise(graph, f"{name}/bias", (channels,), 0.1)
    output = graph.tensor(name, shape, np.float32)
    wanted = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    options = schema.TransposeConvOptionsT(padding=schema.Padding.SAME, strideW=stride, strideH=1)
    graph.operator("TRANSPOSE_CONV", [wanted, weight, values, bias], [output], options)
    return output


def _noise(graph: Graph, name: str, shape: Shape, gain: float = 1.0) -> GraphTensor:
    """A constant whose products with unit noise have a spread of `gain`; a vector has that spread itself."""
    spread = gain / math.sqrt(math.prod(shape[1:]))
    return graph.constant(name, normal_noise(name, shape) * np.float32(spread))


_MODELS: Mapping[str, Callable[[], Graph]] = {"lstm": lstm, "seanet_wave": seanet_wave, "seanet_stft": seanet_stft}


def write_audio_model(file: BinaryIO, name: str) -> None:
    """Writes one stand-in.

    Args:
        file: Receives it.
        name: `lstm`, `seanet_wave` or `seanet_stft`.

    Raises:
        OSError: The file cannot be written.
    """
    _MODELS[name]().write(file)
