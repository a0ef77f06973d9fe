"""Built-in sets of words that no one speaks: twelve classes in Speech Commands' folders, and a stream with a wake word.

A word is two syllables, each a voice whose pitch glides through a figure of its own. A mistake must show: words come in pairs
that are each other backwards in time, or differ by pitch alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance
from harness.zoo.builtin.tones import RATE, glide, noise, to_int16, varied_pitches
from tasks.audio.wav import wav_bytes

Part = Literal["fit", "test"]
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
FOLDERS = (*WORDS, "_silence_", "_unknown_")
COUNTS: dict[Part, int] = {"fit": 60, "test": 8}
"""Recordings of each folder."""
_FIGURES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "down": ((700, 250), (250, 250)),
    "up": ((250, 250), (250, 700)),
    "go": ((300, 300), (900, 900)),
    "no": ((900, 900), (300, 300)),
    "left": ((400, 800, 400), (400, 400)),
    "right": ((400, 400), (400, 800, 400)),
    "off": ((1200, 1500), (1200, 1500)),
    "on": ((1500, 1200), (1500, 1200)),
    "stop": ((1800, 1800), (1800, 1800)),
    "yes": ((600, 1800), (1800, 600)),
}
_OTHERS = (
    ((2200, 500), (2200, 500)),
    ((500, 500), (2400, 2400)),
    ((800, 2400, 800), (250, 600)),
    ((220, 220), (220, 220)),
)
"""What is unknown."""
WAKE_WORD = ((350, 1100, 350), (1100, 1100))
_DISTRACTORS = (*_FIGURES.values(), *_OTHERS)
STREAM_SECONDS: dict[Part, int] = {"fit": 900, "test": 60}
_EVERY_S = 3.0
"""One word in the stream, on average."""


def spoken(figure: tuple[tuple[float, ...], tuple[float, ...]], chance: Chance) -> Array:
    """A word of 0.5 to 0.75 s, float64 in -1 to 1."""
    strengths = [chance.between(0.7, 1), chance.between(0.4, 0.7), chance.between(0.1, 0.4)]
    syllables = [
        glide(varied_pitches(pitches, chance, 0.06), int(chance.between(0.23, 0.34) * RATE), strengths)
        for pitches in figure
    ]
    gap = np.zeros(int(chance.between(0.02, 0.06) * RATE))
    return np.concatenate([syllables[0], gap, syllables[1]])


def word(folder: str, chance: Chance) -> Array:
    """One second, int16 [16000]: a word somewhere in it, over noise."""
    background = noise(chance.key, RATE).astype(np.float64) * chance.between(0.002, 0.012)
    if folder == "_silence_":
        return to_int16(background * chance.between(1, 6))
    figure = _OTHERS[chance.integer(0, len(_OTHERS) - 1)] if folder == "_unknown_" else _FIGURES[folder]
    made = spoken(figure, chance) * chance.between(0.2, 0.8)
    start = chance.integer(0, RATE - len(made) - 1)
    background[start : start + len(made)] += made
    return to_int16(background)


def words(part: Part) -> Iterator[tuple[str, str, Array]]:
    """Folder, file name and samples of every recording of a part."""
    for number in range(COUNTS[part]):
        for folder in FOLDERS:
            chance = Chance(f"words/{part}/{folder}/{number}")
            yield folder, f"{number:08x}_nohash_0.wav", word(folder, chance)


def write_builtin_words(folder: Path, part: Part = "test") -> None:
    """Writes a folder a word, as Speech Commands' test archive has them.

    Raises:
        OSError: The folder cannot be written.
    """
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, file, samples in words(part):
        (folder / name / file).write_bytes(wav_bytes(samples, RATE))


def stream(part: Part) -> tuple[Array, list[tuple[float, float]]]:
    """A stream, int16, and from when to when (s) the wake word is in it; other words between."""
    chance = Chance(f"words/stream/{part}")
    count = STREAM_SECONDS[part] * RATE
    made = noise(chance.key, count).astype(np.float64) * 0.006
    windows: list[tuple[float, float]] = []
    place = RATE
    while True:
        is_wake_word = chance.between(0, 1) < 0.4
        figure = WAKE_WORD if is_wake_word else chance.pick(_DISTRACTORS)
        said = spoken(figure, chance) * chance.between(0.25, 0.8)
        if place + len(said) + RATE > count:
            return to_int16(made), windows
        made[place : place + len(said)] += said
        if is_wake_word:
            windows.append((place / RATE, (place + len(said)) / RATE))
        place += len(said) + int(chance.between(0.6, 1.4) * (_EVERY_S - 0.6) * RATE)


def write_builtin_wake_word(folder: Path, part: Part = "test") -> None:
    """Writes stream.wav and windows.csv.

    Raises:
        OSError: The folder cannot be written.
    """
    samples, windows = stream(part)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stream.wav").write_bytes(wav_bytes(samples, RATE))
    lines = ["file,start_s,end_s\n", *(f"stream.wav,{start:.4f},{end:.4f}\n" for start, end in windows)]
    (folder / "windows.csv").write_text("".join(lines), encoding="ascii", newline="\n")
