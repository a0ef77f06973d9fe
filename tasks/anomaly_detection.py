"""Anomaly detection: does a machine sound as it should? MLPerf Tiny's task on ToyADMOS.

A sample is a window of frames. The model gives the window back as it would be if the machine were well; how far it is off,
averaged over a recording's windows, is the recording's score (TI benchmark/training/anomaly_detection/01_test.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from accuracy.answers.log import Answer, Answers, LogError, Sample
from accuracy.answers.raw_tensors import unpack_tensor
from accuracy.auc import auc, partial_auc
from accuracy.confidence.auc_bootstrap import bootstrap_mean_auc, redrawn_auc
from accuracy.metric.score import Score
from accuracy.outside.shown import some
from tasks.audio.front_ends import LOG_MEL_BANDS, RATE, log_mel, log_mel_frames
from tasks.audio.machine_sounds import LABELS, SUFFIXES, Recording, find_recordings, left_out
from tasks.audio.wav import is_wav, read_wav, wav_length
from tasks.base import Array, Codec, DataMissing, DataRef, Reading, Task, Tensor
from tasks.codecs.anomaly_detection import AnomalyCodec, AnomalyDetectionOptions
from tasks.outputs.exhibits import Exhibition
from tasks.outputs.sound_exhibits import ScoredRecording, exhibit_recordings, spectrogram

_KEPT = 64
"""Recordings whose features are kept: neighbouring windows are of one."""
_LOUDEST_DB = 1000.0
_TRANSPOSED = 3.0
_ALIKE_DB = 3.0
_FULL_SCALE = np.float32(32768)
_ONE_KIND = "the AUC compares normal recordings with anomalies, and {} has {} alone"
_BOTH = ". Name a set with both, or leave out --mode accuracy"


class AnomalyDetection(Task):
    """WAV recordings or feature files, whose names or folders say what is normal (tasks.audio.machine_sounds)."""

    Options = AnomalyDetectionOptions
    headline = "auc"
    metrics = ("auc", "pauc", "auc_pooled", "pauc_pooled")
    counts_scored = True
    lists = MappingProxyType({"anomaly_score": "anomaly_score.csv"})

    def __init__(self, data: DataRef, options: AnomalyDetectionOptions) -> None:
        """Finds the recordings and counts their windows."""
        self._data, self._options = data, options
        self._recordings = find_recordings(data.path)
        self._left_out = left_out(data.path, self._recordings)
        self._features = _Features(self._recordings, options)
        counts = [self._features.windows(place) for place in range(len(self._recordings))]
        self._ends = list(accumulate(counts))
        if data.count is not None and not 1 <= data.count <= self._ends[-1]:
            most = self._ends[-1]
            raise DataMissing(
                f"{data.count} windows are wanted, but {data.path} has {most}: choose a count of 1 to {most}"
            )
        self._count = data.count or self._ends[-1]

    def __len__(self) -> int:
        """Number of windows."""
        return self._count

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the task to a model that gives a window back; what it gives is logged."""
        return AnomalyCodec(self._options.window, inputs, outputs, self._window)

    def check_truth(self) -> None:
        """Whether every recording is known as normal or an anomaly, and there are both."""
        used = self._used()
        if unknown := [each.name for each in self._recordings if each.anomalous is None]:
            raise DataMissing(
                f"nothing says whether {len(unknown)} recordings of {self._data.path} are normal: {some(unknown)}. Names open "
                "with normal_ or anomaly_, or y_labels.csv lies beside them"
            )
        if len(kinds := {each.anomalous for each in used}) < 2:
            which = "anomalies" if 1 in kinds else "normal recordings"
            cut = "" if len(used) == len(self._recordings) else f" in its first {self._count} windows"
            raise DataMissing(_ONE_KIND.format(f"{self._data.path}{cut}", which) + _BOTH)

    def score(self, answers: Iterable[Answer]) -> Score:
        """AUC and partial AUC: the mean over the machines, and of all recordings together.

        Raises:
            LogError: An answer that holds no window.
        """
        self.check_truth()
        scores = self._scores(answers)
        used = self._used()
        values = np.array([scores[each.name] for each in used])
        kinds = np.array([each.anomalous for each in used], np.int64)
        whole, partial, notes, groups = {}, {}, [], []
        for machine in sorted({each.machine for each in used}):
            mine = np.array([each.machine == machine for each in used])
            if len(set(kinds[mine].tolist())) < 2:
                notes.append(f"{machine} is in no mean: {_ONE_KIND.format('it', 'one kind')}")
                continue
            groups.append(np.flatnonzero(mine))
            whole[machine], partial[machine] = auc(values[mine], kinds[mine]), partial_auc(values[mine], kinds[mine])
        pooled = {"auc_pooled": auc(values, kinds), "pauc_pooled": partial_auc(values, kinds)}
        means = (
            {"auc": float(np.mean(list(whole.values()))), "pauc": float(np.mean(list(partial.values())))}
            if whole
            else {}
        )
        details = {"auc_by_machine": whole, "pauc_by_machine": partial, "anomaly_score": scores}
        interval = bootstrap_mean_auc(values, kinds, groups)
        return Score(
            {**means, **pooled},
            "recordings",
            len(used),
            interval,
            redrawn=redrawn_auc(values, kinds, groups),
            notes=tuple(notes),
            details=details,
        )

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the recordings that cost most of the AUC, as pictures of their features."""
        self.check_truth()
        scores = self._scores(answers)
        places = [place for place, each in enumerate(self._used()) if each.name in scores]
        used = [self._recordings[place] for place in places]
        heard = [ScoredRecording(each.name, each.machine, scores[each.name], bool(each.anomalous)) for each in used]
        return exhibit_recordings(heard, most, lambda at: spectrogram(self._features.frames(places[at])))

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, the recordings and where they lie."""
        kinds = [each.anomalous for each in self._used()]
        return {
            "count": len(self),
            "recordings": len(kinds),
            "normal": kinds.count(0),
            "anomalous": kinds.count(1),
            "path": str(self._data.path),
            "order": "file names, windows in time",
            **({"left_out": dict(self._left_out)} if self._left_out else {}),
        }

    def chance(self) -> float:
        """As `Task.chance`: guessing has 0.5."""
        return 0.55

    def readings(self, answers: Answers) -> Iterator[Reading]:
        """As `Task.readings`: normal recordings for anomalies."""
        yield Reading(
            "normal and anomalous exchanged",
            f"the names or {LABELS} call 1 what is normal: 0 is normal and 1 an anomaly",
            lambda _: 1 - self.score(answers()).metrics.get("auc", 1.0),
        )

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        if not self._left_out:
            return ()
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in self._left_out.items())
        total = sum(self._left_out.values())
        return (
            f"{total:,} files of {self._data.path} are not read and not scored ({kinds}): what is read is "
            f"{', '.join(SUFFIXES)}. Convert or remove them",
        )

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the recordings, each of which holds many samples."""
        return list(dict.fromkeys(each.path for each in self._used()))

    def _window(self, index: int) -> Array:
        return self._features.window(*self._place(index))

    def _place(self, index: int) -> tuple[int, int]:
        """The recording of a sample, and the window in it."""
        recording = bisect_right(self._ends, index)
        return recording, index - (self._ends[recording - 1] if recording else 0)

    def _used(self) -> Sequence[Recording]:
        return self._recordings[: self._place(self._count - 1)[0] + 1]

    def _scores(self, answers: Iterable[Answer]) -> dict[str, float]:
        """Recording -> the mean over its windows of the mean squared error, of the features before they were quantised."""
        sums, counts = np.zeros(len(self._recordings)), np.zeros(len(self._recordings), np.int64)
        for index, data in answers:
            place, window = self._place(index)
            with Sample(index):
                wanted = self._features.window(place, window)
                found = unpack_tensor(data, wanted.size)
            sums[place] += float(np.mean(np.square(wanted - found), dtype=np.float64))
            counts[place] += 1
        if not counts.any():
            raise LogError("the log holds no answers")
        return {each.name: float(sums[at] / counts[at]) for at, each in enumerate(self._recordings) if counts[at]}


class _Features:
    """The features of every recording, the last few kept. Safe to ask from several threads."""

    def __init__(self, recordings: Sequence[Recording], options: AnomalyDetectionOptions) -> None:
        self._recordings, self._options = recordings, options
        self.window_frames = options.window
        self.frames = lru_cache(maxsize=_KEPT)(self._frames)
        """[frames, 128] of a recording by its number, float32."""

    def windows(self, place: int) -> int:
        """How many windows a recording has.

        Raises:
            DataMissing: Not a whole one, or it cannot be read.
        """
        name = self._recordings[place].name
        return _frame_count(name, self._recordings[place].read(), self._options) - self.window_frames + 1

    def window(self, place: int, number: int) -> Array:
        """One window, frame behind frame, float32 [window * 128]."""
        made: Array = self.frames(place)[number : number + self.window_frames].reshape(-1)
        return made

    def _frames(self, place: int) -> Array:
        name = self._recordings[place].name
        return frames_of(name, self._recordings[place].read(), self._options)


def frames_of(name: str, data: bytes, options: AnomalyDetectionOptions) -> Array:
    """The features of a recording that count, float32 [frames, 128].

    Args:
        name: Of the file, for messages.
        data: Its bytes, a WAV's or a feature file's.
        options: Of the task.

    Raises:
        DataMissing: Neither, or fewer frames than a window has.
    """
    _frame_count(name, data, options)
    if not _is_recording(name, data):
        return np.frombuffer(data, "<f4").reshape(-1, LOG_MEL_BANDS)
    made = log_mel(read_wav(data, name, RATE, convert=options.convert) / _FULL_SCALE)[options.first_frame :]
    return made if options.frame_count is None else made[: options.frame_count]


def windows_of(name: str, data: bytes, options: AnomalyDetectionOptions) -> Iterator[Array]:
    """The windows of a recording, float32 [window * 128] each. As `frames_of`."""
    frames = frames_of(name, data, options)
    for start in range(len(frames) - options.window + 1):
        yield frames[start : start + options.window].reshape(-1)


def _is_recording(name: str, data: bytes) -> bool:
    return is_wav(data) or name.lower().endswith(".wav")


def _frame_count(name: str, data: bytes, options: AnomalyDetectionOptions) -> int:
    """Of the frames that count, from the header alone."""
    if is_recording := _is_recording(name, data):
        there = log_mel_frames(wav_length(data, name, RATE)) - options.first_frame
        count = there if options.frame_count is None else min(there, options.frame_count)
    else:
        count = _feature_frames(data, name)
    if count < options.window:
        skipped = f" behind the first {options.first_frame}" if is_recording else ""
        raise DataMissing(
            f"{name} is too short: it has {max(0, count)} frames of 32 ms{skipped}, and a window needs {options.window}. "
            "Take it away, or set dataset.first_frame"
        )
    return count


def _feature_frames(data: bytes, name: str) -> int:
    """The frames of a feature file."""
    row = 4 * LOG_MEL_BANDS
    if not data or len(data) % row:
        raise DataMissing(
            f"{name} has {len(data)} bytes, which is no whole number of frames of {LOG_MEL_BANDS} float32"
        )
    if what := _why_no_log_mel(np.frombuffer(data, "<f4")):
        raise DataMissing(f"{name} {what}: a feature file is float32 [frames, {LOG_MEL_BANDS}], in dB")
    return len(data) // row


def _why_no_log_mel(values: Array) -> str | None:
    """What speaks against values of a feature file; None for nothing.

    Bands differ much in loudness and frames little. Of MLPerf Tiny's recordings the means of the bands vary by 11 dB and those
    of runs as long as a band would be if the file were transposed by 2; written transposed it is 0.2 and 11.
    """
    if not np.isfinite(values).all():
        return "holds values that are no numbers"
    most = float(np.abs(values).max())
    if most > _LOUDEST_DB:
        return f"holds {most:.3g}, which is no loudness: is it of another type, such as float64 or float16?"
    by_band = float(values.reshape(-1, LOG_MEL_BANDS).mean(axis=0).std())
    across = float(values.reshape(LOG_MEL_BANDS, -1).mean(axis=1).std())
    if by_band < _ALIKE_DB < across and across > _TRANSPOSED * by_band:
        return f"looks transposed, {LOG_MEL_BANDS} rows of {len(values) // LOG_MEL_BANDS}"
    return None
