"""How the worker and its peers speak, and how they share samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import TensorSpec
from harness.errors import RunFailed
from harness.serving.dispatch import frames
from harness.serving.dispatch.frames import Inbox, Kind
from harness.serving.dispatch.shared_samples import SharedSamples, pack_samples

answers = st.lists(st.binary(max_size=40), min_size=1, max_size=12)
even = st.integers(0, 9).flatmap(
    lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=20)
)
indices = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50)
said = st.one_of(
    st.tuples(st.just(Kind.ANSWERS), st.one_of(answers, even)),
    st.tuples(st.just(Kind.WORK), indices),
    st.tuples(st.sampled_from([Kind.FAILED, Kind.OPEN, Kind.DONE]), st.text(max_size=50)),
)


def pack(kind: Kind, content: list[bytes] | list[int] | str) -> bytes:
    if kind is Kind.ANSWERS:
        return frames.pack_answers(content)  # type: ignore[arg-type]
    return frames.pack_indices(content) if kind is Kind.WORK else frames.pack_text(kind, content)  # type: ignore[arg-type]


def read(inbox: Inbox, frame: frames.Frame) -> tuple[Kind, list[bytes] | list[int] | str]:
    if frame.kind is Kind.ANSWERS:
        items = list(inbox.items(frame))
        assert len(items) == frame.count
        return frame.kind, items
    return frame.kind, inbox.indices(frame).tolist() if frame.kind is Kind.WORK else inbox.text(frame)


@given(st.lists(said, max_size=12), st.data())
def test_frames_arrive_as_they_were_sent_however_the_bytes_are_cut(
    sent: list[tuple[Kind, list[bytes] | list[int] | str]], data: st.DataObject
) -> None:
    stream = b"".join(pack(kind, content) for kind, content in sent)
    inbox, found, at = Inbox(), [], 0
    while at < len(stream):
        room = inbox.room()
        count = data.draw(st.integers(1, min(len(room), len(stream) - at)))
        room[:count] = stream[at : at + count]
        inbox.arrived(count)
        at += count
        while (frame := inbox.next()) is not None:
            found.append(read(inbox, frame))
    assert found == sent


@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 24, 1 << 16, 5_000_000])
def test_a_frame_may_be_larger_than_the_buffer_and_others_follow_it(size: int) -> None:
    large, small = [os.urandom(size), b"x"], [b"1234"] * 3
    stream = frames.pack_answers(large) + frames.pack_answers(small)
    inbox, found, at = Inbox(), [], 0
    while at < len(stream):
        room = inbox.room()
        count = min(len(room), len(stream) - at, 100_000)
        room[:count] = stream[at : at + count]
        inbox.arrived(count)
        at += count
        while (frame := inbox.next()) is not None:
            found.append(list(inbox.items(frame)))
    assert found == [large, small]


INPUTS = (
    TensorSpec("ids", (1, 3), np.dtype(np.int32)),
    TensorSpec("flag", (1,), np.dtype(np.bool_)),
    TensorSpec("picture", (1, 2, 2, 3), np.dtype(np.float32)),
)


def row(seed: int) -> tuple[np.ndarray, ...]:
    draw = np.random.default_rng(seed)
    return tuple((100 * draw.random(spec.shape)).astype(spec.dtype) for spec in INPUTS)


def test_a_peer_sees_the_samples_that_the_worker_packed_and_no_others() -> None:
    rows = [row(number) if number % 2 else () for number in range(20)]
    shared = SharedSamples(20, INPUTS)
    rows_of_old = shared.rows
    for wanted in ([1, 5, 19], [3], list(range(1, 20, 2))):
        with pack_samples(rows, wanted, INPUTS) as file:
            assert shared.take(file.fileno()) == wanted[0]
        # The file is closed; the mapping holds it.
        for number in range(20):
            if number not in wanted:
                assert shared.rows[number] == ()
                continue
            for found, expected, spec in zip(shared.rows[number], rows[number], INPUTS, strict=True):
                assert found.dtype == spec.dtype
                np.testing.assert_array_equal(found, expected)
                assert not found.flags.writeable
                assert found.ctypes.data % spec.dtype.itemsize == 0
    assert shared.rows is rows_of_old
    shared.forget()
    assert shared.rows == [()] * 20


def test_shared_samples_have_no_name_that_could_stay_behind() -> None:
    with pack_samples([row(0)], [0], INPUTS) as file:
        assert Path(f"/proc/self/fd/{file.fileno()}").readlink().name.startswith("memfd:")


def test_a_sample_that_is_not_what_the_model_takes_is_refused() -> None:
    wrong = (row(0)[0].astype(np.int64), *row(0)[1:])
    with pytest.raises(RunFailed, match=r"sample 1 is int64 \[1, 3\] where the model's input ids is int32 \[1, 3\]"):
        pack_samples([row(0), wrong], [0, 1], INPUTS).close()
