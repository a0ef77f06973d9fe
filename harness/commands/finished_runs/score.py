"""`score`: the accuracy of a run once more, of another harness's log, or of predictions made without LoadGen."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.commands.elsewhere.forwarded import refuse_without_effect
from harness.commands.finished_runs.score_predictions import METRICS, score_predictions
from harness.commands.options import add_require
from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError, UnknownName
from harness.json_records import to_json
from harness.report.accuracy import accuracy_rows, accuracy_text
from harness.report.requirements import requirement_rows
from harness.results.scores import Judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config.official.accuracy_targets import Target

    # What they bring is imported when a log is scored.
    from harness.messages.conversation import Progressed
    from harness.results.card import ScoredSubject
    from harness.spec.resolve import Audit
    from tasks.base import Task

EXAMPLES = """\
examples:
  ./run.sh score results/DIR
  ./run.sh score results/DIR --require 'top1>=0.75'
  ./run.sh score results/DIR --dispatch ray://10.0.0.1:6379           by a cluster (docs/cluster.md)
  ./run.sh score --log mlperf_log_accuracy.json --task ssd_mobilenet_v2 --layout mobile --dataset DIR --truth coco_val.pbtxt
  ./run.sh score --log mlperf_log_accuracy.json --task qa --convert-to mobile --out mobile.json
  ./run.sh score --metric squad_f1 --predictions P.json --truth dev-v1.1.json
"""


_LAYOUTS = ("reference", "mobile")
_OF_RUN = ("dispatch", "require", "card")
_OF_PREDICTIONS = ("metric", "predictions", "truth", "require")
_OF_ANY_LOG = ("log", "task", "layout", "model", "dataset", "truth", "count", "rules", "round", "set")
_OF_LOG = (*_OF_ANY_LOG, "require", "card")
_OF_REWRITING = (*_OF_ANY_LOG, "convert_to", "out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A run's directory, a log with its task, or predictions with their truth."""
    parser.add_argument(
        "directory", type=Path, nargs="?", help="the directory of an accuracy run, or of a series with one"
    )
    parser.add_argument(
        "--dispatch", metavar="ray[://HOST:PORT]", help="judge a run's answers on a Ray cluster (docs/cluster.md)"
    )
    parser.add_argument("--log", metavar="FILE", type=Path, help="an accuracy log that any harness wrote; needs --task")
    parser.add_argument("--task", metavar="NAME|FILE", help="the benchmark, alias or YAML file that the log is of")
    parser.add_argument(
        "--layout", metavar="NAME", default="reference", help="who wrote the log: reference (default) or mobile"
    )
    parser.add_argument(
        "--convert-to", metavar="NAME", help="write the log in this layout, reference or mobile, to --out"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="where --convert-to writes")
    parser.add_argument(
        "--model", metavar="NAME|PATH", help="the model that wrote the log: it tells the number of classes"
    )
    parser.add_argument("--dataset", metavar="NAME|PATH", help="the log's data (default auto)")
    parser.add_argument("--truth", metavar="PATH", help="the ground truth (default: found in or beside the data)")
    parser.add_argument("--count", metavar="N", type=int, help="the log is of the first N samples")
    parser.add_argument(
        "--rules", metavar="NAME", help="the rule set whose target counts (default: the newest that has the task)"
    )
    parser.add_argument("--round", metavar="NAME", help="short for a mobile rule set: v5.0 is --rules mobile-v5.0")
    parser.add_argument(
        "--card", action="store_true", help="with --json: {accuracy, accuracy_card} instead of {metric: value}"
    )
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of the config")
    add_require(parser)
    parser.add_argument("--metric", metavar="NAME", help=f"one of {', '.join(METRICS)}")
    parser.add_argument("--predictions", metavar="FILE", type=Path, help="what was answered, for --metric")


def main(arguments: argparse.Namespace) -> Outcome:
    """Scores what the options name."""
    ways = {
        "a run's directory": arguments.directory is not None,
        "--log with --task": arguments.log is not None,
        "--metric with --predictions and --truth": arguments.metric is not None,
    }
    if sum(ways.values()) != 1:
        raise ConfigError(f"give one of: {'; '.join(ways)}")
    if arguments.dispatch is not None and arguments.directory is None:
        raise ConfigError("--dispatch judges the answers of a run: give its directory")
    if arguments.convert_to is not None and arguments.log is None:
        raise ConfigError("--convert-to rewrites the log that --log names: give --log and --task")
    _refuse_what_is_forgotten(arguments)
    if arguments.card and not arguments.json:
        raise ConfigError("--card is of --json: the table has the card already")
    if arguments.log is not None:
        return _score_log(arguments)
    if arguments.metric is not None:
        return score_predictions(arguments)
    from harness.run.score import rescore

    folder = _accuracy_run(arguments.directory)
    from harness.config.dispatch import cluster_named
    from harness.zoo.files.meter import Counter

    dispatch = cluster_named(arguments.dispatch)
    counter = Counter(f"answers of {folder} are judged")

    def hear(progress: Progressed) -> None:
        if not arguments.json:
            counter.count(progress.done)

    try:
        judged = rescore(folder, arguments.require, dispatch, hear)
    finally:
        counter.end()
    return _outcome(judged, whole=arguments.card)


def _refuse_what_is_forgotten(arguments: argparse.Namespace) -> None:
    """A figure must not seem to be of a truth, a rule set or a model that was named and not used."""
    taken: tuple[str, ...]
    if arguments.directory is not None:
        way, taken = "a run's directory, which has its own choices", _OF_RUN
    elif arguments.metric is not None:
        way, taken = "--metric", _OF_PREDICTIONS
    elif arguments.convert_to is not None:
        way, taken = "--convert-to, which scores nothing", _OF_REWRITING
    else:
        way, taken = "--log without --convert-to" if arguments.out else "--log", _OF_LOG
    refuse_without_effect(arguments, add_arguments, taken, f"changes nothing beside {way}: leave it out")


def _accuracy_run(folder: Path) -> Path:
    """The directory itself, or that of the one accuracy run in a series.

    Raises:
        ConfigError: A series of none, or of several to choose from.
    """
    from harness.results.files import RESULT_FILE, read_result
    from harness.results.record import SeriesResult

    if not (folder / RESULT_FILE).is_file():
        return folder
    result = read_result(folder)
    if not isinstance(result, SeriesResult):
        return folder
    found = [str(folder / run.directory) for run in result.runs if run.result.mode == "accuracy"]
    if len(found) == 1:
        return Path(found[0])
    if not found:
        raise ConfigError(f"{folder} is a series without an accuracy run (--mode accuracy): there is nothing to score")
    raise ConfigError(f"{folder} is a series of {len(found)} accuracy runs; score one: {', '.join(found)}")


def _score_log(arguments: argparse.Namespace) -> Outcome:
    """Scores or rewrites a log that any harness wrote."""
    from accuracy.answers.log import read_answers
    from harness.config.fields import parse_assignment
    from harness.config.files import find_benchmark, kind_overrides
    from harness.results.card import ScoredSubject
    from harness.spec.resolve import resolve_audit
    from harness.spec.rules_in_force import chosen_rules
    from harness.spec.task import open_task
    from harness.zoo.files.official import cache_dir
    from tasks.base import Layout

    for layout in (arguments.layout, arguments.convert_to or arguments.layout):
        if layout not in _LAYOUTS:
            raise UnknownName("layout", layout, _LAYOUTS)
    if arguments.task is None:
        raise ConfigError("--log needs --task: a log does not say what it is of")
    config = find_benchmark(arguments.task)
    overrides: list[tuple[str, Any]] = [*kind_overrides(arguments.task), *map(parse_assignment, arguments.set)]
    overrides += [
        (field, value)
        for field, value in (
            ("model.use", arguments.model),
            ("dataset.use", arguments.dataset),
            ("dataset.truth", arguments.truth),
            ("dataset.count", arguments.count),
            ("load.rules", arguments.rules),
            ("load.round", arguments.round),
        )
        if value is not None
    ]

    def audit(layout: str) -> Audit:
        return resolve_audit(config, overrides, cast("Layout", layout), cache_dir())

    found = audit(arguments.layout)
    task = open_task(found.task, found.options, found.dataset)
    if arguments.convert_to is None:
        task.check_truth()
        rules = chosen_rules(found.benchmark)
        subject = ScoredSubject(
            headline=task.headline,
            targets=_targets(found, rules.targets),
            round=rules.round,
            full_count=None
            if found.is_own and found.dataset.source == "file"
            else found.benchmark.full_count or rules.full_count,
            count=len(task),
            dataset=found.dataset,
            model=None,
            own_targets=found.own_targets,
            counts_scored=task.counts_scored,
            metrics=task.metric_kinds(found.options),
        )
        return _outcome(_judge_log(task, subject, found, arguments), whole=arguments.card)
    if arguments.out is None:
        raise ConfigError("--convert-to needs --out FILE: the log itself is left as it is")
    wanted = audit(arguments.convert_to)
    target = open_task(wanted.task, wanted.options, wanted.dataset)
    return _rewrite(task.rewrite(read_answers(arguments.log, len(task)), target), arguments.out, arguments.convert_to)


def _targets(found: Audit, of_rules: Sequence[Target]) -> Sequence[Target]:
    """The user's own, or the benchmark's where the log may be of its model."""
    if found.own_targets:
        return found.benchmark.targets
    return [] if found.is_own else [*found.benchmark.targets, *of_rules]


def _judge_log(task: Task, subject: ScoredSubject, found: Audit, arguments: argparse.Namespace) -> Judged:
    from harness.results.verdict.gate import check_scored, check_targets, judge_metrics, own_targets, requirements
    from harness.run.score import score_log

    metrics = subject.metrics
    check_targets(subject.targets, metrics)
    given = requirements(arguments.require, metrics)
    check_scored(given)
    asked = [*requirements(found.benchmark.require, metrics), *given]
    if subject.own_targets:
        asked += own_targets(subject.targets, subject.round, None, subject.count, metrics)
    judged = _with_assumption(score_log(task, arguments.log, subject), found)
    return replace(judged, requirements=judge_metrics({n: m.value for n, m in judged.accuracy.items()}, asked))


def _with_assumption(judged: Judged, found: Audit) -> Judged:
    """A log does not say how many classes its model has; the card says what was taken."""
    from harness.config.mistakes import task_options
    from harness.config.registry import task_class

    card, classes = judged.accuracy_card, found.options.get("num_classes", 0)
    if card is None or classes is not None:
        return judged
    taken = task_options(task_class(found.task).Options, found.task, found.options).class_count
    note = (
        f"nothing says how many classes the log's model has, so {taken:,} are taken: --model FILE tells, or --set "
        "model.num_classes=N"
    )
    return replace(judged, accuracy_card=replace(card, notes=(*card.notes, note)))


def _rewrite(answers: Any, out: Path, layout: str) -> Outcome:
    from accuracy.answers.log import write_rows

    try:
        write_rows(out, answers)
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}") from None
    return Outcome(EXIT_VALID, f"{out}: the log in the {layout} layout", {"log": str(out), "layout": layout})


def _outcome(judged: Judged, *, whole: bool) -> Outcome:
    """The metrics alone as JSON, unless the card is asked for as well."""
    passed = [*(found.passed for found in judged.accuracy.values()), *(one.passed for one in judged.requirements)]
    missed = any(one is False for one in passed)
    rows = accuracy_rows(judged.accuracy, judged.accuracy_card) + [("note", note) for note in judged.notes or ()]
    text = accuracy_text(rows + requirement_rows(judged.requirements))
    values = {name: found.value for name, found in judged.accuracy.items()}
    return Outcome(EXIT_INVALID if missed else EXIT_VALID, text, to_json(judged) if whole else values)
