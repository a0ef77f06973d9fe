"""TFLite's bilinear resize, exactly: the one its evaluation stages and the MLPerf mobile app use.

The source coordinate of output pixel i is i * in / out (no half-pixel centres), which is neither OpenCV's nor Pillow's
bilinear (LRT tflite/kernels/internal/reference/resize_bilinear.h).

`resize_bilinear_numpy` is the definition, and the quicker way to a part of a result. A whole result is quicker from
LiteRT's own reference kernel, through a graph of one op; both give the same bits on x86-64. XNNPACK's kernel would be
quicker still for pictures that all have one size, but not where sizes change, since every change makes it prepare anew;
and it rounds otherwise.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from tasks.base import Array

Window = tuple[slice, slice]
"""Rows and columns of the result that are wanted."""

_MOST_VALUES = 1 << 24
"""Larger pictures go through numpy, which gathers what it needs, where the kernel wants them whole in float32 and its
buffers stay for the life of the thread."""
_FLOAT32, _INT32 = np.dtype(np.float32), np.dtype(np.int32)


def resize_bilinear(image: Array, height: int, width: int, window: Window | None = None) -> Array:
    """Resizes without regard to the aspect (align_corners=False). Safe from several threads.

    Args:
        image: [h, w, c] of any number type, h and w at least 1.
        height: Of the whole result, pixels.
        width: Of the whole result, pixels.
        window: The part of the result to compute; None for all.

    Returns:
        float32 [height, width, c], or its window; not rounded.
    """
    channels = image.shape[2]
    if window is not None or max(image.size, height * width * channels) > _MOST_VALUES:
        return resize_bilinear_numpy(image, height, width, window)
    if channels not in _thread.kernels:
        _thread.kernels[channels] = _Kernel(channels)
    return _thread.kernels[channels].run(image, height, width)


def resize_bilinear_numpy(
    image: Array, height: int, width: int, window: Window | None = None, *, align_corners: bool = False
) -> Array:
    """The definition, in the reference kernel's order of float32 operations.

    Args:
        image: [h, w, c] of any number type, h and w at least 1.
        height: Of the whole result, pixels.
        width: Of the whole result, pixels.
        window: The part of the result to compute; None for all.
        align_corners: True maps the corner pixels' centres onto each other (ADE20K's offline preparation).

    Returns:
        float32 [height, width, c], or its window; not rounded.
    """
    rows, columns = window or (slice(None), slice(None))
    top, bottom, dy = (lines[rows] for lines in _lines(image.shape[0], height, align_corners))
    left, right, dx = (lines[columns] for lines in _lines(image.shape[1], width, align_corners))
    channels = image.shape[2]
    first, end = left[0], right[-1] + 1
    # Rows of values, not of pixels: numpy gathers single numbers faster than threes.
    values = image.reshape(image.shape[0], -1)[:, first * channels : end * channels]
    at_left, at_right = (((lines - first)[:, None] * channels + np.arange(channels)).ravel() for lines in (left, right))
    to_bottom, to_right = dy[:, None], np.repeat(dx, channels)
    to_top, to_left = np.float32(1) - to_bottom, np.float32(1) - to_right
    upper = values[top].astype(np.float32)
    upper *= to_top
    lower = values[bottom].astype(np.float32)
    lower *= to_bottom
    result: Array = np.take(upper, at_left, axis=1)
    result *= to_left
    for source, at, weight in ((lower, at_left, to_left), (upper, at_right, to_right), (lower, at_right, to_right)):
        term = np.take(source, at, axis=1)
        term *= weight
        result += term
    return result.reshape(len(top), len(left), channels)


def _lines(size: int, wanted: int, align_corners: bool) -> tuple[Array, Array, Array]:
    """For each output line: the two input lines it lies between, and how far it is from the first (float32)."""
    if align_corners and wanted > 1:
        scale = np.float32(size - 1) / np.float32(wanted - 1)
    else:
        scale = np.float32(size) / np.float32(wanted)
    at = np.arange(wanted, dtype=np.float32) * scale
    first = np.minimum(np.floor(at).astype(np.intp), size - 1)
    second = np.minimum(np.ceil(at).astype(np.intp), size - 1)
    return first, second, at - first.astype(np.float32)


class _Kernel:
    """LiteRT's reference kernel for pictures of so many channels. One thread."""

    def __init__(self, channels: int) -> None:
        # Imported here: LiteRT takes 0.15 s and 45 MB, which scoring a log does not need.
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter: Any = Interpreter(
            model_content=_graph(channels),
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        self._shape: tuple[int, ...] = ()
        self._image, self._size = (item["index"] for item in self._interpreter.get_input_details())
        self._result = self._interpreter.get_output_details()[0]["index"]

    def run(self, image: Array, height: int, width: int) -> Array:
        interpreter = self._interpreter
        if image.shape != self._shape:
            interpreter.resize_tensor_input(self._image, (1, *image.shape))
            interpreter.allocate_tensors()
            self._shape = image.shape
        # The views die with their statements: the interpreter refuses to run while one is held.
        interpreter.tensor(self._image)()[0] = image
        interpreter.tensor(self._size)()[:] = height, width
        interpreter.invoke()
        result: Array = interpreter.get_tensor(self._result)[0]
        return result


class _Thread(threading.local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.kernels: dict[int, _Kernel] = {}


_thread = _Thread()


def _graph(channels: int) -> bytes:
    """A model of one RESIZE_BILINEAR: image float32 [1, h, w, channels] and size int32 [2] to float32."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str, shape: list[int], dtype: np.dtype[Any]) -> Any:
        item = schema.TensorT()
        item.name, item.shape = name, shape
        item.type = schema.TensorType.FLOAT32 if dtype == _FLOAT32 else schema.TensorType.INT32
        return item

    code, step, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESIZE_BILINEAR
    code.version = 1
    step.inputs, step.outputs = [0, 1], [2]
    step.builtinOptionsType = schema.BuiltinOptions.ResizeBilinearOptions
    step.builtinOptions = schema.ResizeBilinearOptionsT()  # neither aligned corners nor half-pixel centres
    graph.tensors = [
        tensor("image", [1, 1, 1, channels], _FLOAT32),
        tensor("size", [2], _INT32),
        tensor("resized", [1, 1, 1, channels], _FLOAT32),
    ]
    graph.inputs, graph.outputs, graph.operators = [0, 1], [2], [step]
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
