"""`history`: finished runs over time. Its list imports no numpy: 10,000 runs are there at once."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, EXIT_VALID, ConfigError, unknown

if TYPE_CHECKING:
    from harness.history.entry import HistoryEntry
    from harness.history.index import Index
    from harness.report.for_programs.junit import JUnitCase

EXAMPLES = """\
examples:
  ./run.sh history --history H --add results                    index what is below results/
  ./run.sh --task kws --history H                               a run that adds itself; or TFLITE_LOADGEN_HISTORY=H
  ./run.sh history --history H --filter task=kws --filter 'model=*int8*' --sort p90 --limit 20
  ./run.sh history --history H --filter task=kws --plot p90
  ./run.sh history --history H --changes p90                    when did it get slower, and what else changed then
  ./run.sh history --history H --noise p90                      how much a benchmark differs from run to run here
  ./run.sh history --history H --judge results/A results/B --max-regression 3%
  ./run.sh history --history H --rebuild --add results          the index anew from the directories

exit status: 0; 1 where --judge finds a regression; 2 something for you to fix (docs/history.md)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it lies, what is shown of it."""
    parser.add_argument("--history", metavar="DIR", help="where the index lies (default TFLITE_LOADGEN_HISTORY)")
    parser.add_argument(
        "--add", action="append", default=[], metavar="DIR", type=Path, help="add all runs below; repeatable"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="make the index anew from the directories it knows and --add"
    )
    parser.add_argument(
        "--filter", action="append", default=[], metavar="COLUMN=PATTERN", help="as task=kws, model=*int8*; repeatable"
    )
    parser.add_argument("--sort", metavar="COLUMN", help="at (default), p50, p90, samples_per_second, ...")
    parser.add_argument("--limit", metavar="N", help="the last N in that order (default 50); 0 for all")
    parser.add_argument(
        "--plot", metavar="FIGURE", help="p50, p90, p99, samples_per_second, peak_rss_bytes or accuracy"
    )
    parser.add_argument("--changes", metavar="FIGURE", help="when it changed for good, and what else changed then")
    parser.add_argument("--noise", metavar="FIGURE", help="what is usual for each benchmark, and how much it differs")
    parser.add_argument("--judge", nargs="+", metavar="RUN", type=Path, help="hold runs against what is usual for them")
    parser.add_argument("--figure", metavar="NAME", help="what --judge looks at (default p90)")
    parser.add_argument("--max-regression", metavar="SHARE", help="how much worse it may be (default 3%%)")
    add_format(parser)


def main(arguments: argparse.Namespace) -> Outcome:
    """Adds what is to be added, then shows."""
    from harness.history.folder import ENVIRONMENT, history_folder
    from harness.history.index import FILTERS, SORTS, Index
    from harness.history.report import changes_text, listed, plotted

    folder = history_folder(arguments.history)
    if folder is None:
        raise ConfigError(f"say where the history lies: --history DIR, or the environment variable {ENVIRONMENT}")
    views = [name for name in ("plot", "changes", "noise", "judge") if getattr(arguments, name)]
    if len(views) > 1:
        raise ConfigError(f"--{' and --'.join(views)} are shown one at a time")
    _refuse_unused(arguments, views)
    filters = _filters(arguments.filter, FILTERS)
    limit = _limit("50" if arguments.limit is None else arguments.limit)
    sort = "at" if arguments.sort is None else arguments.sort
    if sort not in SORTS:
        raise ConfigError(unknown("column to sort by", sort, SORTS))
    figure = _figure(arguments.plot or arguments.changes or arguments.noise or arguments.figure or "p90")
    formats = asked_formats(arguments)
    if formats and views and views != ["judge"]:
        raise ConfigError(f"--format is of the list and of --judge; --{views[0]} has --json")
    index = Index(folder)
    said = _add(index, arguments) if arguments.add or arguments.rebuild else []
    if arguments.judge:
        outcome, cases = _judge(index, arguments, figure)
        return formatted(formats, outcome, lambda: _told().told_of_judgement(cases))
    entries = index.select(filters, sort, 0 if views else limit)
    if arguments.plot:
        text = plotted(entries, figure)
    elif arguments.changes:
        text = changes_text(_groups(entries), figure)
    elif arguments.noise:
        text = _noise(entries, figure)
    elif said and not arguments.filter:
        text = ""
    else:
        text = listed(entries) if entries else "no run fits"
    # Ten thousand runs take a second as records.
    runs = [asdict(one) for one in entries] if arguments.json else []
    outcome = Outcome(EXIT_VALID, "\n".join([*said, *([text] if text else [])]), {"runs": runs})
    return formatted(formats, outcome, lambda: _told().told_of_history(entries))


def _refuse_unused(arguments: argparse.Namespace, views: Sequence[str]) -> None:
    """What is given and would change nothing.

    Raises:
        ConfigError: Names it.
    """
    judged = bool(arguments.judge)
    for option, of, used in (
        ("--sort", "the list", not views),
        ("--limit", "the list", not views),
        ("--figure", "--judge", judged),
        ("--max-regression", "--judge", judged),
        ("--filter", "the list and of --plot, --changes and --noise", not judged),
    ):
        if getattr(arguments, option[2:].replace("-", "_")) not in (None, []) and not used:
            beside = f": beside --{views[0]} it would change nothing" if views else ": without that it changes nothing"
            raise ConfigError(f"{option} is of {of}{beside}")


def _told() -> ModuleType:
    """Only where it is asked for: the list must be there at once."""
    from harness.commands.finished_runs import history_told

    return history_told


def _add(index: Index, arguments: argparse.Namespace) -> list[str]:
    from harness.history.index import results_below
    from harness.results.files import RESULT_FILE

    known: list[Path] = []
    if arguments.rebuild:
        try:
            # A run of a series has its result in the series' as well.
            known = [path for path in index.paths() if (path / RESULT_FILE).is_file()]
        except ConfigError:
            if not arguments.add:
                raise
    found = {top: list(results_below([top])) for top in arguments.add}
    below = [path for paths in found.values() for path in paths]
    covered = {path.resolve() for path in below}
    left = [path for path in known if path not in covered and not covered & set(path.parents)]
    added = index.add([*below, *left], anew=arguments.rebuild)
    said = [f"{added.runs:,} run{' is' if added.runs == 1 else 's are'} in the index"]
    said += [f"not added: {text}" for text in added.refused]
    return [*said, *(f"no finished run lies below {top}: no {RESULT_FILE} is there" for top in found if not found[top])]


def _judge(index: Index, arguments: argparse.Namespace, figure: str) -> tuple[Outcome, list[JUnitCase]]:
    from harness.history.collected import entries_of
    from harness.history.entry import LOWER_IS_BETTER
    from harness.history.noise import judge, learn
    from harness.history.report import judgement_text
    from harness.json_records import to_json
    from harness.report.for_programs.junit import JUnitCase
    from harness.results.files import RESULT_FILE, read_result
    from harness.units import parse_quantity

    allowed = "3%" if arguments.max_regression is None else arguments.max_regression
    try:
        limit = parse_quantity(allowed, "share")
    except ValueError as error:
        raise ConfigError(f"--max-regression {error}") from None
    if not 0 <= limit < 10:
        raise ConfigError(f"--max-regression is 0 to 1000 %, not {allowed}")
    new: list[HistoryEntry] = []
    for folder in arguments.judge:
        new += entries_of(folder.resolve(), read_result(folder), (folder / RESULT_FILE).stat().st_mtime)
    if not new:
        raise ConfigError("none of the runs that --judge names came to an end: nothing can be judged")
    own = {one.path for one in new}
    past = [one for one in index.select({}) if one.path not in own]
    texts: list[str] = []
    data: list[dict[str, Any]] = []
    cases: list[JUnitCase] = []
    status = EXIT_VALID
    for key, runs in _groups(new).items():
        values = [value for one in runs if (value := getattr(one, figure))]
        alike = [
            value
            for one in past
            if one.benchmark == key and one.at_s < runs[0].at_s and (value := getattr(one, figure))
        ]
        noise = learn(alike)
        title = f"{runs[0].task} {runs[0].scenario}"
        if noise is None or not values:
            why = _few(len(alike)) if values else "it was not measured"
            texts.append(f"{title}: {figure} cannot be judged: {why}")
            data.append({"benchmark": title, "figure": figure, "found": "not judged", "why": why})
            cases.append(JUnitCase(title, figure, "skipped", texts[-1]))
            continue
        found = judge(noise, values, limit, lower_is_better=figure in LOWER_IS_BETTER)
        texts.append(judgement_text(title, figure, noise, found))
        data.append({"benchmark": title, "figure": figure, "noise": to_json(noise), **to_json(found)})
        worse = found.found == "regressed"
        cases.append(JUnitCase(title, figure, "failure" if worse else "passed", texts[-1]))
        if worse:
            status = EXIT_INVALID
    return Outcome(status, "\n".join(texts), {"judged": data}), cases


def _few(earlier: int) -> str:
    from harness.history.noise import LEAST

    runs = "run" if earlier == 1 else "runs"
    return f"only {earlier} earlier {runs} of the same benchmark, and {LEAST} teach how much it differs from run to run"


def _noise(entries: Sequence[HistoryEntry], figure: str) -> str:
    from harness.history.noise import learn
    from harness.history.report import noise_text

    groups = _groups(entries)
    found = {key: learn([value for one in runs if (value := getattr(one, figure))]) for key, runs in groups.items()}
    return noise_text(found, groups, figure)


def _groups(entries: Sequence[HistoryEntry]) -> dict[tuple[str, ...], list[HistoryEntry]]:
    """By benchmark, in the order of time."""
    groups: defaultdict[tuple[str, ...], list[HistoryEntry]] = defaultdict(list)
    for one in sorted(entries, key=lambda one: one.at_s):
        groups[one.benchmark].append(one)
    return dict(groups)


def _filters(said: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    found = {}
    for text in said:
        name, equals, pattern = text.partition("=")
        if not equals:
            raise ConfigError(f"--filter is COLUMN=PATTERN, as task=kws, not {text!r}")
        if name not in known:
            raise ConfigError(unknown("column to filter by", name, known))
        if name in found:
            raise ConfigError(f"--filter {name} is given twice: only one pattern can fit")
        found[name] = pattern
    return found


def _figure(name: str) -> str:
    from harness.history.entry import FIGURES

    if name not in FIGURES:
        raise ConfigError(unknown("figure", name, FIGURES))
    return name


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise ConfigError(f"--limit is a number of runs, 0 for all, not {text!r}")
    return int(text)
