from __future__ import annotations

from pathlib import Path

import pytest

from backends.litert.file.metadata import InputNormalisation, input_normalisations
from tests.told_models import metadata_of, with_metadata


def test_a_file_tells_how_its_input_is_normalised(picture_model: Path, tmp_path: Path) -> None:
    told = with_metadata(picture_model, tmp_path / "told.tflite", metadata_of([0, 1.5, 2], [255, 1, 0.5]))
    assert input_normalisations(told) == (InputNormalisation((0.0, 1.5, 2.0), (255.0, 1.0, 0.5)),)
    assert input_normalisations(told, subgraph=1) == ()
    assert input_normalisations(picture_model) == ()


@pytest.mark.parametrize("name", ["mobilenet_v2_1.0_224_quant", "tf2_mobilenet_v2_1.0_224_ptq"])
def test_published_models_are_read(zoo: Path, name: str) -> None:
    found = input_normalisations(zoo / f"models/coral/{name}.tflite")
    assert found == (InputNormalisation((127.5,), (127.5,)),)


@pytest.mark.parametrize(("mean", "std"), [([0], [0]), ([float("nan")], [1]), ([0, 0, 0], [1]), ([], [])])
def test_numbers_that_cannot_be_used_say_nothing(
    picture_model: Path, tmp_path: Path, mean: list[float], std: list[float]
) -> None:
    told = with_metadata(picture_model, tmp_path / "told.tflite", metadata_of(mean, std))
    assert input_normalisations(told) == (None,)


def test_metadata_cut_anywhere_or_of_another_kind_say_nothing_and_the_model_is_read(
    picture_model: Path, tmp_path: Path
) -> None:
    whole = metadata_of([0], [255])
    for number, data in enumerate([b"", b"M001", whole[:9], whole[:40], whole[:-20], b"\xff" * len(whole), b"{}" * 20]):
        told = with_metadata(picture_model, tmp_path / f"{number}.tflite", data)
        assert [each for each in input_normalisations(told) if each] == []
