"""The streaming wake word: moments of a stream, hits, misses and false alarms, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accuracy.answers.log import Answer, LogError
from accuracy.answers.raw_tensors import tensor_header
from accuracy.truth.time_windows import Span
from accuracy.wake_word import StreamOutcome, judge
from backends.base import TensorSpec
from tasks.audio.front_ends import wake_bands
from tasks.audio.wav import wav_bytes
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.wake_word import WakeWordOptions
from tasks.wake_word import STEP_S, WakeWord

FRAMES = TensorSpec("frames", (1, 30, 1, 40), np.dtype(np.float32))
SCORES = TensorSpec("scores", (1, 3), np.dtype(np.float32))
SECONDS = 6
SAMPLES = np.random.default_rng(0).integers(-2000, 2000, SECONDS * 16000).astype(np.int16)


def stream_set(folder: Path, windows: str = "s.wav,2,3\ns.wav,4,5\n") -> Path:
    (folder / "s.wav").write_bytes(wav_bytes(SAMPLES, 16000))
    (folder / "windows.csv").write_text("file,start_s,end_s\n" + windows)
    return folder


def task_of(folder: Path, count: int | None = None, **options: Any) -> WakeWord:
    return WakeWord(DataRef(folder, None, count), WakeWordOptions(**options))


def answers(task: WakeWord, *sure_s: float) -> list[Answer]:
    """Of a model that is sure at these times and not at others."""
    first = 29 * STEP_S + 0.064
    sure = {round((at - first) / STEP_S) for at in sure_s}
    header = tensor_header("float32", 0.0, 0)
    return [
        Answer(index, header + np.array([0.99 if index in sure else 0.1, 0, 0], "<f4").tobytes())
        for index in range(len(task))
    ]


@pytest.mark.parametrize(
    ("detected", "wanted"),
    [
        ([], StreamOutcome((False, False), ())),
        ([2.0, 4.9], StreamOutcome((True, True), ())),
        ([3.5, 5.6], StreamOutcome((True, True), ())),  # up to a second after the end
        ([6.1, 6.5, 7.2], StreamOutcome((False, False), (6.1, 7.2))),  # one alarm a second
        ([1.9], StreamOutcome((False, False), (1.9,))),
    ],
)
def test_words_are_heard_till_a_second_after_and_alarms_are_debounced(
    detected: list[float], wanted: StreamOutcome
) -> None:
    assert judge(detected, [Span(2, 3), Span(4, 5)]) == wanted


def test_the_references_own_evaluation_hears_a_word_for_half_a_second_and_excuses_alarms_for_one() -> None:
    # Half a second late, and too late to be heard but no false alarm.
    assert judge([3.5, 5.6], [Span(2, 3), Span(4, 5)], 0.5) == StreamOutcome((True, False), ())
    assert judge([6.5], [Span(4, 5)], 2.0) == StreamOutcome((True,), ())


def test_a_streams_score_is_of_all_its_words_and_of_as_much_of_it_as_was_asked(tmp_path: Path) -> None:
    task = task_of(stream_set(tmp_path))
    task.check_truth()
    found = task.score(answers(task, 2.5, 1.2))
    assert (found["hit_rate"], found["false_negatives"], found["false_positives"]) == (0.5, 1, 1)
    assert found["false_positives_per_hour"] == pytest.approx(3600 / SECONDS, rel=0.02)
    part = task_of(tmp_path, count=80)  # till 3.5 s: the second word was not asked
    assert part.score(answers(part, 2.5))["hit_rate"] == 1


def test_missed_words_and_false_alarms_are_shown_first_with_the_sound_around_them(tmp_path: Path) -> None:
    task = task_of(stream_set(tmp_path))
    found = task.exhibits(answers(task, 2.5, 1.2), 2)
    assert [one.quality for one in found.exhibits] == [0.0, 0.0]
    assert (found.exhibits[0].said, found.exhibits[0].truth) == ("heard the word", "no word is said")
    assert (found.exhibits[1].said, found.exhibits[1].truth) == (
        "heard nothing",
        "the word is said from 4.00 to 5.00 s",
    )
    assert found.judged == 3
    assert found.confused == {("the word", "nothing"): 1, ("something else", "the word"): 1}
    assert all(one.picture is not None and one.picture.shape[::2] == (40, 3) for one in found.exhibits)


def test_a_sample_is_thirty_frames_a_frame_later_each_time_and_int8_is_cut(tmp_path: Path) -> None:
    task = task_of(stream_set(tmp_path))
    bands = wake_bands(SAMPLES / np.float32(32768))
    assert len(task) == len(bands) - 29
    (seen,) = task.codec([FRAMES], [SCORES]).preprocess(7)
    assert (seen[0, :, 0] == bands[7:37]).all()
    quantised = TensorSpec("frames", (1, 30, 1, 40), np.dtype(np.int8), 0.0037010426, -128)
    (cut,) = task.codec([quantised], [SCORES]).preprocess(7)
    assert (cut[0, :, 0] == np.trunc(bands[7:37] / quantised.scale - 128)).all()


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ("t.wav,1,2\n", "speaks of t.wav, which is not in"),
        ("", "no windows"),
        ("s.wav,2,1\n", "line 2 is 's.wav,2,1'"),
        ("s.wav,1,3\ns.wav,2,4\n", "overlap, at 2 s"),
        ("s.wav,1\n", "line 2 is 's.wav,1'"),
    ],
)
def test_windows_that_do_not_fit_are_refused(tmp_path: Path, windows: str, said: str) -> None:
    with pytest.raises(DataMissing, match=said.replace(".", r"\.")):
        task_of(stream_set(tmp_path, windows)).check_truth()


def test_windows_may_be_in_mlperf_tinys_own_form(tmp_path: Path) -> None:
    stream_set(tmp_path)
    (tmp_path / "windows.csv").unlink()
    windows = tmp_path / "s_ww_windows.json"
    windows.write_text("[[2, 3], [4.0, 5.0]]", encoding="ascii")
    task = task_of(tmp_path)
    task.check_truth()
    assert task.score(answers(task, 2.5))["hit_rate"] == 0.5
    for text, said in (
        ("[[2]]", r"window 1 is \[2\]"),
        ("{}", "window 1 is {}"),
        ("[[3, 2]]", "window 1"),
        ("[", "no list"),
    ):
        windows.write_text(text, encoding="ascii")
        with pytest.raises(DataMissing, match=said):
            task_of(tmp_path).check_truth()


def test_a_stream_shorter_than_a_moment_and_a_model_of_something_else_are_refused(tmp_path: Path) -> None:
    stream_set(tmp_path)
    with pytest.raises(ModelMismatch, match="30 frames of 40 bands"):
        task_of(tmp_path).codec([TensorSpec("x", (1, 49, 10, 1), np.dtype(np.int8))], [SCORES])
    task = task_of(tmp_path)
    with pytest.raises(LogError, match="has the probability 7: is there no softmax"):
        task.score([Answer(0, tensor_header("float32", 0.0, 0) + np.array([7, 0, 0], "<f4").tobytes())])
    (tmp_path / "s.wav").write_bytes(wav_bytes(SAMPLES[:9000], 16000))
    with pytest.raises(DataMissing, match=r"is too short: it has 0\.56 s, and the model sees 0\.99 s"):
        task_of(tmp_path)


def test_streams_in_another_format_are_said_and_another_class_is_tried_as_the_wake_word(tmp_path: Path) -> None:
    (stream_set(tmp_path) / "t.flac").write_bytes(b"")
    task = task_of(tmp_path, wake_class=1)
    assert "1 .flac" in task.warnings()[0]
    heard = answers(task, 2.5, 4.5)
    assert task.score(heard)["hit_rate"] == 0 <= task.chance()
    found = {reading.meaning: reading.score(heard) for reading in task.readings(list)}
    assert found == {"--set model.wake_class=0 scores it": 1.0, "--set model.wake_class=2 scores it": 0.0}
