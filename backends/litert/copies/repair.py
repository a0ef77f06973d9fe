"""Mends model files that the runtime refuses for one known mistake of an old converter, where that is asked for.

`quantized_dimension` names the axis along which a tensor has one scale a channel. TensorFlow's converters of 2019 and 2020
wrote a depthwise convolution's 3 into its bias too, which has one axis alone. TFLite Micro never looks; the runtime refuses
such a file: "quantized_dimension must be in range [0, 1). Was 3." TFLite Micro's person detector is one. In a copy the number
of those one-dimensional tensors becomes 0, the only axis there is: not another byte differs.
"""

from __future__ import annotations

import struct
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.copies.shapes import is_kept, write_copy
from backends.litert.file import schema
from backends.litert.file.flatbuffer import INT32, Table
from backends.litert.file.opened_file import bytes_of

_VERSION = 1
"""Of the rewriting: another number makes kept copies anew."""


def repair_quantized_dimensions(model: Path, sha256: str, folder: Path) -> tuple[Path, str]:
    """The model with the axis of its one-dimensional tensors' scales in range.

    Args:
        model: The file as it is.
        sha256: Of that file, which names the copy.
        folder: Where copies are kept, so that they can be memory-mapped.

    Returns:
        The file to load, and what was changed: "" where nothing was to mend and the file is returned itself.

    Raises:
        ModelRejected: The copy cannot be written.
    """
    data = bytearray(bytes_of(model))
    places = _out_of_range(data)
    if not places:
        return model, ""
    place = folder / f"{sha256}-repair{_VERSION}.tflite"
    if not is_kept(place):
        for at in places:
            INT32.pack_into(data, at, 0)
        write_copy(place, data)
    return place, (
        f"repaired as asked: the quantized_dimension of {len(places)} one-dimensional tensors, which is out of range in the "
        "file, is 0 in a copy of it"
    )


def _out_of_range(data: bytearray) -> list[int]:
    """Where the number lies in the file, of each one-dimensional tensor that has another axis than its only one."""
    places = []
    try:
        for graph in Table.root(data).tables(schema.ModelTable.SUBGRAPHS):
            for tensor in graph.tables(schema.SubGraphTable.TENSORS):
                scales = tensor.table(schema.TensorTable.QUANTIZATION)
                if scales is None or len(tensor.integers(schema.TensorTable.SHAPE)) != 1:
                    continue
                at = scales.at(schema.QuantizationParametersTable.QUANTIZED_DIMENSION)
                if at is not None and INT32.unpack_from(data, at)[0] != 0:
                    places.append(at)
    except (ValueError, IndexError, struct.error) as error:
        raise ModelRejected(f"the model cannot be repaired, its file is corrupt: {error}") from None
    return places
