"""Built-in recordings of machines, in the layout and under the names of ToyADMOS and DCASE 2020 task 2.

A machine hums in harmonics of its own and ticks at its own pace. An anomaly rattles, squeals or drifts. Two
machines differ in pitch, so that a score that confuses them shows in the pooled figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance
from harness.zoo.builtin.tones import RATE, glide, noise, to_int16
from tasks.audio.wav import wav_bytes

Part = Literal["fit", "test"]
MACHINES = (1, 2)
COUNTS: dict[Part, tuple[int, int]] = {"fit": (24, 0), "test": (8, 8)}
"""Normal and anomalous recordings of each machine."""
_SECONDS = 2
_PITCHES = {1: 180.0, 2: 310.0}
_STRENGTHS = (1.0, 0.6, 0.5, 0.3, 0.3, 0.2)


def recording(machine: int, chance: Chance, *, anomalous: bool) -> Array:
    """Two seconds, int16 [32000]."""
    count = _SECONDS * RATE
    pitch = _PITCHES[machine] * chance.between(0.985, 1.015)
    strengths = [strength * chance.between(0.85, 1.15) for strength in _STRENGTHS]
    fault = chance.pick(("rattle", "drift", "squeal")) if anomalous else ""
    path = [pitch, pitch * chance.between(1.3, 1.6)] if fault == "drift" else [pitch, pitch]
    made = 0.25 * glide(path, count, strengths) + noise(chance.key, count) * chance.between(0.008, 0.012)
    _tick(made, chance, every=0.25 / machine, strength=0.1)
    if fault == "squeal":
        whistle = chance.between(2500, 5000)
        made += chance.between(0.03, 0.1) * glide([whistle, whistle], count, (1.0,))
    if fault == "rattle":
        _tick(made, chance, every=chance.between(0.02, 0.05), strength=chance.between(0.25, 0.5))
    return to_int16(made)


def _tick(samples: Array, chance: Chance, *, every: float, strength: float) -> None:
    """Adds short bursts of noise, in place."""
    length = RATE // 100
    burst = noise(f"{chance.key}/{every:.4f}", length) * np.linspace(strength, 0, length)
    for start in range(int(chance.between(0, every) * RATE), len(samples) - length, int(every * RATE)):
        samples[start : start + length] += burst


def recordings(part: Part) -> Iterator[tuple[str, Array]]:
    """File name and samples of every recording of a part."""
    for machine in MACHINES:
        for kind, count in zip(("normal", "anomaly"), COUNTS[part], strict=True):
            for number in range(count):
                chance = Chance(f"machines/{part}/{machine}/{kind}/{number}")
                samples = recording(machine, chance, anomalous=kind == "anomaly")
                yield f"{kind}_id_{machine:02}_{number:08}.wav", samples


def write_builtin_machines(folder: Path, part: Part = "test") -> None:
    """Writes ToyCar/test/ with a WAV a recording.

    Raises:
        OSError: The folder cannot be written.
    """
    place = folder / "ToyCar" / "test"
    place.mkdir(parents=True, exist_ok=True)
    for name, samples in recordings(part):
        (place / name).write_bytes(wav_bytes(samples, RATE))
