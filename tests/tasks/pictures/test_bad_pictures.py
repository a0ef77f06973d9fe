"""Pictures that are not what most are, in every task that takes pictures: defined, or refused by name."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backends.base import TensorSpec
from tasks.base import Array, Codec, DataMissing, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.detection import DetectionOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.codecs.super_resolution import SuperResolutionOptions
from tasks.detection import Detection
from tasks.pictures.folders import Pictures
from tasks.pictures.truth_by_name import picture_size
from tasks.segmentation import Segmentation
from tasks.super_resolution import SuperResolution

HEIGHT, WIDTH = 20, 30
RAMP = (np.arange(HEIGHT * WIDTH * 3) % 251).astype(np.uint8).reshape(HEIGHT, WIDTH, 3)
ODD = RAMP[:, ::-1, ::-1]
INPUT = TensorSpec("picture", (1, HEIGHT, WIDTH, 3), np.dtype(np.uint8))
Bind = Callable[[Path], Codec]


def spec(name: str, *shape: int, dtype: Any = np.float32) -> TensorSpec:
    return TensorSpec(name, shape, np.dtype(dtype))


def classification(path: Path) -> Codec:
    task = Classification(DataRef(path), ClassificationOptions())
    return task.codec([INPUT], [spec("scores", 1, 1000)])


def detection(path: Path) -> Codec:
    op = "TFLite_Detection_PostProcess"
    shapes = [(1, 10, 4), (1, 10), (1, 10), (1,)]
    outputs = [spec(f"{op}:{number}", *shape) for number, shape in enumerate(shapes)]
    return Detection(DataRef(path), DetectionOptions()).codec([INPUT], outputs)


def segmentation(path: Path) -> Codec:
    class_map = spec("map", 1, HEIGHT, WIDTH, dtype=np.int32)
    return Segmentation(DataRef(path), SegmentationOptions()).codec([INPUT], [class_map])


def super_resolution(path: Path) -> Codec:
    output = spec("large", 1, 2 * HEIGHT, 2 * WIDTH, 3, dtype=np.uint8)
    return SuperResolution(DataRef(path), SuperResolutionOptions()).codec([INPUT], [output])


@pytest.fixture(params=[classification, detection, segmentation, super_resolution])
def bind(request: pytest.FixtureRequest) -> Bind:
    found: Bind = request.param
    return found


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def prepared(bind: Bind, folder: Path, name: str, data: bytes) -> Array:
    folder.mkdir()
    (folder / name).write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = bind(folder).preprocess(0)
    return found


def as_rgb(image: Image.Image) -> bytes:
    return encoded(image.convert("RGB"), "PNG")


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA"])
def test_a_gray_palette_or_transparent_png_is_its_rgb_picture(bind: Bind, tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RAMP).convert(mode)
    found = prepared(bind, tmp_path / "a", "odd.png", encoded(image, "PNG"))
    assert np.array_equal(found, prepared(bind, tmp_path / "b", "plain.png", as_rgb(image)))
    assert not np.array_equal(found, prepared(bind, tmp_path / "c", "other.png", as_rgb(Image.fromarray(ODD))))


def test_a_gray_jpeg_is_its_rgb_picture(bind: Bind, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RAMP).convert("L"), "JPEG", quality=95)
    found = prepared(bind, tmp_path / "a", "gray.jpg", data)
    assert np.array_equal(found, prepared(bind, tmp_path / "b", "b.png", as_rgb(Image.open(io.BytesIO(data)))))
    assert np.ptp(found, axis=3).max() == 0


@pytest.mark.parametrize("rotation", [3, 6, 8])
def test_the_exif_rotation_is_ignored(bind: Bind, tmp_path: Path, rotation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = rotation
    plain = encoded(Image.fromarray(RAMP), "JPEG", quality=95)
    rotated = encoded(Image.fromarray(RAMP), "JPEG", quality=95, exif=exif)
    assert rotated != plain
    found = prepared(bind, tmp_path / "a", "rotated.jpg", rotated)
    assert np.array_equal(found, prepared(bind, tmp_path / "b", "plain.jpg", plain))
    assert picture_size(Pictures.open(tmp_path / "a"), 0) == (HEIGHT, WIDTH)


REFUSED = {
    "empty.jpg": (b"", r"empty\.jpg is not a JPEG, PNG, BMP or \.npy picture: the file is empty"),
    "empty.rgb8": (b"", r"empty\.rgb8 has 0 bytes"),
    "text.png": (b"not a picture", r"text\.png is not a JPEG, PNG, BMP or \.npy picture: it starts with 6e 6f"),
    "cut.jpg": (encoded(Image.fromarray(RAMP), "JPEG")[:-300], r"cut\.jpg is not a JPEG that can be decoded"),
    "page.jpg": (b"<html>not found</html>", r"page\.jpg is not a JPEG"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_sample_is_refused_by_name(bind: Bind, tmp_path: Path, name: str) -> None:
    data, complaint = REFUSED[name]
    with pytest.raises(DataMissing, match=complaint):
        prepared(bind, tmp_path / "set", name, data)


def test_a_folder_named_like_a_picture_is_no_picture(bind: Bind, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    (tmp_path / "x.jpg" / "inner.txt").write_text("nothing")
    Image.fromarray(RAMP).save(tmp_path / "y.png")
    bind(tmp_path).preprocess(0)
    assert Pictures.open(tmp_path).names == ("y.png",)


def test_a_folder_in_an_archive_named_like_a_picture_is_no_picture(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("x.jpg/", b"")
        archive.writestr("y.png", b"y")
    assert Pictures.open(tmp_path / "set.zip").names == ("y.png",)


def test_a_folder_of_pictures_may_itself_be_named_like_one(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    (tmp_path / "x.jpg" / "inner.png").write_bytes(as_rgb(Image.fromarray(RAMP)))
    assert Pictures.open(tmp_path / "x.jpg").names == ("inner.png",)


def test_a_picture_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("val/a.jpg", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("val/a.jpg", b"other")
    with pytest.raises(DataMissing, match=r"set\.zip holds val/a\.jpg twice"):
        Pictures.open(path)


def test_a_link_to_nothing_is_refused_and_one_to_a_picture_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"picture")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").symlink_to(tmp_path / "real.png")
    assert Pictures.open(tmp_path / "set").read(0) == b"picture"
    (tmp_path / "set" / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataMissing, match=r"b\.png is no file: a link to nothing"):
        Pictures.open(tmp_path / "set")


def test_a_pipe_named_like_a_picture_is_refused_and_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataMissing, match=r"a\.jpg is no file"):
        Pictures.open(tmp_path)


def twins(folder: Path) -> Path:
    folder.mkdir()
    for name in ("a.jpg", "a.png"):
        Image.fromarray(RAMP).save(folder / name)
    return folder


def test_two_pictures_of_one_stem_are_two_samples_of_classification_each_with_its_label(tmp_path: Path) -> None:
    folder = twins(tmp_path / "set")
    (folder / "val_map.txt").write_text("a.png 1\na.jpg 2\n")
    task = Classification(DataRef(folder), ClassificationOptions())
    task.check_truth()
    assert len(task) == 2
    (folder / "val_map.txt").write_text("a.png 1\n")
    with pytest.raises(DataMissing, match=r"no label for a\.jpg"):
        Classification(DataRef(folder), ClassificationOptions()).check_truth()


def test_two_pictures_of_one_stem_cannot_be_told_apart_by_boxes(tmp_path: Path) -> None:
    folder = twins(tmp_path / "set")
    truth = tmp_path / "instances_val.json"
    image = {"id": 1, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}
    truth.write_text(json.dumps({"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "cat"}]}))
    for order in ("json", "name"):
        with pytest.raises(DataMissing, match="more than one picture named a: remove the others"):
            Detection(DataRef(folder, truth), DetectionOptions(order=order)).check_truth()


def test_two_pictures_of_one_stem_cannot_be_told_apart_by_originals(tmp_path: Path) -> None:
    folder = twins(tmp_path / "lr")
    (tmp_path / "hr").mkdir()
    Image.fromarray(RAMP.repeat(2, axis=0).repeat(2, axis=1)).save(tmp_path / "hr" / "a.png")
    with pytest.raises(DataMissing, match="more than one picture named a: remove the others"):
        SuperResolution(DataRef(folder), SuperResolutionOptions()).check_truth()
