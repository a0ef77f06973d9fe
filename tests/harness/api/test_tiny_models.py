"""The tiny tasks asked from Python, by their stand-ins, on a machine without files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.api import open_model
from harness.zoo.builtin.sets import builtin_path
from tasks.audio.wav import wav_bytes
from tasks.base import DataMissing


@pytest.fixture(scope="module")
def cache(all_workers: Path) -> Iterator[Path]:
    """That of all tests, so that stand-ins are made once."""
    place = all_workers / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFLITE_LOADGEN_CACHE", str(place))
        yield place


def data(cache: Path, name: str) -> Path:
    return builtin_path(name, cache / "builtin")


def test_pictures_have_the_labels_that_the_config_gives_them(cache: Path) -> None:
    folder = data(cache, "vww")
    with open_model("vww") as look:
        said = {
            kind: [look(path).best.name for path in sorted((folder / kind).iterdir())[:8]]
            for kind in ("person", "non_person")
        }
    assert said["person"].count("person") >= 6
    assert said["non_person"].count("no person") >= 6


def test_a_recording_is_a_word(cache: Path) -> None:
    with open_model("kws") as hear:
        path = next((data(cache, "speech_commands") / "stop").iterdir())
        assert hear(path).best.name == hear(path.read_bytes()).best.name == "stop"


def test_an_anomaly_is_suspected_more_than_what_is_normal(cache: Path) -> None:
    folder = data(cache, "toyadmos") / "ToyCar" / "test"
    with open_model("ad", first_frame=2, frame_count=58) as suspect:
        normal, anomaly = (suspect(folder / f"{kind}_id_01_00000000.wav") for kind in ("normal", "anomaly"))
        assert anomaly.score > normal.score == pytest.approx(np.mean(normal.windows))
        with pytest.raises(DataMissing, match="is too short"):
            suspect(wav_bytes(np.ones(2000, np.int16), 16000))


def test_persons_are_boxed_by_name_and_faces_dotted(cache: Path, tmp_path: Path) -> None:
    with open_model("yolo_person") as detect:
        found = detect(next((data(cache, "coco_person") / "images").iterdir()))
        assert {box.name for box in found.boxes} == {"person"}
        assert found.draw().size == found.picture.shape[1::-1]
    with open_model("face_landmark") as find:
        path = next(data(cache, "faces").glob("*.jpg"))
        points = find(path)
        assert points.points.shape == (468, 3)
        points.draw(tmp_path / "points.png")
    with Image.open(path) as face, Image.open(tmp_path / "points.png") as drawn:
        assert drawn.size == face.size


def test_a_wake_word_is_heard_when_it_is_said(cache: Path) -> None:
    folder = data(cache, "wake_word")
    first = (folder / "windows.csv").read_text().splitlines()[1].split(",")
    with open_model("sww") as listen:
        heard = listen(folder / "stream.wav")
    assert any(float(first[1]) <= at <= float(first[2]) + 0.5 for at in heard.times_s)
    assert len(heard.chances) == 1845
