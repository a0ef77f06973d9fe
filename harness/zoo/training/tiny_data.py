"""What the tiny stand-ins are fitted to: the fit parts of the built-in sets as their models take them. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.zoo.builtin import cifar10, faces, machines, persons, words
from tasks.audio.front_ends import RATE, WAKE_STEP, log_mel, mfcc, wake_bands
from tasks.pictures.pixels.preprocess import WHOLE

Array = npt.NDArray[Any]
YOLO_ANCHORS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "coarse": ((115, 73), (119, 199), (242, 238)),
    "fine": ((12, 18), (37, 49), (52, 132)),
}
"""Width and height of each head's anchors: those that the Efinix model has, though they suit pictures of 320 pixels."""
_WINDOW, _WAKE_FRAMES = 5, 30


class FitData(NamedTuple):
    """Samples and what is wanted of them."""

    inputs: Array
    """float32 [samples, height, width, channels]."""
    wanted: Array
    """Labels int64 [samples], or values float32 [samples, ...]."""


def _pictures() -> FitData:
    labels, made = zip(*cifar10.pictures("fit"), strict=True)
    return FitData(np.stack(made).astype(np.float32), np.array(labels, np.int64))


def _wake_pictures() -> FitData:
    there, made = zip(*persons.wake_words("fit"), strict=True)
    whole = [WHOLE["pillow"](picture, 96, 96) / np.float32(255) for picture in made]
    return FitData(np.stack(whole), np.array(there, np.int64))


def _words() -> FitData:
    labels, made = [], []
    for folder, _, samples in words.words("fit"):
        labels.append(words.FOLDERS.index(folder))
        made.append(mfcc(samples.astype(np.float32))[..., None])
    # As the model's classes have them (tasks.codecs.keyword_spotting.WORDS): the ten words in order, silence, unknown.
    return FitData(np.stack(made), np.array(labels, np.int64))


def _machines() -> FitData:
    windows = []
    for _, samples in machines.recordings("fit"):
        frames = log_mel(samples.astype(np.float32) / 32768)[2:60]
        windows += [frames[start : start + _WINDOW].reshape(1, 1, -1) for start in range(len(frames) - _WINDOW + 1)]
    made = np.stack(windows)
    return FitData(made, made.reshape(len(made), -1))


def _crowds() -> FitData:
    """Wanted: up to three boxes as centre x, centre y, width, height in shares of the picture; zeros for none."""
    made, wanted = [], []
    for picture, boxes in persons.crowds("fit"):
        height, width = picture.shape[:2]
        made.append(WHOLE["mobile"](picture, 96, 96) / np.float32(255))
        rows = np.zeros((3, 4), np.float32)
        for place, (left, top, across, down) in enumerate(boxes):
            rows[place] = (left + across / 2) / width, (top + down / 2) / height, across / width, down / height
        wanted.append(rows)
    return FitData(np.stack(made), np.stack(wanted))


def _faces() -> FitData:
    made, wanted = [], []
    for _, picture, points in faces.faces("fit"):
        height, width = picture.shape[:2]
        made.append(WHOLE["mobile"](picture, 192, 192) / np.float32(255))
        wanted.append((points * np.array([192 / width, 192 / height, 192 / width])).reshape(-1))
    return FitData(np.stack(made), np.stack(wanted).astype(np.float32))


def _wake_words() -> FitData:
    """Classes: 0 the wake word, all of it in the window and just over; 1 silence; 2 anything else. Others are left out."""
    samples, windows = words.stream("fit")
    bands = wake_bands(samples.astype(np.float32) / 32768)
    loud = bands.max(axis=1) > np.median(bands.max(axis=1)) + 0.12
    made, wanted = [], []
    for last in range(_WAKE_FRAMES, len(bands)):
        first = last - _WAKE_FRAMES
        begins, ends = first * WAKE_STEP / RATE, (last + 1) * WAKE_STEP / RATE
        in_window = [(start, end) for start, end in windows if start < ends and end > begins]
        over = [ends - end for start, end in in_window if start >= begins and end <= ends]
        if over and min(over) < 0.16:
            label = 0
        elif in_window:
            continue
        else:
            label = 2 if loud[first:last].any() else 1
        made.append(bands[first:last, None, :])
        wanted.append(label)
    return FitData(np.stack(made), np.array(wanted, np.int64))


FIT_DATA: Mapping[str, Callable[[], FitData]] = {
    "ic_resnet8": _pictures,
    "vww_mobilenet_v1": _wake_pictures,
    "kws_ds_cnn": _words,
    "ad_autoencoder": _machines,
    "yolo_person": _crowds,
    "face_landmark": _faces,
    "sww_wake_word": _wake_words,
}
"""By the stand-in's name."""
