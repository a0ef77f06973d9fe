"""A model as one process tells another of it, with the file that was hashed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from backends.litert.file import opened_file
from backends.litert.file.opened_file import FileChanged
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.model.subject import Subject, held_files, measured_unchanged
from harness.zoo.files.official import hash_file
from tests.double import Double
from tests.shapeless import without_shapes


@pytest.fixture
def subject(keyword_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Of a model in a folder of its own, in a process that holds nothing else."""
    monkeypatch.setattr(opened_file, "_held", {})
    (tmp_path / "models").mkdir()
    model = shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")
    sha256, section = hash_file(model).sha256, BackendSection()
    invocation = Invocation().model_dump(mode="json")
    held = held_files(model, sha256, section)
    return Subject(
        model, sha256, "own", "file", section.model_dump(mode="json"), invocation, 1, tmp_path / "cache", held
    )


def test_whoever_is_told_of_it_opens_no_other_file_and_the_same_where_it_was_made_anew(subject: Subject) -> None:
    told = decode(encode(subject), Subject)
    assert told == subject
    double = Double(subject.model)
    double.put()
    with pytest.raises(FileChanged, match=r"own.tflite changed during the run: what is opened there is not what was"):
        told.opener()
    double.take_away()
    subject.model.write_bytes(subject.model.read_bytes())
    told.opener().open(1).close()


def test_what_changes_between_its_choice_and_its_measuring_or_meanwhile_is_said(subject: Subject) -> None:
    with measured_unchanged([subject]):
        pass
    size = r"own.tflite changed during the run: its size is another \(.* bytes then, 5 now\)"
    with pytest.raises(RunFailed, match=size), measured_unchanged([subject]):
        subject.model.write_bytes(b"short")
    with pytest.raises(RunFailed, match=f"{size}.*It ended so: it was killed"), measured_unchanged([subject]):
        raise RunFailed("it was killed by SIGBUS")
    with pytest.raises(RunFailed, match=r"its sha256 was .* when the run was planned, and now is "):
        held_files(subject.model, subject.sha256, subject.section)


def test_a_completed_copy_that_is_another_by_the_time_it_is_opened_is_not(subject: Subject, adds_model: Path) -> None:
    without_shapes(adds_model, subject.model)
    sha256 = hash_file(subject.model).sha256
    opener = replace(subject, sha256=sha256, held=held_files(subject.model, sha256, subject.section)).opener()
    assert opener.model != subject.model
    opener.model.write_bytes(adds_model.read_bytes())
    with pytest.raises(FileChanged, match="what is opened there is not what was hashed"):
        opener.open(1)


def test_the_backends_library_is_held_too(subject: Subject, tmp_path: Path) -> None:
    library = tmp_path / "libown.so"
    library.write_bytes(b"a library")
    section = BackendSection(name="external", options={"library": str(library)})
    assert [file.path for file in held_files(subject.model, subject.sha256, section)] == [subject.model, library]
