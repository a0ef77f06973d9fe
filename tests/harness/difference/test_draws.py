"""The documented inputs of TFLite's inference_diff."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.difference.draws import DocumentedInputs, NormalDraws
from harness.errors import ConfigError

OF_LIBSTDCXX = [0.45934473861946767, 0.13772731857954756]
"""The first that g++ 12 prints of normal(0.5, 1.0 / 3) by std::default_random_engine, what is not in [0, 1) left out."""


def spec(dtype: str, *shape: int, name: str = "x") -> TensorSpec:
    return TensorSpec(name, shape or (1, 4), np.dtype(dtype))


@pytest.mark.parametrize("in_c", [True, False])
def test_the_first_numbers_are_those_of_the_c_plus_plus_library(in_c: bool) -> None:
    draws = NormalDraws()
    found = draws.take(2) if in_c else draws._drawn_in_python(2)
    assert found.tolist() == pytest.approx(OF_LIBSTDCXX, abs=1e-16)


def test_a_type_has_one_generator_that_runs_on_over_inputs_and_runs() -> None:
    first, second, third = spec("float32", 3), spec("uint8", 5, name="y"), spec("float32", 2, name="z")
    inputs = DocumentedInputs([first, second, third])
    runs = [inputs.next() for _ in range(2)]
    floats = np.concatenate([array for run in runs for array in (run[0], run[2])])
    alone = np.concatenate([DocumentedInputs([spec("float32", 10)]).next()[0]])
    assert floats.tolist() == alone.tolist()
    # Half precision is cut from the numbers of single precision.
    half = DocumentedInputs([spec("float16", 10)]).next()[0]
    assert half.tolist() == alone.astype(np.float16).tolist()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "uint32", "float32", "bool"])
def test_values_are_spread_over_the_whole_range_of_their_type(dtype: str) -> None:
    (found,) = DocumentedInputs([spec(dtype, 4000)]).next()
    assert found.dtype == dtype
    low, high = (-1, 1) if dtype == "float32" else (0, 1) if dtype == "bool" else _ends(dtype)
    values = found.astype(np.float64)
    assert values.min() >= low
    assert values.max() <= high
    if dtype != "bool":  # of which a cast makes 1 of all but 0
        assert values.max() - values.min() > 0.95 * (float(high) - float(low))


def _ends(dtype: str) -> tuple[int, int]:
    ends = np.iinfo(dtype)
    return int(ends.min), int(ends.max)


def test_a_range_keeps_ids_within_their_vocabulary() -> None:
    (found,) = DocumentedInputs([spec("int32", 1000)], {"x": (0, 30521)}).next()
    assert found.min() >= 0
    assert found.max() <= 30521
    assert found.max() > 25000
    # Both ends are drawn.
    (mask,) = DocumentedInputs([spec("int32", 200)], {"x": (0, 1)}).next()
    assert set(mask.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("given", "ranges", "said"),
    [
        (spec("object"), {}, "input 'x' takes texts, of which none can be drawn"),
        (spec("complex64"), {}, "input 'x' takes complex64"),
        (spec("float32"), {"y": (0.0, 1.0)}, "a range is given for 'y': the inputs are 'x'"),
        (spec("uint8"), {"x": (0.0, 256.0)}, "the range 0 to 256 of 'x' is none of uint8"),
        (spec("float32"), {"x": (1.0, 0.0)}, "give the lower end first"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given: TensorSpec, ranges: dict[str, tuple[float, float]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        DocumentedInputs([given], ranges)
