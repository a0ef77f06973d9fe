"""Streaming wake word: is the word said now? MLPerf Tiny's task, on recordings of streams.

A sample is what the model sees at one moment: so many frames of log filter banks (tasks.audio.front_ends.wake_bands), a frame
later at each sample. Whether a word was heard is judged over the whole stream (accuracy.wake_word).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.answers.log import Answer, Answers, LogError, Sample
from accuracy.answers.raw_tensors import unpack_tensor
from accuracy.confidence.interval import Interval, poisson, scaled, wilson
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from accuracy.truth.time_windows import JSON_SUFFIX, Span, read_windows
from accuracy.wake_word import StreamOutcome, judge
from tasks.audio.front_ends import RATE, WAKE_FRAME, WAKE_STEP, wake_bands
from tasks.audio.wav import read_wav, wav_length
from tasks.base import Array, Codec, DataMissing, DataRef, MetricKind, Reading, Task, Tensor
from tasks.codecs.wake_word import WakeWordCodec, WakeWordOptions
from tasks.outputs.exhibits import Exhibition, UInt8Array
from tasks.outputs.sound_exhibits import Moment, exhibit_moments, moments_of_stream, spectrogram
from tasks.pictures.folders import Pictures
from tasks.sets.digests import StoredSamples
from tasks.sets.truth_beside import find_truth

STEP_S = WAKE_STEP / RATE
"""From one sample to the next: what the model has time for."""
_KEPT = 8
_FULL_SCALE = np.float32(32768)
_TRUTH = ("windows.csv", f"*{JSON_SUFFIX}")
_AROUND_S = 1.0
"""Shown before and after a moment."""


class WakeWord(Task):
    """Streams (`.wav`) in a folder or archive, and when the word is said (accuracy.truth.time_windows)."""

    Options = WakeWordOptions
    headline = "hit_rate"
    metrics = ("hit_rate", "false_negatives", "false_positives", "false_positives_per_hour")
    period_s = STEP_S
    counts_scored = True

    @classmethod
    def metric_kinds(cls, options: Mapping[str, Any]) -> tuple[MetricKind, ...]:
        """As `Task.metric_kinds`: a share of words, and counts of errors."""
        del options
        return (MetricKind("hit_rate"), *(MetricKind(name, "count", lower_is_better=True) for name in cls.metrics[1:]))

    def __init__(self, data: DataRef, options: WakeWordOptions) -> None:
        """Finds the streams and counts their samples."""
        self._data, self._options = data, options
        self._streams = _Streams(Pictures.open(data.path, suffixes=(".wav",)), options)
        self._ends = list(accumulate(self._streams.samples(place) for place in range(len(self._streams.names))))
        if data.count is not None and not 1 <= data.count <= self._ends[-1]:
            raise DataMissing(
                f"{data.count} samples are wanted, but {data.path} has {self._ends[-1]}: choose a count of 1 to "
                f"{self._ends[-1]}"
            )
        self._count = data.count or self._ends[-1]

    def __len__(self) -> int:
        """Number of moments."""
        return self._count

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the task to a model of one input of frames and one output of probabilities, which are logged."""
        return WakeWordCodec(self._options, inputs, outputs, self._moment)

    def check_truth(self) -> None:
        """Reads the windows: of these streams, and at least one?"""
        try:
            self._words  # noqa: B018 - reading them is the check
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def score(self, answers: Iterable[Answer]) -> Score:
        """The share of words that were heard, misses and false alarms.

        Raises:
            LogError: An answer without probabilities.
        """
        judged = self._judged(answers)
        hits, misses, alarms = (
            sum(getattr(heard, name) for _, _, heard, _ in judged) for name in ("hits", "misses", "false_alarms")
        )
        hours = sum(end for *_, end in judged) / 3600
        rate = {"hit_rate": hits / (hits + misses)} if hits + misses else {}
        counts = {
            "false_negatives": float(misses),
            "false_positives": float(alarms),
            "false_positives_per_hour": alarms / hours,
        }
        share, heard_wrongly = wilson(hits, hits + misses), poisson(alarms)
        intervals = {
            "false_positives": heard_wrongly,
            "false_positives_per_hour": scaled(heard_wrongly, 1 / hours),
        }
        if share is not None:
            missed = Interval(1 - share.high, 1 - share.low, share.method)
            intervals |= {"false_negatives": scaled(missed, hits + misses)}
        return Score({**rate, **counts}, "words", hits + misses, share, intervals=intervals)

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: words that were missed and false alarms, as pictures of the stream around them."""
        names = self._streams.names
        found: list[Moment] = []
        places = {}
        for place, words, heard, _ in self._judged(answers):
            places[names[place]] = place
            found += moments_of_stream(names[place], words, heard.was_heard, heard.alarms_s)

        def picture(moment: Moment) -> UInt8Array:
            bands = self._streams.bands(places[moment.stream])
            first = max(0, int((moment.start_s - _AROUND_S) / STEP_S))
            return spectrogram(bands[first : max(first + 1, int((moment.end_s + _AROUND_S) / STEP_S))])

        return exhibit_moments(found, most, picture)

    def _judged(self, answers: Iterable[Answer]) -> list[tuple[int, Sequence[Span], StreamOutcome, float]]:
        """(stream, its words, what was heard of them, how far it was asked in s) of each.

        Raises:
            LogError: An answer without probabilities.
        """
        options = self._options
        sure: dict[int, list[float]] = {}
        last: dict[int, float] = {}
        for index, data in answers:
            with Sample(index):
                chance = float(unpack_tensor(data, options.classes)[options.wake_class])
                if not -0.01 <= chance <= 1.01:
                    raise LogError(
                        f"the wake word has the probability {chance:g}: is there no softmax behind the model?"
                    )
            place, moment = self._place(index)
            at = time_of(moment, options)
            last[place] = max(at, last.get(place, 0.0))
            if chance > options.threshold:
                sure.setdefault(place, []).append(at)
        found: list[tuple[int, Sequence[Span], StreamOutcome, float]] = []
        for place, end in last.items():
            # What is said after the last sample was not asked.
            words = [word for word in self._words.get(self._streams.names[place], ()) if word.end_s <= end]
            found.append((place, words, judge(sorted(sure.get(place, [])), words, options.heard_until_s), end))
        return found

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, the streams, and the windows where there are any."""
        try:
            truth: str | None = str(self._truth)
        except DataMissing:
            truth = None
        streams = {"streams": len(self._streams.names), "path": str(self._data.path)}
        return {"count": len(self), **streams, "truth": truth, **self._streams.left_out}

    def stored_samples(self) -> StoredSamples | None:
        """None: each stream holds many samples."""
        return None

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the streams that lie in a folder, and the windows."""
        streams = (
            [self._data.path / name for name in self._streams.names] if self._data.path.is_dir() else [self._data.path]
        )
        found = [path for path in streams if path.is_file()]
        try:
            return (*found, self._truth)
        except DataMissing:
            return found

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._streams.warning

    def chance(self) -> float:
        """As `Task.chance`: what is said seldom is hardly ever hit by guessing."""
        return 0.1

    def readings(self, answers: Answers) -> Iterator[Reading]:
        """As `Task.readings`: each other class as the wake word."""
        del answers
        for wake_class in range(self._options.classes):
            if wake_class != self._options.wake_class:
                yield Reading(
                    f"class {wake_class} as the wake word",
                    f"--set model.wake_class={wake_class} scores it",
                    partial(self._hit_rate, replace(self._options, wake_class=wake_class)),
                )

    def _hit_rate(self, options: WakeWordOptions, answers: Iterable[Answer]) -> float:
        other = copy(self)
        other._options = options
        return other.score(answers).metrics.get("hit_rate", 0.0)

    def _moment(self, index: int) -> Array:
        stream, moment = self._place(index)
        seen: Array = self._streams.bands(stream)[moment : moment + self._options.frames]
        return seen

    def _place(self, index: int) -> tuple[int, int]:
        """The stream of a sample, and the moment in it."""
        stream = bisect_right(self._ends, index)
        return stream, index - (self._ends[stream - 1] if stream else 0)

    @cached_property
    def _truth(self) -> Path:
        return self._data.truth or find_truth(self._data.path, _TRUTH)

    @cached_property
    def _words(self) -> Mapping[str, Sequence[Span]]:
        found = read_windows(self._truth)
        if other := sorted(found.keys() - set(self._streams.names)):
            raise TruthError(f"{self._truth} speaks of {other[0]}, which is not in {self._data.path}")
        if not found:
            raise TruthError(f"{self._truth} has no windows: nothing tells whether a word was heard")
        return found


class _Streams:
    """The filter banks of every stream, the last few kept. Safe to ask from several threads."""

    def __init__(self, files: Pictures, options: WakeWordOptions) -> None:
        self._files, self._options = files, options
        self.names, self.warning, self.left_out = files.names, files.warning(), files.left_out_facts
        self.bands = lru_cache(maxsize=_KEPT)(self._bands)
        """[frames, 40] of a stream by its number, float32."""

    def samples(self, place: int) -> int:
        """How many moments a stream has.

        Raises:
            DataMissing: It is no recording, or shorter than one moment.
        """
        return _moment_count(self.names[place], self._files.read(place), self._options)

    def _bands(self, place: int) -> Array:
        samples = read_wav(self._files.read(place), self.names[place], RATE, convert=self._options.convert)
        return wake_bands(samples / _FULL_SCALE)


def moments_of(name: str, data: bytes, options: WakeWordOptions) -> Iterator[Array]:
    """What the model sees at every moment of a stream, float32 [frames, 40] each.

    Args:
        name: Of the file, for messages.
        data: A WAV's bytes.
        options: Of the task.

    Raises:
        DataMissing: No recording, or shorter than one moment.
    """
    count = _moment_count(name, data, options)
    bands = wake_bands(read_wav(data, name, RATE, convert=options.convert) / _FULL_SCALE)
    for start in range(count):
        yield bands[start : start + options.frames]


def _moment_count(name: str, data: bytes, options: WakeWordOptions) -> int:
    length = wav_length(data, name, RATE)
    count = (length - WAKE_FRAME) // WAKE_STEP + 2 - options.frames
    if count < 1:
        needed = (WAKE_FRAME + (options.frames - 1) * WAKE_STEP) / RATE
        raise DataMissing(f"{name} is too short: it has {length / RATE:.2f} s, and the model sees {needed:.2f} s")
    return count


def time_of(moment: int, options: WakeWordOptions) -> float:
    """When a sample's last frame has ended, in s from the start of the stream."""
    return ((moment + options.frames - 1) * WAKE_STEP + WAKE_FRAME) / RATE
