"""A model's outputs in the accuracy log: what goes in comes out, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accuracy.answers.arrays import Output, OutputPacker, pack_outputs, unpack_outputs
from accuracy.answers.log import LogError
from accuracy.answers.wire import pack_labels

TYPES = st.sampled_from(["f4", "f2", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "c8", "c16"])
ARRAYS = TYPES.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))


def outputs(*arrays: Any) -> list[Output]:
    return [Output(f"out:{place}", array, 0.5 * place, -place) for place, array in enumerate(arrays)]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(ARRAYS, min_size=1, max_size=3))
def test_numbers_come_out_as_they_went_in(arrays: list[Any]) -> None:
    packed = pack_outputs(outputs(*arrays))
    assert OutputPacker(outputs(*arrays)).pack(arrays) == packed
    found = unpack_outputs(packed)
    for place, (one, array) in enumerate(zip(found, arrays, strict=True)):
        assert (one.name, one.scale, one.zero_point) == (f"out:{place}", 0.5 * place, -place)
        assert (one.values.dtype, one.values.shape) == (array.dtype, array.shape)
        assert one.values.tobytes() == np.ascontiguousarray(array).tobytes()


def test_texts_and_numbers_beside_each_other() -> None:
    words = np.array([[b"yes", b""], [b"\x00\xff", "n\N{LATIN SMALL LETTER E WITH ACUTE}".encode()]], object)
    found = unpack_outputs(pack_outputs(outputs(words, np.float32(3.5), words.reshape(4))))
    assert found[0].values.tolist() == words.tolist()
    assert (found[1].values.shape, float(found[1].values)) == ((), 3.5)
    assert found[2].values.tolist() == words.reshape(4).tolist()


def test_an_answer_that_is_cut_anywhere_or_goes_on_is_refused() -> None:
    whole = pack_outputs(outputs(np.arange(6, dtype=np.int16).reshape(2, 3), np.array([b"a"], object)))
    for cut in range(len(whole)):
        with pytest.raises(LogError):
            unpack_outputs(whole[:cut])
    with pytest.raises(LogError, match="corrupt tensors"):
        unpack_outputs(whole + b"\0")


def test_what_is_no_such_answer_is_named() -> None:
    with pytest.raises(LogError, match="Was it another task's log"):
        unpack_outputs(pack_labels([7]))
    with pytest.raises(LogError, match="layout version 9"):
        unpack_outputs(b"TNSR\x09" + pack_outputs([])[5:])


def test_a_shape_that_no_answer_has_is_refused_before_memory_is_taken() -> None:
    whole = bytearray(pack_outputs([Output("y", np.zeros((2, 3), np.float32))]))
    at = whole.index(np.array([2, 3], "<u4").tobytes())
    whole[at : at + 8] = np.array([1 << 31, 1 << 31], "<u4").tobytes()
    with pytest.raises(LogError, match="has the shape"):
        unpack_outputs(bytes(whole))


def test_the_quick_way_of_one_backend_sees_new_values_new_arrays_and_arrays_in_pieces() -> None:
    memory: list[Any] = [np.zeros((1, 3), np.float32), np.zeros(2, np.int8)]
    packed = OutputPacker(outputs(*memory)).packer()
    pieces: list[Any] = [np.ones((1, 6), np.float32)[:, ::2], memory[1]]
    other: list[Any] = [np.full((1, 3), 7, np.float32), memory[1]]
    larger: list[Any] = [np.full((2, 3), 7, np.float32), memory[1]]
    for values in (memory, memory, other, pieces, larger, memory):
        memory[0] += 1
        assert packed(values) == pack_outputs(outputs(*values))
    assert OutputPacker([]).packer()([]) == pack_outputs([])
