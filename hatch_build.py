"""Compiles native/*.c where there is a compiler. Where there is none, the package is installed without it."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAMES = ("timed_path", "answers", "pictures", "normal_draws")
"""Each is native/NAME.c and becomes the module native._NAME."""
WHY_NOT = "native/why_not_compiled.txt"
"""`native` says it on, where what is compiled is missed."""
OPTIONS = ("-O3", "-ffp-contract=off")
"""A product that is fused with a sum is rounded otherwise than the kernel whose figures native/pictures.c gives."""


class Native(BuildHookInterface):  # type: ignore[misc]
    """Leaves the compiled modules beside their sources, from where an editable install runs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it packs a wheel, and for an editable install."""
        del version
        for built in compile_native(Path(self.root)):
            # What was compiled fits this Python and this machine alone.
            build_data.update(pure_python=False, infer_tag=True)
            build_data["artifacts"].append(built.relative_to(self.root).as_posix())


def compile_native(root: Path) -> list[Path]:
    """The modules that are there then. One that cannot be compiled stays if it is of the same source; `WHY_NOT` says why."""
    (root / WHY_NOT).unlink(missing_ok=True)
    return [built for name in NAMES if (built := _compile(root, name)) is not None]


def _compile(root: Path, name: str) -> Path | None:
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import BaseError, CCompilerError

    path = f"native/{name}.c"
    source = f"{zlib.crc32((root / path).read_bytes()):08x}"
    macros = [("NATIVE_SOURCE", f'"{source}"')]
    extension = Extension(f"native._{name}", [path], define_macros=macros, extra_compile_args=list(OPTIONS))
    command = build_ext(Distribution({"ext_modules": [extension]}))
    place = root / str(command.get_ext_filename(f"native._{name}"))
    try:
        # Beside its place, which it takes whole: a run that starts meanwhile would die of half a module.
        with contextlib.chdir(root), tempfile.TemporaryDirectory(prefix=".native-", dir=root) as folder:
            command.build_lib = command.build_temp = folder
            command.ensure_finalized()
            command.run()
            Path(str(command.get_ext_fullpath(f"native._{name}"))).replace(place)
            return place
    except (BaseError, CCompilerError, OSError) as error:
        print(f"{path} is not compiled: {error}", file=sys.stderr)
        with contextlib.suppress(OSError):
            (root / WHY_NOT).write_text(f"{error}\n", encoding="utf-8")
            if source.encode() in place.read_bytes():
                return place
            place.unlink()
        return None
