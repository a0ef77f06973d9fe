"""What a path is."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from harness.conversion.converters.forms import foreign_of
from harness.errors import ConfigError


def test_a_form_is_told_by_its_file_and_has_its_environment(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    for name in ("m.h5", "m.pb", "m.onnx", "m.pt2"):
        (tmp_path / name).write_bytes(b"")
    found = {name: foreign_of(str(tmp_path / name)) for name in ("saved", "m.h5", "m.pb", "m.onnx", "m.pt2")}
    assert {name: each.environment for name, each in found.items() if each} == {
        "saved": "tensorflow",
        "m.h5": "tensorflow",
        "m.pb": "tensorflow",
        "m.onnx": "onnx",
        "m.pt2": "torch",
    }
    assert foreign_of("model.tflite") is None
    assert foreign_of("vww_96_float") is None


def keras(path: Path, layer: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"layers": [{"class_name": layer}]}))
    return path


def test_what_could_run_code_is_seen(tmp_path: Path) -> None:
    plain = foreign_of(str(keras(tmp_path / "plain.keras", "Dense")))
    assert plain is not None
    assert plain.may_run_code == ""
    for path in (keras(tmp_path / "lambda.keras", "Lambda"), tmp_path / "lambda.h5", tmp_path / "program.pt2"):
        if not path.exists():
            path.write_bytes(b'...{"class_name": "Lambda", ...')
        found = foreign_of(str(path))
        assert found is not None
        assert found.may_run_code


@pytest.mark.parametrize(
    "written", ['"class_name" :\n "Lambda"', '"class_name": "\\u004cambda"', '"\\u0063lass_name": "Lambda"']
)
def test_a_layer_that_runs_code_is_seen_however_it_is_written(written: str, tmp_path: Path) -> None:
    for path in (tmp_path / "hidden.keras", tmp_path / "hidden.h5"):
        if path.suffix == ".h5":
            path.write_text(f"...{{{written}, ...", encoding="ascii")
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("config.json", f"{{{written}}}")
        found = foreign_of(str(path))
        assert found is not None
        assert found.may_run_code
    named = foreign_of(str(keras(tmp_path / "named.keras", "Gr\u00f6\u00dfe")))
    assert named is not None
    assert not named.may_run_code


def test_weights_without_a_network_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds weights, pickled, and no network"):
        foreign_of(str(tmp_path / "state.pth"))
    with pytest.raises(ConfigError, match=r"without a saved_model\.pb"):
        foreign_of(str(tmp_path))
    with pytest.raises(ConfigError, match="no file at"):
        foreign_of(str(tmp_path / "gone.onnx"))
