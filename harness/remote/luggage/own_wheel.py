"""The harness as a wheel, packed from where it runs, checkout or installation: without a build, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

from harness import own_version

PACKAGES = ("accuracy", "backends", "configs", "harness", "native", "tasks")
"""Those that the wheel of `pyproject.toml` holds."""
_NOT_SENT = frozenset((".so", ".pyc"))
_LEFT_HERE = "harness/zoo/standins/weights/"
"""Most of its bytes, for models that are made here and sent as files."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip knows."""


def own_wheel(compiled_for: str | None = None) -> bytes:
    """A wheel of pure Python.

    Args:
        compiled_for: The suffix of compiled modules that the device can load, as `.cpython-311-x86_64-linux-gnu.so`: those that
            lie here go along. None for Python alone.
    """
    name = f"tflite_loadgen-{own_version.version()}.dist-info"
    found = metadata.distribution("tflite-loadgen")
    files = dict(_files(compiled_for))
    files[f"{name}/METADATA"] = (found.read_text("METADATA") or "").encode()
    files[f"{name}/entry_points.txt"] = (found.read_text("entry_points.txt") or "").encode()
    purity = "false" if compiled_for else "true"
    files[f"{name}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tflite-loadgen\nRoot-Is-Purelib: {purity}\n".encode()
    lines = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items()]
    files[f"{name}/RECORD"] = "".join([*lines, f"{name}/RECORD,,\n"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            wheel.writestr(entry, data)
    return packed.getvalue()


def _files(compiled_for: str | None) -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        folder = Path(str(resources.files(package)))
        for file in sorted(folder.rglob("*")):
            fits = file.suffix not in _NOT_SENT or (compiled_for is not None and file.name.endswith(compiled_for))
            name = f"{package}/{file.relative_to(folder).as_posix()}"
            # What lies here for a compiler's sake is of this machine.
            unwanted = name.startswith(_LEFT_HERE) or "__pycache__" in file.parts or file.name == "why_not_compiled.txt"
            if file.is_file() and fits and not unwanted:
                yield name, file.read_bytes()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
