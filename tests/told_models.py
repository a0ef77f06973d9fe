"""Model files that say something of themselves: TFLite's metadata, and files packed behind the model."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_FILE_IDENTIFIER = b"TFL3"


def metadata_of(mean: Sequence[float], std: Sequence[float]) -> bytes:
    """Metadata of one graph with one input that is normalised so (metadata_schema.fbs of tflite-support)."""
    builder = flatbuffers.Builder(256)

    def vector(values: Sequence[float]) -> int:
        builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            builder.PrependFloat32(value)
        return int(builder.EndVector())

    def tables(*tables: int) -> int:
        builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            builder.PrependUOffsetTRelative(table)
        return int(builder.EndVector())

    means, stds = vector(mean), vector(std)
    builder.StartObject(2)  # NormalizationOptions
    builder.PrependUOffsetTRelativeSlot(0, means, 0)
    builder.PrependUOffsetTRelativeSlot(1, stds, 0)
    options = builder.EndObject()
    builder.StartObject(2)  # ProcessUnit
    builder.PrependUint8Slot(0, 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    units = tables(builder.EndObject())
    builder.StartObject(7)  # TensorMetadata
    builder.PrependUOffsetTRelativeSlot(4, units, 0)
    inputs = tables(builder.EndObject())
    builder.StartObject(5)  # SubGraphMetadata
    builder.PrependUOffsetTRelativeSlot(2, inputs, 0)
    graphs = tables(builder.EndObject())
    builder.StartObject(8)  # ModelMetadata
    builder.PrependUOffsetTRelativeSlot(3, graphs, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"M001")
    return bytes(builder.Output())


def with_metadata(source: Path, target: Path, metadata: bytes) -> Path:
    """A copy of a model with metadata."""
    model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
    model.metadata = [*(model.metadata or ()), schema.MetadataT(name=b"TFLITE_METADATA", buffer=len(model.buffers))]
    model.buffers.append(schema.BufferT(data=list(metadata)))
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    target.write_bytes(bytes(builder.Output()))
    return target


def with_files(source: Path, target: Path, files: Mapping[str, str]) -> Path:
    """A copy of a model with files packed behind it."""
    target.write_bytes(source.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target
