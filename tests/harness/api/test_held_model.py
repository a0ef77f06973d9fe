"""A model that is asked from Python is the file that was hashed, from its choice to its last question."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from backends.litert.file import opened_file
from backends.litert.file.opened_file import FileChanged
from harness.api import KeywordSpotter, SuperResolver, open_model
from harness.api.first_opening import refuse_what_crashes
from harness.config.backend import BackendSection
from harness.errors import RunFailed
from harness.model.subject import held_files
from harness.spec.model_source import model_of, with_invocation
from harness.spec.schema import ModelRef
from harness.zoo.files.official import hash_file
from tests.double import Double
from tests.harness.api.test_api import _doubler

NOT_HASHED = r"own.tflite changed during the run: what is opened there is not what was hashed"
SOUND = np.zeros((49, 10), np.int8)


@pytest.fixture
def model(keyword_model: Path, tmp_path: Path) -> Path:
    """In a folder of its own."""
    (tmp_path / "models").mkdir()
    return shutil.copyfile(keyword_model, tmp_path / "models" / "own.tflite")


def test_a_folder_that_leads_elsewhere_between_the_choice_and_the_opening_is_named(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = Double(model)
    monkeypatch.setattr("harness.api.base.refuse_what_crashes", lambda *_: double.put())
    with pytest.raises(FileChanged, match=NOT_HASHED):
        open_model("kws", model=model)
    double.take_away()
    monkeypatch.setattr("harness.api.base.refuse_what_crashes", lambda *_: None)
    open_model("kws", model=model).close()


def test_another_file_while_the_model_is_chosen_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double, chosen = Double(model), with_invocation

    def puts(*words: object) -> ModelRef:
        double.put()
        return chosen(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("harness.spec.resolve.with_invocation", puts)
    with pytest.raises(FileChanged, match=NOT_HASHED):
        open_model("kws", model=model)


def test_a_model_that_is_gone_when_it_was_just_hashed_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = model_of

    def removes(*words: object) -> object:
        found = chosen(*words)  # type: ignore[arg-type]
        model.unlink()
        return found

    monkeypatch.setattr("harness.spec.resolve.model_of", removes)
    with pytest.raises(FileChanged, match="it cannot be opened any more"):
        open_model("kws", model=model)


def test_what_is_written_into_an_open_model_is_named_and_what_is_put_in_its_place_is_not(model: Path) -> None:
    with KeywordSpotter.open("kws", model=model) as hear:
        said = hear(SOUND)
        written = model.with_name("new.tflite")
        written.write_bytes(b"another version, of another length")
        aside = model.with_name("aside")
        os.link(model, aside)
        written.replace(model)
        assert hear(SOUND) == said
        aside.replace(model)
        with model.open("r+b") as file:
            file.seek(100)
            file.write(b"written")
        with pytest.raises(FileChanged, match="it was written since it was opened"):
            hear(SOUND)
    assert model not in [file.path for file in opened_file.held()], "what the user writes anew may be opened"


def test_a_model_that_is_opened_for_another_size_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    model = _doubler(tmp_path / "models" / "own.tflite", 1, 1)
    double = Double(model)
    with SuperResolver.open("edsr", model=model) as enlarge:
        double.put()
        with pytest.raises(FileChanged, match=NOT_HASHED):
            enlarge(np.zeros((3, 2, 3), np.uint8))


def test_what_another_file_has_survived_is_not_noted_of_the_model(model: Path, tmp_path: Path) -> None:
    sha256, section = hash_file(model).sha256, BackendSection()
    held = held_files(model, sha256, section)
    Double(model).put()
    with pytest.raises(RunFailed, match=NOT_HASHED):
        refuse_what_crashes(
            ModelRef(name="own", source="file", path=model, sha256=sha256), section, tmp_path / "cache", held
        )
    assert not (tmp_path / "cache" / "survived").exists()
