"""Sounds as pictures, for people who look: what a model said of recordings and of moments in a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accuracy.truth.time_windows import Span
from tasks.base import Array
from tasks.outputs.exhibits import Exhibit, Exhibition, UInt8Array

_LOUDEST = 99.0
"""Percentile that is white: a click would leave all else black."""


def spectrogram(bands: Array) -> UInt8Array:
    """A picture of bands over time, low ones below: uint8 [bands, frames, 3], the louder the lighter.

    Args:
        bands: [frames, bands]
    """
    values = np.asarray(bands, np.float64)
    values = np.where(np.isfinite(values), values, 0.0)
    low, high = (np.percentile(values, 100 - _LOUDEST), np.percentile(values, _LOUDEST)) if values.size else (0.0, 1.0)
    shown = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    gray = (255 * shown.T[::-1]).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class ScoredRecording:
    """A recording with its score."""

    name: str
    machine: str
    score: float
    anomalous: bool


def exhibit_recordings(
    recordings: Sequence[ScoredRecording], most: int, picture: Callable[[int], UInt8Array]
) -> Exhibition:
    """The recordings that cost most of the AUC: how many of the other kind, of the same machine, are on the wrong side of each.

    Args:
        recordings: All that were scored.
        most: So many at most.
        picture: Of a recording, by its place.
    """
    right = [_right_side(one, recordings) for one in recordings]
    worst = sorted(range(len(recordings)), key=lambda place: (right[place], place))[:most]
    exhibits = []
    for place in worst:
        one = recordings[place]
        other = "normal recordings score less" if one.anomalous else "anomalies score more"
        exhibits.append(
            Exhibit(
                name=one.name,
                quality=right[place],
                said=f"score {one.score:.4g}; {right[place]:.0%} of this machine's {other}",
                truth="an anomaly" if one.anomalous else "normal",
                picture=picture(place),
            )
        )
    return Exhibition(tuple(exhibits), len(recordings))


def _right_side(one: ScoredRecording, recordings: Sequence[ScoredRecording]) -> float:
    """Its part of the AUC, 0 to 1; 1 where there is nothing to be confused with. A tie counts half, as it does there."""
    others = [each.score for each in recordings if each.machine == one.machine and each.anomalous != one.anomalous]
    if not others:
        return 1.0
    sign = 1 if one.anomalous else -1
    return sum((sign * one.score > sign * other) + 0.5 * (one.score == other) for other in others) / len(others)


@dataclass(frozen=True, slots=True)
class Moment:
    """A word that was said, or was heard where none was."""

    stream: str
    start_s: float
    end_s: float
    said: bool
    """Whether the word was said there."""
    heard: bool


def moments_of_stream(
    stream: str, words: Sequence[Span], hits: Sequence[bool], alarms_s: Sequence[float]
) -> list[Moment]:
    """What happened in a stream.

    Args:
        stream: Its name.
        words: When the word was said.
        hits: Whether each was heard.
        alarms_s: When it was heard though it was not said.
    """
    found = [Moment(stream, word.start_s, word.end_s, True, hit) for word, hit in zip(words, hits, strict=True)]
    return found + [Moment(stream, at, at, False, True) for at in alarms_s]


def exhibit_moments(moments: Sequence[Moment], most: int, picture: Callable[[Moment], UInt8Array]) -> Exhibition:
    """Missed words and false alarms first, then words that were heard.

    Args:
        moments: Of all streams.
        most: So many at most.
        picture: Of a moment and what is around it.
    """
    confused: Mapping[tuple[str, str], int] = {
        pair: count
        for pair, count in (
            (("the word", "nothing"), sum(one.said and not one.heard for one in moments)),
            (("something else", "the word"), sum(not one.said for one in moments)),
        )
        if count
    }
    worst = sorted(moments, key=lambda one: (one.said and one.heard, one.stream, one.start_s))[:most]
    exhibits = tuple(
        Exhibit(
            name=f"{one.stream}, {one.start_s:.2f} s",
            quality=1.0 if one.said and one.heard else 0.0,
            said="heard the word" if one.heard else "heard nothing",
            truth=f"the word is said from {one.start_s:.2f} to {one.end_s:.2f} s" if one.said else "no word is said",
            picture=picture(one),
        )
        for one in worst
    )
    return Exhibition(exhibits, len(moments), confused)
