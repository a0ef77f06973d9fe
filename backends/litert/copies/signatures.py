"""Which of a file's signatures is run, and a copy of the file in which the runtime runs that one.

A signature names one of the file's graphs, and LiteRT's engines and their delegates run the first graph unless each of them
is told otherwise at every turn. TensorFlow's converter sorts signatures by name, so the first graph may well be that of
`auxiliary`. In the copy the wanted graph stands first and the wanted signature alone: some bytes of two tables differ, and
whatever opens the copy (interpreter, compiled model, delegates, profilers) runs the right graph under the right names.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.copies.shapes import is_kept, write_copy
from backends.litert.file import schema
from backends.litert.file.flatbuffer import Table
from backends.litert.file.model_file import ModelFile, Signature
from backends.litert.file.opened_file import bytes_of

DEFAULT = "serving_default"
"""What TensorFlow's and Keras's exporters call the signature that serves."""
_VERSION = 1
"""Of the rewriting: another number makes kept copies anew."""
_UINT32 = struct.Struct("<I")


def choose_signature(model: ModelFile, asked: str | None = None) -> Signature | None:
    """The signature that is run.

    Args:
        model: The file.
        asked: As the user named it; None leaves it to the file.

    Returns:
        `serving_default` where there is one, else the only one; None where the file has none and its first graph runs.

    Raises:
        ModelRejected: There is none of the name asked for, or there are several and none was asked for.
    """
    names = ", ".join(repr(signature.key) for signature in model.signatures)
    if asked is not None:
        if named := [signature for signature in model.signatures if signature.key == asked]:
            return _only(model, named)
        has = f"it has {names}" if names else "it has none: leave --signature out"
        raise ModelRejected(f"{model.path} has no signature {asked!r}: {has}")
    if not model.signatures:
        return None
    if serving := [signature for signature in model.signatures if signature.key == DEFAULT]:
        return _only(model, serving)
    if _are_one(model.signatures):
        return model.signatures[0]
    raise ModelRejected(
        f"{model.path} has {len(model.signatures)} signatures, and none is called {DEFAULT}: {names}. "
        "Name the one to run with --signature NAME."
    )


def _are_one(signatures: Sequence[Signature]) -> bool:
    """Whether they run one graph under the same names of its tensors, whatever they are called themselves."""
    first, *others = signatures
    return all(
        (each.subgraph, each.inputs, each.outputs) == (first.subgraph, first.inputs, first.outputs) for each in others
    )


def _only(model: ModelFile, named: Sequence[Signature]) -> Signature:
    """The signature of a name."""
    if not _are_one(named):
        raise ModelRejected(
            f"{model.path} has {len(named)} signatures called {named[0].key!r}, which are not the same: nothing says which is "
            "meant. Export it with a name for each."
        )
    return named[0]


def with_signature_first(model: ModelFile, signature: Signature | None, sha256: str, folder: Path) -> tuple[Path, str]:
    """A file that runs this signature wherever it is opened.

    Args:
        model: The file as it is.
        signature: See `choose_signature`.
        sha256: Of that file, which names the copy.
        folder: Where copies are kept, so that they can be memory-mapped.

    Returns:
        The file to load, and what was changed: "" where the file does so itself and is returned.

    Raises:
        ModelRejected: The signature does not name all that its graph is given, or names what it does not give; the first graph
            is called by others, so no other can stand in its place; or the copy cannot be written.
    """
    if signature is None:
        return model.path, ""
    _refuse_unclear_names(model, signature)
    if signature.subgraph == 0 and len(model.signatures) == 1:
        return model.path, ""
    called = {graph for operator in model.operators for graph in operator.subgraphs}
    if signature.subgraph != 0 and 0 in called:
        raise ModelRejected(
            f"{model.path} cannot be run by its signature {signature.key!r}: that one's graph is number {signature.subgraph}, "
            "and the first is called by others. Convert the model with this signature alone."
        )
    changed = f"the signature {signature.key!r} stands alone in a copy of it" + (
        f", its graph (number {signature.subgraph}) first" if signature.subgraph else ""
    )
    name = hashlib.sha256(signature.key.encode()).hexdigest()[:12]
    place = folder / f"{sha256}-signature{_VERSION}-{name}.tflite"
    if not is_kept(place):
        data = bytearray(bytes_of(model.path))
        _put_first(data, model.signatures.index(signature), signature.subgraph, keep=signature.subgraph in called)
        write_copy(place, data)
    return place, changed


def _refuse_unclear_names(model: ModelFile, signature: Signature) -> None:
    """Inputs that a caller of the signature could not fill, and outputs that the graph does not give."""
    graph = model.subgraphs[signature.subgraph]
    whose = f"the signature {signature.key!r} of {model.path}"
    if signature.twice:
        raise ModelRejected(
            f"{whose} gives the name {signature.twice[0]!r} to two tensors: export it with a name for each"
        )
    if not signature.outputs:
        raise ModelRejected(
            f"{whose} names no output, so that it answers nothing: export it with names, or run another signature with "
            "--signature NAME"
        )
    if inner := [name for name, index in signature.outputs.items() if index not in graph.outputs]:
        raise ModelRejected(
            f"{whose} names an output {inner[0]!r} that its graph does not give: the tensor lies inside of it, and holds "
            "something else when the model has run. Export it with that tensor among its outputs"
        )
    if unnamed := [graph.tensors[index].name for index in graph.inputs if index not in signature.inputs.values()]:
        named = ", ".join(map(repr, signature.inputs)) or "none"
        raise ModelRejected(
            f"{whose} does not name all inputs of its graph: it names {named}, and not "
            f"{', '.join(map(repr, unnamed))}. Nothing says what those are given: export it with a name for each, or run "
            "another signature with --signature NAME"
        )


def _put_first(data: bytearray, signature: int, graph: int, *, keep: bool) -> None:
    """Rewrites the file's bytes.

    Args:
        data: All of the file.
        signature: The wanted one's number, which becomes the only one.
        graph: Its graph's number, which becomes the first.
        keep: Whether other graphs call that one, so that it must be found under its own number too; else the two change places.
    """
    root = Table.root(data)
    index_at = root.tables(schema.ModelTable.SIGNATURE_DEFS)[signature].at(schema.SignatureDefTable.SUBGRAPH_INDEX)
    graphs, signatures = (
        _vector_at(data, root, field) for field in (schema.ModelTable.SUBGRAPHS, schema.ModelTable.SIGNATURE_DEFS)
    )
    first, wanted = _element(data, graphs, 0), _element(data, graphs, graph)
    _point(data, graphs, 0, wanted)
    if not keep:
        _point(data, graphs, graph, first)
    _point(data, signatures, 0, _element(data, signatures, signature))
    _UINT32.pack_into(data, signatures, 1)
    # Left out where it is 0 already.
    if index_at is not None:
        _UINT32.pack_into(data, index_at, 0)


def _vector_at(data: bytearray, table: Table, field: int) -> int:
    """Where a vector begins, with its length."""
    at = table.at(field)
    if at is None:
        raise ValueError(f"the file has no field {field}")
    return at + int(_UINT32.unpack_from(data, at)[0])


def _element(data: bytearray, vector: int, number: int) -> int:
    """Where the table lies that an element of a vector points to."""
    at = vector + _UINT32.size * (1 + number)
    return at + int(_UINT32.unpack_from(data, at)[0])


def _point(data: bytearray, vector: int, number: int, table: int) -> None:
    """Lets an element of a vector point to a table, which lies behind the vector as all that it points to does."""
    at = vector + _UINT32.size * (1 + number)
    _UINT32.pack_into(data, at, table - at)
