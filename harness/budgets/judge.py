"""A budget, row by row: the model found, its figures measured, each held against its limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from harness.budgets.file import Budget, BudgetRow
from harness.budgets.measure import RowMeter, Say
from harness.budgets.models import ModelFolder, RowModel
from harness.budgets.row_check import mistakes
from harness.budgets.verdict import SCHEMA_VERSION, BudgetResult, Measured, RowVerdict, checked, judged
from harness.config.mistakes import report
from harness.errors import ConfigError, UnknownName, message_of
from harness.json_records import shown
from harness.machine.facts import describe
from harness.spec.any_model import find_any_model


def judge(budget: Budget, folder: ModelFolder, cache_dir: Path, *, allow_unmeasured: bool, say: Say) -> BudgetResult:
    """Measures and judges every row.

    Args:
        budget: As it was read.
        folder: Where models are looked for first.
        cache_dir: The harness's cache.
        allow_unmeasured: Whether a row that could not be measured is no miss.
        say: Hears what is done now.

    Raises:
        ConfigError: A model that nobody knows, or what a row says of its model that is not so, before anything is measured.
    """
    models = {row.name: _found(row, folder, cache_dir) for row in budget.rows}
    problems = [problem for row in budget.rows for problem in _mistakes(row, models[row.name], cache_dir)]
    if problems:
        raise ConfigError(report(str(budget.path), problems))
    rows = tuple(_judged(row, models[row.name], cache_dir, allow_unmeasured, say) for row in budget.rows)
    return BudgetResult(
        SCHEMA_VERSION,
        budget.title,
        budget.path,
        describe(),
        rows,
        passed=sum(row.verdict == "pass" for row in rows),
        missed=sum(row.missed for row in rows),
        measured=sum(check.status in ("passed", "failed") for row in rows for check in row.checks),
        note=budget.note,
        allow_unmeasured=allow_unmeasured,
    )


def _found(row: BudgetRow, folder: ModelFolder, cache_dir: Path) -> RowModel | str:
    """The row's model, or why it is not here."""
    try:
        return folder.find(row, cache_dir)
    except UnknownName as error:
        raise ConfigError(
            f"row {shown(row.name)}: {error}. Files of a folder are found by their names: --models DIR with "
            f"{row.section.model}.tflite in it"
        ) from None
    except ConfigError as error:
        return str(error)


def _mistakes(row: BudgetRow, found: RowModel | str, cache_dir: Path) -> Iterator[str]:
    """What is wrong with the row; a model that is only not here is none of it."""
    of_model = () if isinstance(found, str) else mistakes(row.section, found.model, cache_dir)
    for problem in (*_unknown_reference(row, cache_dir), *of_model):
        yield f"row {shown(row.name)}: {problem}"


def _unknown_reference(row: BudgetRow, cache_dir: Path) -> Iterator[str]:
    if row.section.reference_model is None:
        return
    try:
        find_any_model(row.section.reference_model, cache_dir)
    except UnknownName as error:
        yield f"reference_model: {error}"
    except ConfigError:
        return


def _judged(row: BudgetRow, found: RowModel | str, cache_dir: Path, allow_unmeasured: bool, say: Say) -> RowVerdict:
    began = time.monotonic()
    notes = [row.section.note] if row.section.note else []
    if isinstance(found, str):
        measured = {limit.figure.name: Measured(None, found) for limit in row.limits}
    else:
        say(f"{row.name}: {found.model.ref.path}")
        notes += [found.doubt] if found.doubt else []
        try:
            measured = RowMeter(row, found, cache_dir, say).measure()
        except ConfigError as error:
            measured = {limit.figure.name: Measured(None, message_of(error)) for limit in row.limits}
    checks = tuple(checked(limit, measured[limit.figure.name]) for limit in row.limits)
    verdict, missed, why = judged(checks, optional=row.section.optional, allow_unmeasured=allow_unmeasured)
    return RowVerdict(
        row.name,
        row.section.model,
        None if isinstance(found, str) else found.model.ref.path,
        "" if isinstance(found, str) else found.standin,
        row.section.backend,
        row.section.threads,
        verdict,
        missed,
        why,
        tuple(notes),
        checks,
        time.monotonic() - began,
        row.section.optional,
    )
