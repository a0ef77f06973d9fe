"""Arrays in files: read as numpy wrote them, and nothing that a file claims is believed."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.base import DataMissing
from tasks.tensors.array_files import by_name, read_npy, read_npz


def npy(array: Any, *, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    hnp.arrays(st.sampled_from(["<f4", ">f4", "i1", ">i8", "?", "S3", "<U2"]), hnp.array_shapes(min_dims=0, min_side=0))
)
def test_an_array_is_what_numpy_reads(array: Any) -> None:
    for stored in (array, np.array(array, order="F")):
        found = read_npy("a.npy", npy(stored))
        assert (found.shape, found.dtype.newbyteorder("=")) == (array.shape, array.dtype.newbyteorder("="))
        assert found.tolist() == array.tolist()


def test_pickled_objects_are_never_read() -> None:
    class Trap:
        def __reduce__(self) -> Any:
            raise AssertionError("unpickled")

    objects = np.array([{"a": 1}], object)
    with pytest.raises(DataMissing, match=r"a.npy holds pickled objects, which may run any program"):
        read_npy("a.npy", npy(objects, pickled=True))
    file = io.BytesIO()
    np.savez(file, x=objects)
    with pytest.raises(DataMissing, match=r"a.npz: array 'x' holds pickled objects"):
        read_npz("a.npz", file.getvalue())


def test_a_file_that_is_cut_or_claims_more_than_it_holds_is_refused() -> None:
    whole = npy(np.zeros((3, 4), np.float32))
    for cut in (0, 5, 40, len(whole) - 1):
        with pytest.raises(DataMissing, match=r"a.npy"):
            read_npy("a.npy", whole[:cut])
    claims = whole.replace(b"'shape': (3, 4), }    ", b"'shape': (3, 99999), }")
    assert claims != whole
    with pytest.raises(DataMissing, match=r"a.npy is cut or corrupt: its shape"):
        read_npy("a.npy", claims)
    packed = npz(x=np.arange(100))
    for cut in (0, 10, len(packed) // 2, len(packed) - 3):
        with pytest.raises(DataMissing, match=r"a.npz"):
            read_npz("a.npz", packed[:cut])
    broken = bytearray(packed)
    broken[60] ^= 0xFF
    with pytest.raises(DataMissing, match=r"a.npz"):
        read_npz("a.npz", bytes(broken))


def test_an_archive_of_something_else_or_with_a_name_twice_is_refused() -> None:
    for entries, why in (([("x.txt", b"hello")], "x.txt, which is no array"), ([], "holds no array")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in entries:
                archive.writestr(name, data)
        with pytest.raises(DataMissing, match=why):
            read_npz("a.npz", file.getvalue())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", npy(np.zeros(1)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", npy(np.ones(1)))
    with pytest.raises(DataMissing, match="two arrays of the name 'x'"):
        read_npz("a.npz", file.getvalue())


def test_arrays_are_matched_by_name_and_by_place_where_they_have_none() -> None:
    one, two = np.zeros(1), np.ones(1)
    assert by_name("a.npz", {"b": two, "a": one}, ["a", "b"], "inputs") == {0: one, 1: two}
    assert by_name("a.npz", {"arr_1": two, "arr_0": one}, ["a", "b"], "inputs") == {0: one, 1: two}
    assert by_name("a.npz", {"arr_0": one, "arr_1": two}, ["x", "x"], "inputs") == {0: one, 1: two}
    with pytest.raises(
        DataMissing, match="the model has several inputs of that name: save them by place, as arr_0, arr_1"
    ):
        by_name("a.npz", {"x": one}, ["x", "x"], "inputs")
    with pytest.raises(DataMissing, match="holds 'c', which is none of the model's inputs: 'a', 'b'"):
        by_name("a.npz", {"c": one}, ["a", "b"], "inputs")
