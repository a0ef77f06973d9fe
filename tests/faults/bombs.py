"""Small files that would unpack to what no machine has."""

from __future__ import annotations

import io
import tarfile
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from accuracy.records.tfrecord import Records
from harness.errors import exit_status
from harness.zoo.files.unpack import Limits, unpack
from tasks.tensors.array_files import read_npz
from tests.faults.table import Group

_MOST_BYTES = 200 << 20


def bombs() -> Group:
    """Right is: refused, in a sentence that says the limit, before 200 MB of memory were taken."""
    group = Group("archives that unpack to gigabytes")
    zeros = _zeros(300 << 20, wbits=31)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for data, read in (
            (_header(tarfile.XHDTYPE), _unpack),
            (_header(tarfile.XGLTYPE), _unpack),
            (_header(tarfile.GNUTYPE_LONGNAME), _unpack),
            (_header(tarfile.GNUTYPE_LONGLINK), _unpack),
            (_zip("a.bin", 300 << 20), _unpack),
            (zeros, lambda path: Records(path)),
            (_zeros(300 << 20, wbits=15), lambda path: Records(path)),
            (_claims(_zip("a.npy", 1 << 20), 3 << 30), lambda path: read_npz("a.npz", path.read_bytes())),
        ):
            path = folder / "bomb"
            path.write_bytes(data)
            group.note(_wrong(path, read))
    return group


def _wrong(path: Path, read: Callable[[Path], object]) -> str | None:
    tracemalloc.start()
    try:
        read(path)
        return "taken"
    except Exception as error:
        if exit_status(error) is None:
            return f"{type(error).__name__}: {error}"
        taken = tracemalloc.get_traced_memory()[1]
        if taken > _MOST_BYTES:
            return f"refused after {taken:,} bytes"
        return None if "limit" in str(error) else f"no word of a limit: {error}"
    finally:
        tracemalloc.stop()


def _unpack(path: Path) -> object:
    return unpack(path, lambda name: path.parent / "out" / name.name, Limits(file_bytes=1 << 24, total_bytes=1 << 24))


def _header(kind: bytes) -> bytes:
    header = tarfile.TarInfo("note")
    header.type, header.size = kind, 1 << 31
    return header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 16)


def _zeros(size: int, *, wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    block = bytes(1 << 20)
    return b"".join([*(packer.compress(block) for _ in range(size >> 20)), packer.flush()])


def _zip(name: str, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return out.getvalue()


def _claims(archive: bytes, size: int) -> bytes:
    """The archive with another size in its directory."""
    at = archive.rindex(b"PK\x01\x02") + 24
    return archive[:at] + size.to_bytes(4, "little") + archive[at + 4 :]
