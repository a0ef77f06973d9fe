from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.log import LogError
from accuracy.answers.wire import LabelDtype, pack_labels, unpack_labels

DTYPES: list[LabelDtype] = ["float32", "int32", "int64"]


def test_a_label_is_logged_as_the_reference_harness_logs_it() -> None:
    assert pack_labels([5]).hex().upper() == "0000A040"


def test_a_label_is_logged_as_the_mobile_app_logs_it() -> None:
    assert pack_labels([681], "int32").hex().upper() == "A9020000"


@settings(deadline=None, derandomize=True)
@given(labels=st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=9), dtype=st.sampled_from(DTYPES))
def test_labels_come_back_as_they_were_packed(labels: list[int], dtype: LabelDtype) -> None:
    assert unpack_labels(pack_labels(labels, dtype), 2**24, dtype) == labels


def test_the_first_number_of_an_answer_is_its_best_label_for_other_readers() -> None:
    assert struct.unpack_from("<f", pack_labels([7, 3, 1]))[0] == 7.0


@settings(deadline=None, derandomize=True)
@given(data=st.binary(max_size=24), dtype=st.sampled_from(DTYPES))
def test_bytes_of_any_kind_are_labels_of_the_classes_or_refused(data: bytes, dtype: LabelDtype) -> None:
    try:
        labels = unpack_labels(data, 1000, dtype)
    except LogError:
        return
    assert labels
    assert all(0 <= label < 1000 for label in labels)


@pytest.mark.parametrize(("written", "read"), [("int32", "float32"), ("float32", "int32"), ("float32", "int64")])
def test_a_log_of_another_type_is_told_from_its_labels(written: LabelDtype, read: LabelDtype) -> None:
    with pytest.raises(LogError, match="another type than"):
        unpack_labels(pack_labels([681, 12], written), 1000, read)


@pytest.mark.parametrize("value", [-1.0, 1000.0, 2.5, float("nan"), float("inf")])
def test_a_number_that_is_no_class_is_refused(value: float) -> None:
    with pytest.raises(LogError, match="labels are 0 to 999"):
        unpack_labels(struct.pack("<f", value), 1000)


@pytest.mark.parametrize("data", [b"", b"abc", b"abcde"])
def test_an_answer_of_no_whole_labels_is_refused(data: bytes) -> None:
    with pytest.raises(LogError, match="holds no float32 labels"):
        unpack_labels(data, 1000)
