"""A path that leads elsewhere for a moment leads nobody to another file than the one that was hashed."""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
from pathlib import Path

import pytest

from backends import external
from backends.base import ModelRejected
from backends.external import ExternalBackend
from backends.litert.file import opened_file
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import (
    FileChanged,
    FileState,
    OpenedFile,
    bytes_of,
    held,
    held_meanwhile,
    hold,
    name_of,
    opened,
)
from backends.litert.interpreter import InterpreterBackend


@pytest.fixture(autouse=True)
def _nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_file, "_held", {})


@pytest.fixture
def folder(tmp_path: Path, keyword_model: Path) -> Path:
    """A model in a folder, and another folder with a model of other weights."""
    (tmp_path / "models").mkdir()
    (tmp_path / "others").mkdir()
    shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")
    data = bytearray(keyword_model.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "others" / "own.tflite").write_bytes(data)
    return tmp_path / "models"


def swap(folder: Path) -> None:
    folder.rename(folder.with_name("aside"))
    folder.with_name("others").rename(folder)


def swap_back(folder: Path) -> None:
    folder.rename(folder.with_name("others"))
    folder.with_name("aside").rename(folder)


def test_what_lies_there_while_the_folder_is_away_is_not_opened_and_nothing_tells_of_it_afterwards(
    folder: Path,
) -> None:
    model = folder / "own.tflite"
    before = OpenedFile.of(model)
    hold([before])
    InterpreterBackend(model, name="cpu", threads=1).close()
    swap(folder)
    for open_it in (read_model, bytes_of, lambda path: InterpreterBackend(path, name="cpu", threads=1)):
        with pytest.raises(
            FileChanged, match=r"own.tflite changed during the run: what is opened there is not what was"
        ):
            open_it(model)
    swap_back(folder)
    InterpreterBackend(model, name="cpu", threads=1).close()
    assert FileState.of(model.stat()) == before.state


def test_a_held_file_that_is_gone_has_changed_and_any_other_is_as_it_is(folder: Path) -> None:
    model = folder / "own.tflite"
    hold([OpenedFile.of(model)])
    model.unlink()
    with pytest.raises(FileChanged, match=r"cannot be opened any more \(No such file or directory\)"):
        read_model(model)
    with pytest.raises(ModelRejected, match="cannot read the model"):
        read_model(folder / "none.tflite")


def test_a_file_that_was_made_anew_the_same_is_opened(folder: Path) -> None:
    model = folder / "own.tflite"
    hold([OpenedFile.of(model)])
    model.write_bytes(model.read_bytes())
    read_model(model)
    # What is held is the new one now: it is not hashed each time.
    assert opened_file.held()[0].state == FileState.of(model.stat())


def test_a_runtime_opens_a_descriptor_by_its_name_wherever_the_path_leads_by_then(folder: Path) -> None:
    model = folder / "own.tflite"
    with opened(model) as file:
        swap(folder)
        assert Path(name_of(file, model)).read_bytes() == (folder.with_name("aside") / "own.tflite").read_bytes()


@pytest.fixture
def library(delegate_library: Path, tmp_path: Path) -> Path:
    """The tests' delegate in a folder that is another by the time at which it is loaded."""
    for name, more in (("libraries", b""), ("others", bytes(16))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "libown.so").write_bytes(delegate_library.read_bytes() + more)
    return tmp_path / "libraries" / "libown.so"


def test_a_library_is_not_loaded_while_another_lies_there(library: Path, adds_model: Path) -> None:
    hold([OpenedFile.of(library)])
    swap(library.parent)
    with pytest.raises(
        FileChanged, match=r"libown.so changed during the run: what is opened there is not what was hashed"
    ):
        ExternalBackend(adds_model, threads=1, library=str(library))
    swap_back(library.parent)
    ExternalBackend(adds_model, threads=1, library=str(library)).close()


def test_a_library_for_which_another_was_loaded_is_refused(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's loader opens the path by itself: the folder is away in just this moment."""

    def load_library(name: str) -> ctypes.PyDLL:
        swap(library.parent)
        try:
            return ctypes.PyDLL(name)
        finally:
            swap_back(library.parent)

    # The loader does not open once more what it has loaded by the same name.
    monkeypatch.setattr(external, "check_library", lambda _: None)
    monkeypatch.setattr("ai_edge_litert.interpreter.ctypes.pydll.LoadLibrary", load_library)
    with pytest.raises(FileChanged, match=r"what was loaded from there is another file than the one that was opened"):
        external.load(str(library), {})


def test_a_thin_library_over_the_one_that_it_needs_is_its_own_file(delegate_library: Path, tmp_path: Path) -> None:
    """Its functions lie in another file; where it was loaded is told by its own dynamic section."""
    thin = tmp_path / "libthin.so"
    source = tmp_path / "thin.c"
    source.write_text("int thin;\n", encoding="ascii")
    words = ["cc", "-shared", "-fPIC", "-o", str(thin), str(source), "-Wl,--no-as-needed", str(delegate_library)]
    assert os.spawnvp(os.P_WAIT, "cc", words) == 0
    assert external.load(str(thin), {}) is not None


def test_what_one_thread_holds_for_a_while_is_nothing_to_another(folder: Path) -> None:
    file = folder / "own.bin"
    file.write_bytes(b"as it was")
    found, entered, left = OpenedFile.of(file), threading.Event(), threading.Event()

    def holds() -> None:
        with held_meanwhile():
            hold([found])
            entered.set()
            left.wait()

    other = threading.Thread(target=holds)
    with held_meanwhile():
        other.start()
        entered.wait()
        assert not held()
    left.set()
    other.join()
    assert not held()
