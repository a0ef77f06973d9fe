"""Libraries in C for tests: preloaded, or loaded as a delegate."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def shared_library(source: Path, folder: Path) -> Path | None:
    """Compiles a source into a folder; None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / f"lib{source.stem}.so"
    # Threads and dlsym are libraries of their own where glibc is older than 2.34.
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"],
        check=True,
    )
    return library
