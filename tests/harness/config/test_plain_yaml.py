"""YAML holds plain values, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.config.files import find_benchmark, load_benchmark, parse_assignment
from harness.config.plain_yaml import load_yaml
from harness.errors import ConfigError


def test_a_date_is_text_and_no_date_is_wrong() -> None:
    assert load_yaml("{a: 2026-01-31, b: 2026-13-45}") == {"a": "2026-01-31", "b": "2026-13-45"}


@pytest.mark.parametrize("text", ["010", "-07", "1:30", "0_17"])
def test_a_number_that_is_another_in_another_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=r"one number in YAML 1\.1"):
        load_yaml(f"count: {text}")
    assert load_yaml(f"count: '{text}'") == {"count": text}


def test_a_nought_and_numbers_with_a_base_are_numbers() -> None:
    assert load_yaml("[0, 0x10, 0b11, -0, 0.5]") == [0, 16, 3, 0, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "!!binary @@@",
        "!!timestamp x",
        "!!set {a}",
        "!!int x",
        "? [a]\n: b",
        "&a [*a]",
        "[" * 50_000,
        "- " * 50_000,
        "9" * 5_000,
        "0x" + "f" * 400,
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
        ),
    ],
)
def test_anything_but_plain_values_in_a_sane_number_is_refused(text: str) -> None:
    for ours in (False, True):
        with pytest.raises(yaml.YAMLError):
            load_yaml(text, ours=ours)
    with pytest.raises(ConfigError):
        parse_assignment(f"load.target_qps={text}")


def test_a_config_is_never_taken_from_the_network(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none is taken from the network"):
        find_benchmark("https://example.org/a.yaml")
    (tmp_path / "heir.yaml").write_text("inherits: https://example.org/a.yaml\n", encoding="ascii")
    with pytest.raises(ConfigError):
        load_benchmark(tmp_path / "heir.yaml")


def test_brackets_without_end_are_refused_before_they_cost_time() -> None:
    with pytest.raises(yaml.MarkedYAMLError, match="nested deeper than anyone writes") as found:
        load_yaml("[" * 200_000)
    assert found.value.problem_mark is not None
    assert found.value.problem_mark.index == 100
    assert load_yaml("[" * 100 + "]" * 100) is not None
