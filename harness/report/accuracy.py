"""Accuracy as a person reads it: every metric as the field writes it, and the headline's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.results.scores import Card, Margin, Metric
from harness.units import number

_TOP = tuple(f"top{labels}" for labels in range(1, 6))
"""As many labels as an answer holds: two of a model of two classes."""
_PERCENT = frozenset({*_TOP, "miou", "miou_present", "miou_union", "exact_match", "argmax_agreement", "equal_share"})
_ERRORS = frozenset({"max_error", "mean_error", "rmse", "max_steps", "mean_steps", "cosine", "not_finite"})
"""In units of any size, or counts."""
_COUNTS = frozenset({"false_negatives", "false_positives"})
_F1 = frozenset({"f1", "f1_mobile"})
_MAP = frozenset({"coco_ap", "tflite_map", "voc_map50"})


def metric(name: str, value: float) -> str:
    """A metric as the field writes it: 76.19 %, 0.244 mAP, 90.0 F1, 33.58 dB."""
    return f"{_number(name, value)} {_unit(name)}".rstrip()


def exact_metric(name: str, value: float) -> str:
    """A metric with more digits, for comparing scores: 92.1956 where the field writes 92.2 F1."""
    if name in _F1 or name == "exact_match":
        return number(value * 100, 4)
    if name in _PERCENT:
        return f"{number(value * 100, 2)} %"
    if name.endswith("_db"):
        return f"{number(value, 2)} dB"
    return f"{value:g}" if name in _COUNTS else number(value, 4)


def accuracy_rows(accuracy: Mapping[str, Metric], card: Card | None) -> list[tuple[str, str]]:
    """The headline and its card, then the other metrics.

    Args:
        accuracy: Metrics by name.
        card: The headline's, None where there is none.
    """
    whole = {name: found for name, found in accuracy.items() if "." not in name}
    by_output = rows_by_output(accuracy)
    if card is None:
        return [*((name, metric(name, found.value)) for name, found in whole.items()), *by_output]
    rows = [(card.metric, _headline(card))]
    rows += [("target", text) for text in _targets(card)]
    if card.margin:
        rows.append(("margin", _margin(card, card.margin)))
    rows += [("", remark) for remark in card.remarks]
    rows += [(name, _beside_its_target(name, found)) for name, found in whole.items() if name != card.metric]
    rows += by_output
    return rows + [("note", note) for note in card.notes]


def rows_by_output(accuracy: Mapping[str, Metric]) -> list[tuple[str, str]]:
    """Metrics that are given for each output, as `max_error.scores`, a row an output.

    Those of an only output are those of the whole, and need none.
    """
    outputs: dict[str, list[str]] = {}
    for name, found in accuracy.items():
        whole, dot, output = name.partition(".")
        if dot:
            outputs.setdefault(output, []).append(f"{whole} {metric(name, found.value)}")
    return [] if len(outputs) < 2 else [("output", f"{name}: {', '.join(texts)}") for name, texts in outputs.items()]


def accuracy_text(rows: Sequence[tuple[str, str]]) -> str:
    """Rows as lines, the values below each other."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {text}" for name, text in rows)


def _headline(card: Card) -> str:
    name, interval = card.metric, card.interval
    how_many = f"{card.count:,} {card.unit}"
    if interval is None:
        return f"{metric(name, card.value)} ({how_many})"
    low, high = _number(name, interval.low), _number(name, interval.high)
    confidence = f"{interval.confidence * 100:g} %"
    return f"{metric(name, card.value)} ({confidence} confidence: {low} to {high}; {interval.method}, {how_many})"


def _beside_its_target(name: str, found: Metric) -> str:
    if found.target is None:
        return metric(name, found.value)
    verdict = {True: ", passed", False: ", MISSED", None: ""}[found.passed]
    return f"{metric(name, found.value)} (target {_target(name, found.target)}{verdict})"


def _targets(card: Card) -> list[str]:
    name = card.metric
    lines = []
    if target := card.target:
        where = f"{card.round}: " if card.round else ""
        lines.append(f"{_target(name, target.value)} ({where}{target.source})")
    return lines + [
        f"{_target(name, score.value)} is a published score, no floor ({score.source})" for score in card.published
    ]


def _target(name: str, value: float) -> str:
    # Floors of the rules have two digits more than scores of F1 are written with.
    return f"{value * 100:.2f} F1" if name in _F1 else f"{value:.4g} mAP" if name in _MAP else metric(name, value)


def _margin(card: Card, margin: Margin) -> str:
    points, samples = margin.points, margin.samples
    verdict = {True: "passed: ", False: "MISSED: ", None: ""}[card.passed]
    text = (
        f"{verdict}{'+' if points >= 0 else ''}{number(points, 2)} {'dB' if card.metric.endswith('_db') else 'points'}"
    )
    if samples is None:
        return text
    return f"{text}, {samples:,} more may be lost" if samples >= 0 else f"{text}, {-samples:,} more must be won"


def _number(name: str, value: float) -> str:
    if whole_name(name) in _PERCENT:
        return number(value * 100, 2)
    if name in _F1:
        return number(value * 100, 1)
    if whole_name(name) in _ERRORS:
        return f"{value:.4g}"
    if name in _COUNTS:
        return f"{value:g}"
    return number(value, 2 if whole_name(name).endswith("_db") else 3)


def whole_name(name: str) -> str:
    """A metric's name without the output that it is of."""
    return name.partition(".")[0]


def _unit(name: str) -> str:
    if whole_name(name) in _PERCENT:
        return "%"
    if name in _F1:
        return "F1"
    if name in _MAP:
        return "mAP"
    return "dB" if whole_name(name).endswith("_db") else ""
