"""A set prepared ahead: the entry of the cache is the one that a run would have written, whoever wrote which part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.errors import ConfigError, RunFailed
from harness.serving.cluster.on_nodes.preparer import mark_of
from harness.serving.prepared_ahead import PreparedAhead, parts_of, whole
from harness.serving.samples import SampleLibrary
from tasks.base import Array, Codec, DataMissing, Prepared
from tasks.sets.digests import Digest

TOTAL = 70
INPUTS = (
    TensorSpec("values", (1, 5, 7), np.dtype(np.float32)),
    TensorSpec("pair", (1, 2), np.dtype(np.int32)),
)


class Drawn(Codec):
    """Samples that tell which they are; `broken` cannot be read."""

    def __init__(self, broken: int | None = None, key: str | None = "drawn") -> None:
        self.broken, self.key, self.asked = broken, key, list[int]()

    def preprocess(self, index: int) -> tuple[Array, ...]:
        self.asked.append(index)
        if index == self.broken:
            raise DataMissing(f"sample_{index}.png is broken")
        return np.full((1, 5, 7), index, np.float32), np.array([[index, -index]], np.int32)

    def preprocess_with_digest(self, index: int) -> Prepared:
        return Prepared(self.preprocess(index), Digest.of(b"%d" % index))

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        raise NotImplementedError

    def cache_key(self) -> str | None:
        return self.key


Hand = Callable[..., PreparedAhead]


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    def make(codec: Codec, limit: int = 10**9) -> PreparedAhead:
        return PreparedAhead(codec, TOTAL, INPUTS, tmp_path / "ahead", limit)

    return make


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fill(*hands: PreparedAhead) -> str:
    """Every part by another of them, the last first."""
    begun = hands[0].begin()
    parts = list(enumerate(parts_of(TOTAL)))
    done = {number: hands[number % len(hands)].prepare(begun.making, *part) for number, part in reversed(parts)}
    return hands[-1].finish(begun.making, whole(done[number] for number in sorted(done)))


def test_several_who_share_a_cache_make_the_entry_of_one_run_to_the_byte(hand: Hand, tmp_path: Path) -> None:
    one, other = hand(Drawn()), hand(Drawn())
    seal = fill(one, other)
    run = SampleLibrary(Drawn(), TOTAL, workers=2, cache_dir=tmp_path / "run", on_sample=lambda: None, inputs=INPUTS)
    run.load(range(TOTAL))
    (entry,) = (tmp_path / "run").iterdir()
    assert one.folder.name == entry.name
    assert files(one.folder) == files(entry)
    assert seal in files(entry)["complete.json"].decode()
    # It is found by the next, and by a run, which prepares nothing.
    assert hand(Drawn()).begin().seal == seal
    codec = Drawn()
    again = SampleLibrary(codec, TOTAL, workers=2, cache_dir=tmp_path / "ahead", on_sample=lambda: None, inputs=INPUTS)
    again.load([3, 40])
    assert (codec.asked, again.digests[40]) == ([], Digest.of(b"40"))


def test_a_damaged_entry_is_made_anew(hand: Hand) -> None:
    fill(made := hand(Drawn()))
    before = files(made.folder)
    (made.folder / "0.npy").write_bytes(before["0.npy"][:-1] + b"x")
    fill(hand(Drawn()))
    assert files(made.folder) == before


def test_a_sample_that_cannot_be_read_is_named_and_nothing_is_left(hand: Hand, tmp_path: Path) -> None:
    broken = hand(Drawn(broken=40))
    begun = broken.begin()
    with pytest.raises(DataMissing, match=r"sample_40\.png is broken"):
        broken.prepare(begun.making, 32, 32)
    broken.close()
    assert list((tmp_path / "ahead").iterdir()) == []


def test_what_is_never_kept_or_has_no_room_is_refused(hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="never kept"):
        hand(Drawn(key=None))
    with pytest.raises(ConfigError, match=r"cannot be kept: they take .* all kept samples may take 1\.0 kB"):
        hand(Drawn(), limit=1000).begin()
    (tmp_path / "ahead").rmdir()
    (tmp_path / "ahead").write_text("a file", encoding="ascii")
    with pytest.raises(ConfigError, match="cannot be written"):
        hand(Drawn()).begin()


@pytest.mark.parametrize("name", ["../out", ".making-/../x", "complete"])
def test_nothing_is_written_but_into_an_entry_in_the_making(name: str, hand: Hand) -> None:
    with pytest.raises(RunFailed, match="no entry in the making"):
        hand(Drawn()).prepare(name, 0, 1)


def test_all_who_share_a_cache_know_it_by_one_word(tmp_path: Path) -> None:
    assert mark_of(tmp_path / "one") == mark_of(tmp_path / "one") != mark_of(tmp_path / "other")
    assert len(list((tmp_path / "one").iterdir())) == 1
