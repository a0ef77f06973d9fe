"""Libraries of C, and a Vulkan driver where one is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def compile_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds a shared library from C source."""

    def build(source: str) -> Path:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler is here")
        folder = tmp_path_factory.mktemp("library")
        (folder / "source.c").write_text(source, encoding="ascii")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "lib.so", folder / "source.c"], check=True)
        return folder / "lib.so"

    return build


@pytest.fixture(scope="session")
def vulkan() -> dict[str, str]:
    """Environment in which the GPU backend finds a Vulkan driver: the machine's own, or SwiftShader unpacked by .ci/run."""
    wanted = os.environ.get("TFLITE_LOADGEN_SWIFTSHADER", HERE.parents[1] / ".ci-cache" / "swiftshader")
    driver = next(Path(wanted).glob("**/vk_swiftshader_icd.json"), None)
    if driver is None:
        pytest.skip(f"no Vulkan driver in software below {wanted}: .ci/run unpacks one there")
    return {"VK_ICD_FILENAMES": str(driver.resolve()), "LD_LIBRARY_PATH": str(driver.resolve().parent)}
