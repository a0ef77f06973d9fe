"""The page: every run a part of its own, several of them side by side first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from harness.html_report.charts import MISSING, bar_chart, can_draw, latency_charts
from harness.html_report.facts import delegate_section, machine_section, memory_section, settings_section
from harness.html_report.gallery import gallery_sections
from harness.html_report.gathered import Gathered
from harness.html_report.markup import Html, Part, element, joined, section, table
from harness.html_report.series_of_times import Thinned, thinned
from harness.html_report.style import CSS
from harness.profiling.record import Profile
from harness.report.accuracy import accuracy_rows, metric
from harness.report.requirements import requirement_rows
from harness.report.run import run_rows, verdict_text
from harness.report.series import series_lines, series_verdict_text
from harness.report.tail import tail_text
from harness.results.record import Reason, Result, SeriesResult, status_of
from harness.units import duration, rate_text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The page loads nothing and runs nothing, whatever a name in it says."""
_MOST_OPS = 25


def render(
    runs: Sequence[Gathered],
    profiles: Sequence[Profile] = (),
    comparison: str = "",
    series: Mapping[str, SeriesResult] = MappingProxyType({}),
) -> str:
    """The whole file.

    Args:
        runs: At least one.
        profiles: Of models, by `profile --json`.
        comparison: The first directory held against the others, as `compare` says it.
        series: Those that the runs are of, by their directory.
    """
    title = f"{runs[0].result.title}: {_headline(runs[0].result)}" if len(runs) == 1 else f"{len(runs)} runs"
    parts: list[Part] = [element("h1", title)]
    if not can_draw():
        parts.append(element("p", MISSING, class_="soft"))
    parts += [_worth(name, top) for name, top in series.items()]
    if len(runs) > 1:
        parts.append(_side_by_side(runs, comparison))
    parts += [_run(run, f"run{place}", alone=len(runs) == 1) for place, run in enumerate(runs, 1)]
    parts += [_profile(profile) for profile in profiles]
    head = joined(
        [
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", f"{title} - tflite-loadgen"),
            element("style", Html(CSS)),
        ]
    )
    body = element("body", element("main", *parts))
    return f"<!doctype html>\n{element('html', element('head', head), body, lang='en').text}\n"


def _headline(result: Result) -> str:
    return verdict_text(result)


def _worth(name: str, top: SeriesResult) -> Html:
    """What a series' runs are worth together."""
    good = status_of(top) == 0 and top.status == "valid"
    own = [
        reason for reason in top.reasons if not reason.what.startswith(tuple(f"{run.directory}:" for run in top.runs))
    ]
    told = [joined(_reason(reason)) for reason in (*(top.submission.reasons if top.submission else ()), *own)]
    # The reasons stand below, each with what to do.
    alone = series_verdict_text(replace(top, submission=None))
    heading = f"{alone}; not a submission" if top.submission and top.submission.reasons else series_verdict_text(top)
    said: list[Part] = [element("strong", f"{name}: {heading}")]
    said += [element("p", line) for line in series_lines(top)]
    if told:
        said.append(element("ul", *(element("li", one) for one in told)))
    return element("div", *said, class_=f"verdict {'valid' if good else 'bad'}")


def _side_by_side(runs: Sequence[Gathered], comparison: str) -> Html:
    rows = []
    for place, run in enumerate(runs, 1):
        result = run.result
        named = element("a", run.name, href=f"#run{place}")
        rows.append((named, result.title, result.scenario, result.backend.name, _headline(result), *_figures(result)))
    head = ("run", "benchmark", "scenario", "backend", "verdict", "p50", "p90", "p99", "samples/s", "accuracy")
    listed = table("The runs side by side", rows, head, numbers=frozenset({5, 6, 7, 8, 9}))
    note = (
        "Figures of single runs: whether one is quicker than another is for a comparison of repeats to say, since two runs of "
        "the same thing differ, too."
    )
    parts = [element("h2", "Side by side"), listed, element("p", note, class_="soft")]
    if comparison:
        words = "The first against the others, as compare says"
        told = element("pre", comparison, class_="scrolls", tabindex="0", role="group", aria_label=words)
        parts += [element("h3", words), told]
    return element("section", *parts)


def _figures(result: Result) -> tuple[str, str, str, str, str]:
    card, figures = result.accuracy_card, result.performance
    accuracy = f"{card.metric} {metric(card.metric, card.value)}" if card else "-"
    if figures is None:
        return "-", "-", "-", "-", accuracy
    times = ("-",) * 3
    if result.scenario != "Offline":
        latency = figures.latency_ns
        times = (duration(latency.p50), duration(latency.p90), duration(latency.p99))
    return times[0], times[1], times[2], rate_text(figures.samples_per_second), accuracy


def _run(run: Gathered, anchor: str, *, alone: bool) -> Html:
    result = run.result
    named = "" if alone else f"{result.title}, "
    heading = f"{named}{result.scenario}, {result.mode} on {result.backend.name}"
    parts: list[Part] = [
        element("h2", heading),
        element("p", run.name, class_="soft"),
        _verdict(result),
        *_numbers(result),
    ]
    if run.times is not None and (found := thinned(run.times)) is not None:
        parts.append(_latency(run, found))
    if result.accuracy:
        rows = [*accuracy_rows(result.accuracy, result.accuracy_card), *requirement_rows(result.requirements)]
        parts.append(section("Accuracy", table("Metrics and targets", rows)))
    if run.exhibition is not None:
        parts += gallery_sections(run.exhibition)
    parts.append(section("The run", table("What ran", run_rows(result))))
    parts += [*delegate_section(result), *memory_section(result), machine_section(result)]
    parts.append(settings_section(result, run.spec))
    if run.lacking:
        parts.append(section("Not shown", element("ul", *(element("li", text) for text in run.lacking))))
    return element("article", *parts, id=anchor)


def _verdict(result: Result) -> Html:
    bad = result.status in ("invalid", "failed", "started") or status_of(result) != 0
    said: list[Part] = [element("strong", _headline(result))]
    if result.status == "started":
        said.append(element("p", "The run did not come to its end, or has not yet."))
    if result.reasons:
        said.append(element("ul", *(element("li", *_reason(reason)) for reason in result.reasons)))
    parts = [element("div", *said, class_=f"verdict {'bad' if bad else 'valid'}")]
    doubts = [joined(_reason(reason)) for reason in result.unstable]
    for words, listed in (("Unstable", doubts), ("Warnings", [joined([text]) for text in result.warnings])):
        if listed:
            items = element("ul", *(element("li", one) for one in listed))
            parts.append(element("div", element("strong", words), items, class_="verdict warn"))
    return joined(parts)


def _reason(reason: Reason) -> list[Part]:
    figure = f" ({reason.figure})" if reason.figure else ""
    fix: list[Part] = [element("div", f"Fix: {reason.fix}", class_="soft")] if reason.fix else []
    return [f"{reason.what}{figure}", *fix]


def _numbers(result: Result) -> list[Html]:
    """The figures that are asked for first, large."""
    figures = result.performance
    shown: list[tuple[str, str]] = []
    if figures is not None:
        if result.scenario != "Offline":
            latency = figures.latency_ns
            shown += [
                (name, duration(value))
                for name, value in (("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99))
            ]
        shown.append(("samples/s", rate_text(figures.samples_per_second)))
        shown.append(("queries", f"{figures.query_count:,}"))
    if (card := result.accuracy_card) is not None:
        shown.append((card.metric, metric(card.metric, card.value)))
    if not shown:
        return []
    return [
        element(
            "dl", *(element("div", element("dt", name), element("dd", text)) for name, text in shown), class_="numbers"
        )
    ]


def _latency(run: Gathered, found: Thinned) -> Html:
    times = run.times
    assert times is not None
    charts = element("div", *latency_charts(found, _bound(run.result)), class_="figures")
    said = "As the harness saw each query; LoadGen's own figures, above, are the result."
    if run.tail is not None:
        said += f" Outliers: {tail_text(run.tail)}."
    if not times.all:
        said += f" {len(times.latency_ns):,} of {times.seen:,} queries were kept."
    return section("Latency", element("p", said, class_="soft"), charts)


def _bound(result: Result) -> tuple[str, float, float] | None:
    """What the scenario is judged by."""
    figures = result.performance
    if figures is None:
        return None
    percentile = figures.target_percentile
    if result.scenario == "Server" and result.loadgen is not None:
        return f"the bound on p{100 * percentile:g}", percentile, float(result.loadgen.server_target_latency_ns)
    if figures.early_stopping_latency_ns:
        words = f"the result, LoadGen's early stopping bound on p{100 * percentile:g}"
        return words, percentile, float(figures.early_stopping_latency_ns)
    return None


def _profile(profile: Profile) -> Html:
    ops = sorted(profile.ops, key=lambda op: -op.avg_us)
    rows = [
        (f"{op.name} {op.order}", op.avg_us / 1e3, f"{op.avg_us / 1e3:,.3f} ms, {op.share:.1%}")
        for op in ops[:_MOST_OPS]
    ]
    said = f"{profile.how}. {profile.why_coarse}".rstrip(". ") + "."
    if len(ops) > _MOST_OPS:
        said += f" The {_MOST_OPS} slowest of {len(ops):,} ops."
    chart = bar_chart("Time by op", said, rows, "ms")
    heading = (
        f"Profile of {profile.model} on {profile.backend}, {profile.threads} thread{'s' if profile.threads > 1 else ''}"
    )
    return element("article", element("h2", heading), chart)
