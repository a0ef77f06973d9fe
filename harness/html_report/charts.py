"""Charts as SVG, drawn by Vega-Lite without a browser or a script (the extra `report`); tables where it is missing.

Colours are the page's own (`style.CSS`), so that they follow a dark theme.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.html_report.markup import Html, Part, element, table
from harness.html_report.series_of_times import Thinned
from harness.units import duration, rate_text

MISSING = "Charts are tables here, since the extra `report` is not installed: ./run.sh install report draws them."
_WIDTH, _HEIGHT = 330, 190
_Values = Sequence[Mapping[str, Any]]
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"))
_TIME = {"type": "quantitative", "title": "time, s", "axis": {"tickCount": 5}}
_FAR = 6.0
"""A tail that is so many medians long is drawn on a logarithmic scale: else all but it would be one line."""
_CONFIG = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "tickColor": "currentColor",
        "domainColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.12,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
}


@functools.cache
def can_draw() -> bool:
    """Whether the extra is installed."""
    import importlib.util

    return importlib.util.find_spec("vl_convert") is not None


def latency_charts(found: Thinned, bound: tuple[str, float, float] | None) -> list[Html]:
    """Histogram, distribution, latency and throughput over time.

    Args:
        found: The run's queries.
        bound: What the rule asks: words, percentile and ns; None where it asks nothing of a latency.
    """
    size, unit = _unit(found.percentiles[0][1])
    charts = [_histogram(found, size, unit), _distribution(found, size, unit, bound)]
    return charts if not found.spans else [*charts, _over_time(found, size, unit), _throughput(found)]


def _unit(nanoseconds: float) -> tuple[float, str]:
    return next(((size, unit) for size, unit in _UNITS if nanoseconds >= size), _UNITS[-1])


def _scale(found: Thinned) -> dict[str, Any]:
    """Of latencies, the tail's among them."""
    far = dict(found.percentiles)[99.9] > _FAR * dict(found.percentiles)[50]
    return {"type": "log", "nice": False} if far else {"zero": False}


def _histogram(found: Thinned, size: float, unit: str) -> Html:
    bars = [bar for bar in found.bars[:-1] if bar.count] + list(found.bars[-1:])
    values = [{"a": bar.low_ns / size, "b": bar.high_ns / size, "n": bar.count} for bar in found.bars]
    # What is beyond is drawn as wide as the others; its label says how far it reaches.
    tail = found.bars[-1]
    if len(found.bars) > 1 and tail.high_ns - tail.low_ns > 2 * (found.bars[0].high_ns - found.bars[0].low_ns):
        values[-1]["b"] = values[-1]["a"] + 1.5 * (values[0]["b"] - values[0]["a"])
        values[-1]["t"] = 1
    spec = {
        "mark": {"type": "rect", "stroke": None},
        "encoding": {
            "x": {"field": "a", "type": "quantitative", "title": f"latency, {unit}", "scale": {"zero": False}},
            "x2": {"field": "b"},
            "y": {"field": "n", "type": "quantitative", "title": "queries"},
            "y2": {"datum": 0},
            "color": {"condition": {"test": "datum.t", "value": "var(--alert)"}, "value": "var(--bar)"},
        },
    }
    beyond = (
        f" The last bar holds the {tail.count:,} slowest, up to {duration(tail.high_ns)}." if "t" in values[-1] else ""
    )
    rows = [(f"{duration(bar.low_ns)} to {duration(bar.high_ns)}", f"{bar.count:,}") for bar in bars]
    return _figure(
        "Latency histogram", f"Of {found.queries:,} queries.{beyond}", spec, values, rows, ("latency", "queries")
    )


def _distribution(found: Thinned, size: float, unit: str, bound: tuple[str, float, float] | None) -> Html:
    # The tail is what is asked about: nines are as far apart as tens.
    values = [
        {"x": max(ns, 1) / size, "y": 1 / max(1 - share, 1e-4)}
        for share, ns in found.steps
        if 1 - share >= 1 / (2 * found.queries)
    ]
    marks: list[dict[str, Any]] = [
        {"x": max(ns, 1) / size, "y": 1 / (1 - percentile / 100), "name": f"p{percentile:g}"}
        for percentile, ns in found.percentiles
    ]
    # Below the curve on the left, above it on the right: there is room.
    middle = math.sqrt(max(found.steps[0][1], 1) * max(found.steps[-1][1], 1)) / size
    sides = [[mark for mark in marks if (mark["x"] > middle) is right] for right in (False, True)]
    axis = {"values": [1, 2, 10, 20, 100, 1000, 10000], "labelExpr": _share_labels()}
    x = {"field": "x", "type": "quantitative", "title": f"latency, {unit}", "scale": _scale(found)}
    y = {"field": "y", "type": "quantitative", "title": "share of queries", "scale": {"type": "log"}, "axis": axis}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "line", "color": "var(--bar)", "interpolate": "step-before"}, "encoding": {"x": x, "y": y}},
        {
            "data": {"values": marks},
            "mark": {"type": "point", "filled": True, "color": "var(--ink)", "size": 36, "opacity": 1},
            "encoding": {"x": x, "y": y},
        },
        *(
            {
                "data": {"values": side},
                "mark": {"type": "text", "align": align, "dx": dx, "dy": dy, "fill": "var(--ink)", "fontSize": 11},
                "encoding": {"x": x, "y": y, "text": {"field": "name"}},
            }
            for side, align, dx, dy in zip(sides, ("left", "right"), (7, -6), (5, -6), strict=True)
        ),
    ]
    known = dict(found.percentiles)
    said = ", ".join(f"p{percentile:g} {duration(known[percentile])}" for percentile in (50, 90, 99)) + "."
    if bound is not None:
        words, percentile, ns = bound
        line = {"x": ns / size, "y": 1 / max(1 - percentile, 1e-4)}
        rule = {"type": "rule", "color": "var(--alert)", "strokeDash": [5, 3]}
        layers += [
            {"data": {"values": [line]}, "mark": rule, "encoding": {"x": x}},
            {"data": {"values": [line]}, "mark": rule, "encoding": {"y": y}},
        ]
        said += f" Dashed: {words}, {duration(ns)}."
    rows = [(f"p{percentile:g}", duration(ns)) for percentile, ns in found.percentiles]
    return _figure("Distribution", said, {"layer": layers}, values, rows, ("share", "latency"))


def _share_labels() -> str:
    named = {1: "0 %", 2: "50 %", 10: "90 %", 20: "95 %", 100: "99 %", 1000: "99.9 %", 10000: "99.99 %"}
    return "".join(f"datum.value == {value} ? '{text}' : " for value, text in named.items()) + "''"


def _over_time(found: Thinned, size: float, unit: str) -> Html:
    values = [
        {
            "t": span.at_s,
            "low": max(span.low_ns, 1) / size,
            "mid": span.median_ns / size,
            "high": min(span.high_ns, found.fence_ns) / size,
        }
        for span in found.spans
        if span.low_ns is not None and span.median_ns is not None and span.high_ns is not None
    ]
    outside = [{"t": one.at_s, "v": one.latency_ns / size} for one in found.outliers]
    x = {"field": "t", **_TIME}
    low = {"field": "low", "type": "quantitative", "title": f"latency, {unit}", "scale": _scale(found)}
    layers = [
        {
            "mark": {"type": "area", "color": "var(--bar)", "opacity": 0.35},
            "encoding": {"x": x, "y": low, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "color": "var(--bar)"}, "encoding": {"x": x, "y": {**low, "field": "mid"}}},
        {
            "data": {"values": outside},
            "mark": {
                "type": "point",
                "filled": True,
                "shape": "diamond",
                "color": "var(--alert)",
                "size": 30,
                "opacity": 1,
            },
            "encoding": {"x": x, "y": {**low, "field": "v"}},
        },
    ]
    said = "The line is the median of each stretch, the band the quickest to the slowest."
    if found.outlier_count:
        some = f", the slowest {len(outside):,} are drawn" if found.outlier_count > len(outside) else ""
        said += f" Diamonds: {found.outlier_count:,} outliers, longer than {duration(found.fence_ns)}{some}."
    else:
        said += f" No outlier: none took longer than {duration(found.fence_ns)}."
    rows = [
        (
            f"{span.at_s:.1f} s",
            *(duration(ns) if ns is not None else "-" for ns in (span.low_ns, span.median_ns, span.high_ns)),
        )
        for span in _some(found.spans)
    ]
    return _figure(
        "Latency over time", said, {"layer": layers}, values, rows, ("time", "quickest", "median", "slowest")
    )


def _throughput(found: Thinned) -> Html:
    values = [{"t": span.at_s, "v": span.per_second} for span in found.spans]
    spec = {
        "mark": {"type": "line", "color": "var(--bar)", "interpolate": "step"},
        "encoding": {
            "x": {"field": "t", **_TIME},
            "y": {"field": "v", "type": "quantitative", "title": "queries/s"},
        },
    }
    rows = [(f"{span.at_s:.1f} s", rate_text(span.per_second)) for span in _some(found.spans)]
    return _figure("Throughput", "Queries that ended, by the second.", spec, values, rows, ("time", "queries/s"))


def bar_chart(title: str, said: str, rows: Sequence[tuple[str, float, str]], unit: str) -> Html:
    """Bars side by side, the longest first.

    Args:
        title: Of the chart.
        said: A sentence below it.
        rows: Name, length, and the length in words.
        unit: What the length counts in.
    """
    values = [{"name": f"{place + 1:03d} {name[:40]}", "v": value} for place, (name, value, _) in enumerate(rows)]
    spec = {
        "height": {"step": 18},
        "mark": {"type": "bar", "color": "var(--bar)"},
        "encoding": {
            "y": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "axis": {"labelExpr": "substring(datum.label, 4)", "labelLimit": 190, "labelOverlap": False},
            },
            "x": {"field": "v", "type": "quantitative", "title": unit},
        },
    }
    return _figure(title, said, spec, values, [(name, words) for name, _, words in rows], ("what", unit), width=200)


def _some(spans: Sequence[Any]) -> Sequence[Any]:
    """Twelve of them, for a table."""
    return spans[:: max(1, len(spans) // 12)]


def _figure(
    title: str,
    said: str,
    spec: Mapping[str, Any],
    values: _Values,
    rows: Sequence[Sequence[Part]],
    head: Sequence[str],
    width: int = _WIDTH,
) -> Html:
    """A chart, and the same as a table: folded away where the chart is drawn."""
    listed = table(f"{title}, as a table", rows, head, numbers=frozenset(range(1, len(head))))
    caption = element("figcaption", element("strong", title), " ", said)
    if not can_draw():
        return element("figure", caption, listed)
    drawn = Html(
        _svg({"width": width, "height": _HEIGHT, **spec, "data": {"values": list(values)}}, f"{title}. {said}")
    )
    folded = element("details", element("summary", f"{title} in numbers"), listed)
    return element("figure", caption, drawn, folded)


def _svg(spec: Mapping[str, Any], said: str) -> str:
    import vl_convert  # the extra `report`

    from harness.html_report.markup import escaped

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "config": _CONFIG, **spec}
    text: str = vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
    # To those who hear it the picture is one sentence; its hundred marks would be read out one by one.
    opening = re.match(r"<svg[^>]*>", text)
    assert opening is not None
    inner = re.sub(r' (?:role|aria-\w+)="[^"]*"', "", text[opening.end() :])
    box = re.search(r'viewBox="([^"]*)"', opening[0])
    view = f' viewBox="{escaped(box[1])}"' if box else ""
    width = view.split()[-2] if box else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{view} style="max-width:{escaped(width)}px" role="img" '
        f'aria-label="{escaped(said)}">{inner}'
    )
