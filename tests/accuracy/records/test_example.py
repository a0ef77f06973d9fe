"""tf.train.Example, parsed by hand."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.records.example import Example
from accuracy.records.tfrecord import RecordError

quick = settings(deadline=None, derandomize=True, max_examples=100)
int64s = st.integers(-(2**63), 2**63 - 1)


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def int_list(values: Sequence[int], packed: bool = True) -> bytes:
    if packed:
        return field(3, field(1, b"".join(map(varint, values))))
    return field(3, b"".join(varint(1 << 3) + varint(value) for value in values))


def float_list(values: Sequence[float], packed: bool = True) -> bytes:
    raw = [struct.pack("<f", value) for value in values]
    if packed:
        return field(2, field(1, b"".join(raw)))
    return field(2, b"".join(varint(1 << 3 | 5) + one for one in raw))


def bytes_list(values: Sequence[bytes]) -> bytes:
    return field(1, b"".join(field(1, value) for value in values))


def example(features: Mapping[str, bytes]) -> bytes:
    return field(1, b"".join(field(1, field(1, key.encode()) + field(2, value)) for key, value in features.items()))


@quick
@given(st.lists(int64s), st.booleans())
def test_integers_of_every_size_are_read_back(values: list[int], packed: bool) -> None:
    assert Example(example({"ids": int_list(values, packed)}), "it").ints("ids").tolist() == values


@quick
@given(st.lists(st.floats(width=32, allow_nan=False)), st.booleans())
def test_floats_are_read_back(values: list[float], packed: bool) -> None:
    found = Example(example({"scores": float_list(values, packed)}), "it").floats("scores")
    assert found.dtype == np.float32
    assert found.tolist() == values


@quick
@given(st.lists(st.text(max_size=200)))
def test_texts_are_read_back_short_and_long(values: list[str]) -> None:
    encoded = example({"words": bytes_list([value.encode() for value in values])})
    assert Example(encoded, "it").texts("words") == values


def test_a_list_partly_packed_is_joined() -> None:
    mixed = field(3, field(1, varint(1) + varint(300)) + varint(1 << 3) + varint(7) + field(1, varint(2)))
    assert Example(example({"ids": mixed}), "it").ints("ids").tolist() == [1, 300, 7, 2]


def test_unknown_fields_are_skipped() -> None:
    unknown = (
        varint(9 << 3) + varint(5) + field(7, b"what") + varint(8 << 3 | 1) + bytes(8) + varint(8 << 3 | 5) + bytes(4)
    )
    encoded = unknown + example({"ids": int_list([4])}) + unknown
    assert Example(encoded, "it").ints("ids").tolist() == [4]
    inner = field(1, unknown + field(1, field(1, b"ids") + unknown + field(2, unknown + int_list([4]))))
    assert Example(inner, "it").ints("ids").tolist() == [4]
    words = field(1, field(1, b"a") + field(6, b"x" * 300) + field(1, b"b"))
    assert Example(example({"words": words}), "it").texts("words") == ["a", "b"]


def test_a_feature_that_comes_twice_keeps_the_last() -> None:
    entries = [field(1, field(1, b"ids") + field(2, int_list([value]))) for value in (1, 2)]
    assert Example(field(1, b"".join(entries)), "it").ints("ids").tolist() == [2]


def test_equal_values_have_equal_raw_bytes() -> None:
    one, two, three = (Example(example({"words": bytes_list(words)}), "it") for words in ([b"a"], [b"a"], [b"b"]))
    assert one.raw("words") == two.raw("words") != three.raw("words")


@pytest.mark.parametrize(
    ("features", "ask", "message"),
    [
        (
            {"ids": int_list([1])},
            lambda it: it.ints("mask"),
            "record 7 is no readable.*no feature 'mask'; there are ids",
        ),
        ({"ids": int_list([1])}, lambda it: it.texts("ids"), "feature 'ids' is a int64 list; bytes was expected"),
        ({"id": bytes_list([b"a", b"b"])}, lambda it: it.text("id"), "feature 'id' has 2 values instead of one"),
        ({"id": bytes_list([b"\xff"])}, lambda it: it.text("id"), "feature 'id', value 0 is not UTF-8"),
        ({"ids": field(3, field(1, b"\x80"))}, lambda it: it.ints("ids"), "cut in the middle of a number"),
        ({"ids": field(3, field(1, b"\xff" * 10 + b"\x01"))}, lambda it: it.ints("ids"), "longer than 10 bytes"),
        ({"xs": field(2, field(1, b"abc"))}, lambda it: it.floats("xs"), "3 bytes are no whole number of float32"),
        ({"ids": field(3, b"\x0b")}, lambda it: it.ints("ids"), "wire type 3"),
    ],
)
def test_what_cannot_be_read_is_named(features, ask, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecordError, match=message):
        ask(Example(example(features), "record 7"))


def test_a_message_cut_anywhere_is_refused_or_lacks_what_was_cut() -> None:
    whole = example({"ids": int_list([1, 300, -5]), "words": bytes_list([b"one", b"two"])})
    for length in range(1, len(whole)):
        with pytest.raises(RecordError):
            Example(whole[:length], "it").ints("ids")


@quick
@given(st.binary(max_size=60))
def test_random_bytes_raise_nothing_but_the_records_own_error(data: bytes) -> None:
    try:
        parsed = Example(data, "it")
        for name in parsed.names():
            for read in (parsed.ints, parsed.floats, parsed.texts):
                try:
                    read(name)
                except RecordError:
                    continue
    except RecordError:
        pass


@quick
@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_record_raises_nothing_but_the_records_own_error(at: int, value: int) -> None:
    whole = bytearray(example({"ids": int_list([1, 300, -5] * 9), "words": bytes_list([b"one", b"two" * 50])}))
    whole[at % len(whole)] = value
    with contextlib.suppress(RecordError):
        parsed = Example(bytes(whole), "it")
        parsed.ints("ids")
        parsed.texts("words")
