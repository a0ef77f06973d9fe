"""Prepared pictures, held to the last bit against the C++ of TFLite's stage (stage.cc), compiled where a compiler is."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import native
from backends.base import TensorSpec
from hatch_build import OPTIONS
from tasks.base import Array
from tasks.pictures.pixels import resize
from tasks.pictures.pixels.inputs import PictureOptions, bind_input
from tasks.pictures.pixels.preprocess import PROFILES
from tasks.pictures.pixels.resize import resize_bilinear

REPOSITORY = Path(__file__).parents[3]
WAYS: dict[str, Callable[[Array, int, int], Array]] = {
    "resize-crop": PROFILES["mobile"],
    "crop-resize": PROFILES["tflite-eval"],
    "resize": resize_bilinear,
}


class Case(NamedTuple):
    rows: int
    columns: int
    height: int
    width: int
    smooth: bool = False
    """Like a photograph, in place of noise."""

    def picture(self) -> Array:
        random = np.random.default_rng(self.rows * 1000 + self.columns)
        if not self.smooth:
            return random.integers(0, 256, (self.rows, self.columns, 3), np.uint8)
        down, across = np.arange(self.rows)[:, None, None], np.arange(self.columns)[None, :, None]
        phases = random.integers(0, 256, 3)
        return ((down * down // 97 + across * 3 // 2 + down * across // 211 + phases) % 256).astype(np.uint8)


# The first digits of the SHA-256 of what stage.cc gives, in the order of WAYS.
EXPECTED: dict[Case, tuple[str, str, str]] = {
    Case(375, 500, 224, 224): ("3c96c76807fed304", "f0b92496d33c2b19", "7ce8ee97eb677230"),
    Case(375, 500, 224, 224, smooth=True): ("e5b58da6bb4caace", "1b121503da1cb1f2", "4015a79fd14a214d"),
    Case(500, 333, 300, 300): ("20972ceeca8f485c", "0eff83ad7369f04f", "c823c535b29eae2e"),
    Case(427, 640, 320, 320, smooth=True): ("d6a93a28207f0d84", "79a070214626354b", "b1f472bf08752f9e"),
    Case(600, 401, 384, 384): ("0e70c7424e7659d5", "6f48a7de44a93e4f", "70de07478518c645"),
    Case(213, 189, 192, 192): ("93f9e127f60ae3c5", "b8cf68b758b65481", "2bece6d10110f3a6"),
    Case(101, 203, 97, 131): ("cf58244d75e83c29", "8b51d4e2cf54098b", "0310e4c7e8b60d5c"),
    Case(97, 61, 225, 161): ("8863a7a29cd21ac6", "4b1bbad3e05a6b5a", "69a883a26610ba88"),
    Case(1, 7, 5, 3): ("5c7e9e30c3612990", "6f2d06ec31401f87", "121281de6c332d3e"),
}


def prepared(way: str, case: Case) -> bytes:
    values = WAYS[way](case.picture(), case.height, case.width)
    shape = (1, case.height, case.width, 3)
    types = (TensorSpec("image", shape, np.dtype(dtype)) for dtype in ("float32", "uint8", "int8"))
    bound = (bind_input([tensor], PictureOptions(layout="nhwc"), "this") for tensor in types)
    return b"".join(picture.encode(values).tobytes() for picture in bound)


def digests(prepare: Callable[[str, Case], bytes], case: Case) -> tuple[str, ...]:
    return tuple(hashlib.sha256(prepare(way, case)).hexdigest()[:16] for way in WAYS)


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Case], bytes]:
    """What the C++ makes of a picture."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler; the hashes of its answers are held against all the same")
    program = tmp_path_factory.mktemp("stage") / "stage"
    source = Path(__file__).with_name("stage.cc")
    subprocess.run([compiler, "-std=c++17", "-O2", "-ffp-contract=off", source, "-o", program], check=True)

    def run(way: str, case: Case) -> bytes:
        words = [str(program), way, *map(str, case[:4])]
        return subprocess.run(words, input=case.picture().tobytes(), capture_output=True, check=True).stdout

    return run


@pytest.mark.parametrize("in_c", [True, False])
@pytest.mark.parametrize("case", EXPECTED, ids=str)
def test_a_picture_is_prepared_to_the_bit_as_tflites_stage_prepares_it(
    case: Case, in_c: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_c and native.pictures is None:
        pytest.skip(f"the resize in C is not here: {native.why_not}")
    if not in_c:
        monkeypatch.setattr(resize, "pictures", None)
    assert digests(prepared, case) == EXPECTED[case]


@pytest.mark.parametrize("case", EXPECTED, ids=str)
def test_the_hashes_are_those_of_the_cpp(case: Case, staged: Callable[[str, Case], bytes]) -> None:
    assert digests(staged, case) == EXPECTED[case]


@settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.integers(2, 90),
    columns=st.integers(2, 90),
    height=st.integers(2, 70),
    width=st.integers(2, 70),
    way=st.sampled_from(sorted(WAYS)),
)
def test_pictures_of_any_size_are_prepared_to_the_bit_as_the_cpp_does(
    rows: int, columns: int, height: int, width: int, way: str, staged: Callable[[str, Case], bytes]
) -> None:
    case = Case(rows, columns, height, width)
    assert prepared(way, case) == staged(way, case)


@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("gcc"), reason="needs gcc for x86-64")
@pytest.mark.parametrize(("options", "fused"), [(OPTIONS, False), (("-O3", "-ffp-contract=fast"), True)])
def test_twin_the_c_is_compiled_without_fused_sums_even_where_the_machine_has_them(
    options: tuple[str, ...], fused: bool
) -> None:
    source = REPOSITORY / "native" / "pictures.c"
    words = ["gcc", *options, "-mfma", "-S", "-I", sysconfig.get_path("include"), str(source), "-o", "-"]
    assembly = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert ("fmadd" in assembly) is fused
