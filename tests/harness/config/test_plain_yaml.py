"""YAML holds plain values, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.config.fields import parse_assignment
from harness.config.files import find_benchmark, load_benchmark
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
    with pytest.raises(yaml.YAMLError, match=r"^column 101: it is nested deeper than anyone writes"):
        load_yaml("[" * 200_000)
    assert load_yaml("[" * 100 + "]" * 100) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1,\n", "line 3, column 1: expected the node content, but found the end, while parsing a flow node"),
        ("a:\n  - {x: 1\nb: 2\n", "that begins in line 2"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' stands twice"),
        ("a: 1\nb: \x07", "line 2: special characters are not allowed"),
        ("a: [x", "column 6: expected ',' or ']', but got the end"),
    ],
)
def test_a_mistake_names_its_line_and_no_file_of_pyyamls(text: str, said: str, tmp_path: Path) -> None:
    for ours in (False, True):
        with pytest.raises(yaml.YAMLError) as found:
            load_yaml(text, ours=ours)
        assert "unicode string" not in str(found.value)
        assert "\n" not in str(found.value)
        # libyaml has words of its own.
        assert ours or said in str(found.value)
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.yaml is not YAML: (line|column) \d"):
        load_benchmark(file)
