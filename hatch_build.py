"""Compiles native/timed_path.c where there is a compiler. Where there is none, the package is installed without it."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULE, SOURCE = "native._timed_path", "native/timed_path.c"
WHY_NOT = "native/why_not_compiled.txt"
"""`native` says it on, where what is compiled is missed."""


class TimedPath(BuildHookInterface):  # type: ignore[misc]
    """Leaves the compiled module beside its source, from where an editable install runs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it packs a wheel, and for an editable install."""
        del version
        built = compile_timed_path(Path(self.root))
        if built is not None:
            # What was compiled fits this Python and this machine alone.
            build_data.update(pure_python=False, infer_tag=True)
            build_data["artifacts"].append(built.relative_to(self.root).as_posix())


def compile_timed_path(root: Path) -> Path | None:
    """The compiled module. Where it cannot be compiled, one there is of the same source, else None, and `WHY_NOT` says why."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import BaseError, CCompilerError

    source = f"{zlib.crc32((root / SOURCE).read_bytes()):08x}"
    macros = [("TIMED_PATH_SOURCE", f'"{source}"')]
    extension = Extension(MODULE, [SOURCE], define_macros=macros, extra_compile_args=["-O3"])
    command = build_ext(Distribution({"ext_modules": [extension]}))
    place = root / str(command.get_ext_filename(MODULE))
    try:
        # Beside its place, which it takes whole: a run that starts meanwhile would die of half a module.
        with contextlib.chdir(root), tempfile.TemporaryDirectory(prefix=".timed_path-", dir=root) as folder:
            command.build_lib = command.build_temp = folder
            command.ensure_finalized()
            command.run()
            Path(str(command.get_ext_fullpath(MODULE))).replace(place)
            (root / WHY_NOT).unlink(missing_ok=True)
            return place
    except (BaseError, CCompilerError, OSError) as error:
        print(f"{SOURCE} is not compiled: {error}", file=sys.stderr)
        with contextlib.suppress(OSError):
            (root / WHY_NOT).write_text(f"{error}\n", encoding="utf-8")
            if source.encode() in place.read_bytes():
                return place
            place.unlink()
        return None
