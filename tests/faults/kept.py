"""Damage to what is kept for the next run: it is made anew, and nobody gets a wrong sample."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backends.base import TensorSpec
from harness.serving.samples import SampleLibrary
from tasks.base import Array, Codec
from tests.faults.inputs.mutations import header_bytes, raw_bytes
from tests.faults.table import Group

_COUNT = 4


class _Numbered(Codec):
    """Every value tells the sample."""

    def preprocess(self, index: int) -> tuple[Array, ...]:
        return (np.full((1, 5, 6), index, np.float32),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        raise NotImplementedError

    def cache_key(self) -> str | None:
        return "numbered"


def damaged_samples(damages: int, seed: int) -> Group:
    """Damages kept samples so often, each time in another way."""
    group, dice = Group("damaged samples in the cache"), random.Random(f"{seed} kept")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _load(place)
        (folder,) = place.iterdir()
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        for _ in range(damages):
            file = dice.choice(sorted(whole))
            data = dice.choice((raw_bytes, header_bytes))(whole[file], dice)
            if data == whole[file]:
                group.miss()
                continue
            (folder / file).write_bytes(data)
            try:
                right = _load(place) == list(range(_COUNT))
                group.note(None if right else f"{file}: other samples than were kept")
            except Exception as error:
                group.note(f"{file}: {type(error).__name__}: {error}")
            for path, data in whole.items():
                (folder / path).write_bytes(data)
    return group


def _load(place: Path) -> list[int]:
    samples = SampleLibrary(
        _Numbered(),
        _COUNT,
        workers=1,
        cache_dir=place,
        on_sample=lambda: None,
        inputs=(TensorSpec("x", (1, 5, 6), np.dtype(np.float32)),),
    )
    samples.load(range(_COUNT))
    return [int(row[0].min()) if row[0].min() == row[0].max() else -1 for row in samples.rows]
