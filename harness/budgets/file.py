"""A budget file: which models, how they are measured, and what their figures may be.

Every mistake in it is found before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError

from accuracy.outside.border import reads
from harness.budgets.figures import ACCURACY, BudgetFigure, budget_figure
from harness.config.backend import parse_backend
from harness.config.fields import laid_over
from harness.config.files import config_folder, find_benchmark, load_benchmark, parse_model_and_backend, read_yaml
from harness.config.invocation import Shape
from harness.config.mistakes import explanations, report
from harness.config.registry import backend_kind, metric_kinds_of
from harness.errors import ConfigError, UnknownName, unknown
from harness.units import parse_quantity

FOLDER = "budgets"
REPORT = "report"
"""In place of a limit: the figure is shown, and nothing is asked of it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class StandinFile(_Section):
    """A file that stands in where the model itself is not here."""

    file: str
    """Its name, looked for below `--models`."""
    why: str
    """What it is, for the report."""


class AccuracySection(_Section):
    """Where a row asks for accuracy: a run of a benchmark."""

    task: str
    """A benchmark's name, an alias, or a path, as `--task`."""
    dataset: str | None = None
    truth: str | None = None
    count: int | None = Field(default=None, ge=1)


class LimitSection(_Section):
    """What a figure may be, with more than the limit alone."""

    limit: StrictStr | StrictInt | StrictFloat
    optional: bool = False
    """Whether the row may pass though this could not be measured."""


class RowSection(_Section):
    """A model, and its limits."""

    model: str
    """A path, or the name of a model of a benchmark or a collection."""
    name: str | None = None
    """What the row is called; null for the model's name."""
    standins: list[StandinFile] = Field(default_factory=list)
    backend: str = "cpu"
    """As `--backend` has it."""
    threads: int = Field(default=1, ge=1, le=1024)
    signature: str | None = None
    state: Literal["reset", "keep"] = "reset"
    input_shapes: dict[str, Shape] = Field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """Input -> lowest and highest random value."""
    run_delay: float | None = Field(default=None, ge=0)
    """Seconds slept after each run, as benchmark_model's."""
    num_runs: int = Field(default=50, ge=1)
    min_secs: float = Field(default=1.0, ge=0)
    max_secs: float = Field(default=150.0, gt=0)
    warmup_runs: int = Field(default=1, ge=0)
    difference_runs: int = Field(default=50, ge=1)
    reference: Literal["auto", "builtin", "reference"] = "auto"
    """The kernels of the one CPU thread that the difference is to."""
    reference_model: str | None = None
    accuracy: AccuracySection | None = None
    limits: dict[str, Any] = Field(min_length=1)
    """Figure -> its limit, as text with its unit or as a `LimitSection`."""
    optional: bool = False
    """Whether the budget may hold though the row could not be measured."""
    note: str = ""
    """Said with the row."""


class BudgetFile(_Section):
    """A file."""

    title: str
    note: str = ""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """Fields of every row that does not have them."""
    rows: list[dict[str, Any]] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """What one figure may be."""

    figure: BudgetFigure
    written: str
    value: float | None
    """In the figure's unit; None where it is only shown."""
    optional: bool


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One row, read."""

    name: str
    section: RowSection
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """A file, read."""

    path: Path
    title: str
    note: str
    rows: tuple[BudgetRow, ...]


def find_budget(name: str) -> Path:
    """The file that is meant: a path, or the name of one that ships with the harness.

    Raises:
        ConfigError: A path that is no file.
        UnknownName: No such budget.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        if not Path(name).is_file():
            raise ConfigError(f"no budget file at {name}")
        return Path(name)
    shipped = {path.stem: path for path in sorted((config_folder() / FOLDER).glob("*.yaml"))}
    if name not in shipped and Path(name).exists():
        raise ConfigError(
            f"there is no budget {name!r} among those that ship; a file that is not called .yaml is named as ./{name}"
        )
    if name not in shipped:
        raise UnknownName("budget", name, shipped)
    return shipped[name]


@reads(ConfigError)
def read_budget(path: Path, defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> Budget:
    """Reads a file.

    Args:
        path: Of the file.
        defaults: Fields that go before the file's own defaults: a row that names its backend keeps it.
        changes: Fields that every row has, whatever the file says.

    Raises:
        ConfigError: Lists every mistake, with a near miss where there is one.
    """
    raw = read_yaml(path)
    try:
        file = BudgetFile.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(report(str(path), explanations(error.errors(), BudgetFile))) from None
    rows: list[BudgetRow] = []
    problems: list[str] = []
    for number, own in enumerate(file.rows, start=1):
        try:
            rows.append(_row(laid_over(laid_over(file.defaults, dict(defaults)), own) | dict(changes)))
        except ValidationError as error:
            problems += [f"row {number}: {each}" for each in explanations(error.errors(), RowSection)]
        except ConfigError as error:
            problems += [f"row {number}: {line}" for line in str(error).splitlines()]
    names = [row.name for row in rows]
    problems += [
        f"two rows are called {name}: give one another name" for name in sorted(set(names)) if names.count(name) > 1
    ]
    if problems:
        raise ConfigError(report(str(path), problems))
    return Budget(path, file.title, file.note, tuple(rows))


def _row(raw: dict[str, Any]) -> BudgetRow:
    section = RowSection.model_validate(raw)
    problems: list[str] = []
    limits: list[Limit] = []
    for name, given in section.limits.items():
        try:
            limits.append(_limit(name, given, section))
        except ConfigError as error:
            problems.append(f"limits: {error}")
    # Also where no limit of this row needs it: a name that nobody knows is no plan.
    if section.accuracy is not None and not any(name.startswith(ACCURACY) for name in section.limits):
        try:
            find_benchmark(section.accuracy.task)
        except ConfigError as error:
            problems.append(f"accuracy: {error}")
    try:
        _, backend = parse_model_and_backend(parse_backend(section.backend))
        backend_kind(backend.name).check_options(backend.options)
    except ConfigError as error:
        problems.append(f"backend: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    # What is only shown stands behind what is asked.
    limits.sort(key=lambda limit: limit.value is None)
    return BudgetRow(section.name or section.model, section, tuple(limits))


def _limit(name: str, given: Any, section: RowSection) -> Limit:
    try:
        more = LimitSection.model_validate(given if isinstance(given, dict) else {"limit": given})
    except ValidationError as error:
        raise ConfigError("; ".join(f"{name}: {each}" for each in explanations(error.errors(), LimitSection))) from None
    figure = _figure(name, section)
    written = str(more.limit)
    if written == REPORT:
        return Limit(figure, written, None, optional=True)
    try:
        value = parse_quantity(written, figure.unit)
    except ValueError as error:
        raise ConfigError(f"{name} {error}") from None
    if figure.unit == "share" and not 0 <= value <= 1:
        raise ConfigError(f"{name} is a fraction of 1, so {written} can't be its limit: write 0.75 or 75%")
    return Limit(figure, written, value, more.optional)


def _figure(name: str, section: RowSection) -> BudgetFigure:
    figure = budget_figure(name)
    if figure.measured_by != "accuracy":
        return figure
    if section.accuracy is None:
        raise ConfigError(
            f"{name} needs to know the run that measures it: write accuracy: {{task: NAME, dataset: PATH}}"
        )
    metric = name.removeprefix(ACCURACY)
    kinds = metric_kinds_of(load_benchmark(find_benchmark(section.accuracy.task)))
    for kind in kinds:
        if kind.gives(metric):
            return BudgetFigure(name, kind.unit, "accuracy", at_most=kind.lower_is_better)
    raise ConfigError(unknown("metric", metric, [kind.name for kind in kinds]))


def only(budget: Budget, names: Sequence[str]) -> Budget:
    """The rows of these names.

    Raises:
        UnknownName: There is no such row.
    """
    known = [row.name for row in budget.rows]
    for name in names:
        if name not in known:
            raise UnknownName("row", name, known)
    return Budget(
        budget.path, budget.title, budget.note, tuple(row for row in budget.rows if not names or row.name in names)
    )
