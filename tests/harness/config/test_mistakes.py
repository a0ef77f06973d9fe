"""Mistakes of a config as sentences: the field, the value, and what would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.config.mistakes import explanations, task_options
from harness.config.schema import DatasetSection
from harness.errors import ConfigError
from tasks.classification import Classification


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    scenario: Literal["Offline", "Server"] = "Offline"
    threads: int | Literal["auto"] = "auto"
    count: int = Field(default=1, ge=1)
    rows: list[int] = Field(default=[1], min_length=1)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    load: Inner = Inner()


def said(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as found:
        Outer.model_validate(raw)
    return explanations(found.value.errors(), Outer)


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        ({"scenaro": "Server"}, "load.scenaro: unknown field 'scenaro'; did you mean 'scenario'?"),
        ({"scenario": "sever"}, "load.scenario: unknown scenario 'sever'; did you mean 'Server'?"),
        ({"threads": "many"}, "load.threads: must be a whole number or 'auto', not 'many'"),
        ({"rows": 3}, "load.rows: must be a list, not 3"),
        ({"rows": []}, "load.rows: at least 1 must be there, not 0"),
        ({"count": 0}, "load.count: must be at least 1, not 0"),
    ],
)
def test_a_mistake_names_the_field_the_value_and_what_would_do(load: dict[str, Any], sentence: str) -> None:
    assert said({"title": "x", "load": load}) == [sentence]


def test_a_value_where_a_section_belongs_is_told_without_the_schemas_own_names() -> None:
    assert said({"title": "x", "load": 3}) == ["load: must be names with their values (NAME: VALUE), not 3"]


def test_every_mistake_is_told_and_a_union_only_once() -> None:
    assert said({"load": {"threads": "many", "count": 0}}) == [
        "title: this field is needed",
        "load.threads: must be a whole number or 'auto', not 'many'",
        "load.count: must be at least 1, not 0",
    ]


@dataclass(frozen=True)
class Options:
    """Of a task."""

    side: int = 8
    tolerance: float = 0.5

    def __post_init__(self) -> None:
        if self.side > 100:
            raise ValueError(f"side: at most 100, not {self.side}")


def test_the_options_of_a_task_are_made_of_what_was_written() -> None:
    assert task_options(Options, "drawing", {"side": 9}) == Options(side=9)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"sides": 9}, "unknown option of the drawing task 'sides'; did you mean 'side'?"),
        ({"side": "wide"}, "side: must be a whole number, not 'wide'"),
        ({"side": 101}, "side: at most 100, not 101"),
        ({"tolerance": float("nan")}, "tolerance: a finite number is needed, not nan"),
    ],
)
def test_an_option_that_a_task_does_not_take_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        task_options(Options, "drawing", values)
    assert str(found.value).startswith(f"a mistake in the options of the drawing task: {sentence}")


def test_an_options_mistake_is_named_by_the_section_it_was_written_in() -> None:
    values = {"sides": 9, "tolerance": "low"}
    with pytest.raises(ConfigError) as found:
        task_options(Options, "drawing", values, {"sides": "model", "tolerance": "dataset"})
    first, *others = str(found.value).splitlines()
    assert first == "2 mistakes in the options of the drawing task:"
    assert [line.split(":")[0].strip() for line in others] == ["model.sides", "dataset.tolerance"]


@pytest.mark.parametrize("value", [True, False, [True, 1, 1]])
def test_a_truth_value_is_no_number_of_a_task(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"model\.std: must be a number, not .*truth values"):
        task_options(Classification.Options, "classification", {"std": value}, {"std": "model"})


def test_a_truth_value_is_no_number_of_a_section() -> None:
    with pytest.raises(ValidationError) as found:
        DatasetSection.model_validate({"count": True})
    assert explanations(found.value.errors(), None) == [
        "count: must be a number, not True (YAML reads yes, no, on and off as truth values)"
    ]
