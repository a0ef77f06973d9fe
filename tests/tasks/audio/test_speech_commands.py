"""Recordings of words: Speech Commands' folders and lists, and the front end through the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import TensorSpec
from tasks.audio.wav import wav_bytes
from tasks.base import DataMissing, DataRef
from tasks.codecs.keyword_spotting import WORDS, KeywordSpottingOptions
from tasks.keyword_spotting import KeywordSpotting

INT8 = TensorSpec("features", (1, 49, 10, 1), np.dtype(np.int8), 0.5847029089927673, 83)
FLOAT = TensorSpec("features", (1, 49, 10, 1), np.dtype(np.float32))
SCORES = TensorSpec("scores", (1, 12), np.dtype(np.int8))


def recording(seed: int, rate: int = 16000) -> bytes:
    return wav_bytes(np.random.default_rng(seed).integers(-9000, 9000, rate).astype(np.int16), rate)


def word_set(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(recording(seed))
    return folder


def task_of(folder: Path, count: int | None = None, **options: Any) -> KeywordSpotting:
    return KeywordSpotting(DataRef(folder, None, count), KeywordSpottingOptions(**options))


def test_folders_are_words_others_are_unknown_and_the_background_is_none(tmp_path: Path) -> None:
    names = ("_background_noise_/hum.wav", "bed/a.wav", "no/a.wav", "yes/a.wav", "_silence_/b.wav", "_unknown_/b.wav")
    task = task_of(word_set(tmp_path, *names))
    task.check_truth()
    told = {name: WORDS[label] for name, label in zip(task._files.names, task._labels, strict=True)}
    assert told == {
        "_silence_/b.wav": "silence",
        "_unknown_/b.wav": "unknown",
        "bed/a.wav": "unknown",
        "no/a.wav": "no",
        "yes/a.wav": "yes",
    }


def test_the_testing_list_chooses_and_must_name_what_is_there(tmp_path: Path) -> None:
    word_set(tmp_path, "no/a.wav", "no/b.wav", "yes/a.wav")
    (tmp_path / "testing_list.txt").write_text("yes/a.wav\nno/b.wav\n")
    assert task_of(tmp_path)._files.names == ("yes/a.wav", "no/b.wav")
    assert len(task_of(tmp_path, count=1)) == 1
    (tmp_path / "testing_list.txt").write_text("yes/c.wav\n")
    with pytest.raises(DataMissing, match=r"names 1 recordings that are not there: yes/c\.wav"):
        task_of(tmp_path)
    (tmp_path / "testing_list.txt").write_text("")
    with pytest.raises(DataMissing, match="it is empty"):
        task_of(tmp_path)


def test_a_float_model_takes_the_features_and_an_int8_model_the_same_cut_to_its_steps(tmp_path: Path) -> None:
    task = task_of(word_set(tmp_path, "no/a.wav", "yes/a.wav"))
    (floats,) = task.codec([FLOAT], [SCORES]).preprocess(0)
    (steps,) = task.codec([INT8], [SCORES]).preprocess(0)
    assert floats.shape == steps.shape == (1, 49, 10, 1)
    assert (steps == np.trunc(floats / INT8.scale + 83).astype(np.int64).astype(np.int8)).all()


def test_another_rate_is_refused_or_converted_as_asked(tmp_path: Path) -> None:
    word_set(tmp_path, "no/a.wav", "yes/a.wav")
    (tmp_path / "no" / "a.wav").write_bytes(recording(0, rate=8000))
    with pytest.raises(DataMissing, match=r"no/a\.wav is 16-bit PCM, 1 channel, 8000 Hz"):
        task_of(tmp_path).codec([INT8], [SCORES]).preprocess(0)
    task_of(tmp_path, convert=True).codec([INT8], [SCORES]).preprocess(0)


def test_silence_to_the_bit_has_features_that_are_numbers(tmp_path: Path) -> None:
    word_set(tmp_path, "no/a.wav", "yes/a.wav")
    (tmp_path / "no" / "a.wav").write_bytes(wav_bytes(np.zeros(16000, np.int16), 16000))
    (floats,) = task_of(tmp_path).codec([FLOAT], [SCORES]).preprocess(0)
    assert np.isfinite(floats).all()
