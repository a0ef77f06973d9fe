"""Procedural sounds: voices of gliding harmonics, noise. The same samples for the same seed, but for the last bit of a sine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance
from harness.zoo.graph.noise import normal_noise

RATE = 16000
"""Samples a second."""


def glide(frequencies: Sequence[float], count: int, harmonics: Sequence[float]) -> Array:
    """A voice whose pitch goes through these frequencies (Hz) in equal steps of time, float64 [count] in about -1 to 1.

    Args:
        frequencies: At least two.
        count: Of samples.
        harmonics: The strength of each multiple of the pitch, the first is the pitch itself.
    """
    places = np.linspace(0, len(frequencies) - 1, count)
    pitch = np.interp(places, np.arange(len(frequencies)), np.asarray(frequencies, np.float64))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    made: Array = np.zeros(count)
    for number, strength in enumerate(harmonics, 1):
        made += strength * np.sin(number * phase)
    rise = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.02 * RATE))
    made *= rise / sum(harmonics)
    return made


def noise(key: str, count: int) -> Array:
    """White noise of variance 1, float32 [count]."""
    return normal_noise(f"sound/{key}", (count,))


def to_int16(samples: Array) -> Array:
    """Samples of -1 to 1 as int16."""
    whole: Array = np.clip(np.rint(samples * 32767), -32768, 32767)
    return whole.astype(np.int16)


def varied_pitches(frequencies: Sequence[float], chance: Chance, spread: float) -> list[float]:
    """All frequencies higher or lower by one factor, and each by a little more."""
    factor = chance.between(1 - spread, 1 + spread)
    return [frequency * factor * chance.between(1 - spread / 3, 1 + spread / 3) for frequency in frequencies]
