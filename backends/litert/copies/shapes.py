"""Completes model files that say nothing of their tensors' shapes.

XNNPACK and other delegates choose their ops before the runtime propagates shapes. In a file without them they refuse every
convolution, which then runs on the built-in kernels at a fraction of the speed. The official uint8 MobileNetEdgeTPU is such
a file: 78 of its 198 tensors have an empty shape.

The shapes are those that the runtime itself finds when it allocates the model without a delegate. They are appended to a
copy of the file, and the offsets of the empty ones are pointed at them: not another byte differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from backends.base import BackendUnavailable, ModelRejected
from backends.litert.allocated import allocated_shapes
from backends.litert.file.model_file import Shape, Subgraph
from backends.litert.file.model_reader import check_model_file, read_model
from backends.litert.file.opened_file import bytes_of

_VERSION = 1
"""Of the rewriting: another number makes kept copies anew."""
_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")


def complete_shapes(model: Path, sha256: str, folder: Path) -> tuple[Path, str | None]:
    """The model with all shapes written into it.

    Args:
        model: The file as it is.
        sha256: Of that file, which names the copy.
        folder: Where copies are kept, so that they can be memory-mapped.

    Returns:
        The file to load, and what was changed: None where the file is complete and is returned itself.

    Raises:
        ModelRejected: The file is no model.
    """
    check_model_file(model)
    try:
        places = _empty_shapes(read_model(model).main)
    except ModelRejected:
        # A corrupt file: the runtime's own words say best what is wrong with it.
        return model, None
    if not places:
        return model, None
    try:
        shapes = allocated_shapes(model)
    except (ModelRejected, BackendUnavailable):
        # The runtime refuses the file: it will say so when it is loaded to be run.
        return model, None
    missing = {index: place for index, place in places.items() if shapes.get(index)}
    if not missing:
        return model, None
    changed = f"the shapes of {len(missing)} tensors, which the file leaves empty, were written into a copy of it"
    place = folder / f"{sha256}-shapes{_VERSION}.tflite"
    if not is_kept(place):
        data = bytearray(bytes_of(model))
        append_shapes(data, {position: shapes[index] for index, position in missing.items()})
        write_copy(place, data)
    return place, changed


def _empty_shapes(graph: Subgraph) -> dict[int, int]:
    """Tensor -> where its offset to an empty shape lies, if an op reads one of them; else nothing.

    Scalars have an empty shape by right. An output of the model may do without: what runs after it is nobody's concern.
    """
    places = {
        index: tensor.shape_at
        for index, tensor in enumerate(graph.tensors)
        if tensor.shape_at is not None and not tensor.shape
    }
    read = any(
        index in places and not graph.tensors[index].constant
        for operator in graph.operators
        for index in operator.inputs
    )
    return places if read else {}


def append_shapes(data: bytearray, shapes: Mapping[int, Shape]) -> None:
    """Writes each shape once behind the file and points the offsets there (unsigned, so they can only point forward).

    Args:
        data: The file, which is changed.
        shapes: By where the offset to each lies.
    """
    data += bytes(-len(data) % 16)
    written: dict[Shape, int] = {}
    for position, shape in shapes.items():
        if shape not in written:
            written[shape] = len(data)
            data += _UINT32.pack(len(shape)) + b"".join(map(_INT32.pack, shape))
        _UINT32.pack_into(data, position, written[shape] - position)


def write_copy(place: Path, data: bytearray) -> None:
    """Writes a changed copy of a model into its place, whole or not at all.

    Raises:
        ModelRejected: It cannot be written.
    """
    try:
        # As harness.whole_file, which backends do not import; without its fsync: a copy that is lost is made again.
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".making-", dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).replace(place)
            state = place.stat()
            stamp = [state.st_size, state.st_ctime_ns, hashlib.sha256(data).hexdigest()]
            _stamp_path(place).write_text(json.dumps(stamp), encoding="ascii")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ModelRejected(
            f"cannot write the completed model into {place.parent}: {error.strerror}. "
            "Run it as it is with --set backend.complete_shapes=false"
        ) from None


def is_kept(place: Path) -> bool:
    """Whether a copy is there as it was written; one that was damaged, or is older than its stamps, is to be made anew.

    Its size and the time of its last change are enough: nothing sets that time back. Where only the time is another (the cache
    was copied), its content is read.
    """
    try:
        size, changed_ns, sha256 = json.loads(_stamp_path(place).read_bytes())
        state = place.stat()
        if state.st_size != size:
            return False
        if state.st_ctime_ns == changed_ns:
            return True
        with place.open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == sha256)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _stamp_path(place: Path) -> Path:
    return place.with_name(f"{place.name}.stamp")
