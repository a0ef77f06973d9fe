from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer, LogError
from accuracy.errors import TruthError
from accuracy.mean_iou import MeanIoU
from backends.cpu import CpuBackend
from tasks.base import Array, DataMissing, DataRef
from tasks.codecs.segmentation import SegmentationOptions
from tasks.segmentation import Segmentation
from tests.tasks.annotated_pictures import make_set, open_set

AS_MEASURED = SegmentationOptions(pad_value=0, profile="pillow")


# --- the real models on real pictures -----------------------------------------------------------------------------


def published_annotations(zoo: Path) -> Path:
    return zoo / "datasets/mlperf_mobile/v3_1_datasets_ade20k_tiny_annotations.zip"


def run(zoo: Path, model: str, options: SegmentationOptions, truth: Path | None) -> tuple[Segmentation, list[Answer]]:
    task = Segmentation(DataRef(zoo / "datasets/ade20k_sample/images", truth), options)
    backend = CpuBackend(zoo / "models/mlperf_mobile" / f"{model}.tflite", threads=2)
    codec = task.codec(backend.inputs, backend.outputs)
    answers = [
        Answer(index, codec.postprocess(backend.invoke(codec.preprocess(index))))
        for index in reversed(range(len(task)))
    ]
    backend.close()
    return task, answers


@pytest.fixture(scope="module")
def deeplab(zoo: Path) -> tuple[Segmentation, list[Answer]]:
    return run(zoo, "deeplabv3_mnv2_ade20k_uint8", AS_MEASURED, published_annotations(zoo))


@pytest.mark.parametrize(
    ("model", "present", "union"),
    [
        ("deeplabv3_mnv2_ade20k_int8", 0.4530, 0.3775),
        ("mobile_segmenter_r3_quant_argmax_uint8", 0.4753, 0.4321),
        ("mobile_segmenter_r4_quant_argmax_uint8", 0.5341, 0.4451),
    ],
)
def test_a_model_scores_as_measured(zoo: Path, model: str, present: float, union: float) -> None:
    task, answers = run(zoo, model, AS_MEASURED, published_annotations(zoo))
    scores = task.score(answers)
    assert scores["miou_present"] == pytest.approx(present, abs=0.005)
    assert scores["miou_union"] == pytest.approx(union, abs=0.005)


def test_deeplab_scores_as_measured(deeplab: tuple[Segmentation, list[Answer]]) -> None:
    task, answers = deeplab
    task.check_truth()
    scores = task.score(answers)
    assert scores["miou_present"] == pytest.approx(0.4545, abs=0.005)
    assert scores["miou_union"] == pytest.approx(0.3788, abs=0.005)
    assert scores["miou"] == pytest.approx(scores["miou_present"] * 10 / 31)  # ten classes occur in three pictures


@pytest.mark.parametrize(
    "spoil",
    [lambda m: m + np.uint8(1), lambda m: m.T, lambda m: np.roll(m, 64, axis=1), lambda m: np.zeros_like(m)],
    ids=["every class shifted by one", "transposed", "moved by 64 pixels", "all background"],
)
def test_twin_of_deeplabs_score_a_spoilt_map_does_not_reach_it(
    deeplab: tuple[Segmentation, list[Answer]], spoil: Callable[[Array], Array]
) -> None:
    task, answers = deeplab
    spoilt = [
        answer._replace(data=grids.pack_class_map(spoil(grids.unpack_class_map(answer.data)))) for answer in answers
    ]
    assert task.score(spoilt)["miou_present"] < 0.4545 - 0.03


def test_twin_of_deeplabs_score_answers_of_other_samples_do_not_reach_it(
    deeplab: tuple[Segmentation, list[Answer]],
) -> None:
    task, answers = deeplab
    swapped = [answer._replace(index=(answer.index + 1) % 3) for answer in answers]
    assert task.score(swapped)["miou_present"] < 0.4545 - 0.1


@pytest.mark.parametrize("how", ["stretched instead of padded", "blue and red exchanged"])
def test_twin_of_deeplabs_score_other_preprocessing_does_not_reach_it(zoo: Path, tmp_path: Path, how: str) -> None:
    for source in sorted((zoo / "datasets/ade20k_sample/images").iterdir()):
        picture = Image.open(source).convert("RGB")
        if how == "stretched instead of padded":
            picture = picture.resize((512, 512), Image.Resampling.BILINEAR)
        else:
            picture = Image.fromarray(np.asarray(picture)[..., ::-1])
        picture.save(tmp_path / f"{source.stem}.png")
    task = Segmentation(DataRef(tmp_path, published_annotations(zoo)), AS_MEASURED)
    backend = CpuBackend(zoo / "models/mlperf_mobile/deeplabv3_mnv2_ade20k_uint8.tflite", threads=2)
    codec = task.codec(backend.inputs, backend.outputs)
    answers = [Answer(index, codec.postprocess(backend.invoke(codec.preprocess(index)))) for index in range(3)]
    assert abs(task.score(answers)["miou_present"] - 0.4545) > 0.005


def test_annotations_prepared_here_score_as_the_published_ones(
    zoo: Path, deeplab: tuple[Segmentation, list[Answer]]
) -> None:
    task, answers = deeplab
    own = Segmentation(DataRef(zoo / "datasets/ade20k_sample/images"), AS_MEASURED)
    own.check_truth()
    assert own.describe_data()["truth"].endswith("annotations")
    assert own.score(answers) == task.score(answers)


def test_annotated_classes_that_the_model_does_not_have_are_remarked_and_those_beyond_the_benchmarks_32_are_not(
    deeplab: tuple[Segmentation, list[Answer]], zoo: Path
) -> None:
    _, answers = deeplab
    options = replace(AS_MEASURED, num_classes=21)
    pascal = Segmentation(
        DataRef(zoo / "datasets/ade20k_sample/images", zoo / "datasets/ade20k_sample/annotations"), options
    )
    assert any(
        "of the annotated pixels are of 6 classes from 21 to 103, but the model has the classes 0 to 20" in note
        for note in pascal.score(answers).notes
    )
    whole = Segmentation(pascal._data, AS_MEASURED)
    assert not any("annotated pixels" in note for note in whole.score(answers).notes)


def test_annotations_without_a_picture_are_counted_and_not_scored(deeplab: tuple[Segmentation, list[Answer]]) -> None:
    assert deeplab[0].describe_data()["unused_annotations"] == 27
    assert deeplab[0].score(deeplab[1]).notes[-1].startswith("27 of the annotations in ")


def test_a_log_of_two_thousand_maps_stays_small(deeplab: tuple[Segmentation, list[Answer]]) -> None:
    _, answers = deeplab
    hex_characters = sum(2 * len(answer.data) for answer in answers) / len(answers)
    assert 2000 * hex_characters < 150e6 / 4


def test_the_padding_of_the_benchmark_scores_higher_than_black(zoo: Path) -> None:
    task, answers = run(zoo, "deeplabv3_mnv2_ade20k_uint8", SegmentationOptions(), published_annotations(zoo))
    assert task.score(answers)["miou_present"] == pytest.approx(0.4837, abs=0.005)


def test_a_model_of_513_with_an_int64_map_finds_the_bird(zoo: Path, tmp_path: Path) -> None:
    source = zoo / "datasets/pascal_seg_coral"
    (tmp_path / "annotations").mkdir()
    Image.open(source / "bird_segmentation.bmp").save(tmp_path / "bird.png")
    Image.open(source / "bird_segmentation_mask.bmp").save(tmp_path / "annotations/bird.png")
    task = Segmentation(DataRef(tmp_path), SegmentationOptions(num_classes=21))
    task.check_truth()
    backend = CpuBackend(zoo / "models/coral/deeplabv3_mnv2_dm05_pascal_quant.tflite", threads=2)
    codec = task.codec(backend.inputs, backend.outputs)
    answer = codec.postprocess(backend.invoke(codec.preprocess(0)))
    mask = np.asarray(Image.open(tmp_path / "annotations/bird.png"))
    assert (grids.unpack_class_map(answer) == mask).mean() == pytest.approx(0.9606, abs=0.001)
    metric = MeanIoU(20)
    metric.update(grids.unpack_class_map(answer), mask)
    assert dict(metric.per_class())[3] > 0.8  # the bird; the mask also has a little of two other classes
    assert task.score([Answer(0, answer)]) == metric.compute()


# --- the task on made pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[(8, 8), (8, 8)], [(6, 10), (12, 5)], [(16, 16), (3, 9)]])
def test_a_perfect_model_scores_one_whatever_the_pictures_sizes(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    task = open_set(make_set(tmp_path, sizes))
    task.check_truth()
    answers = [Answer(index, grids.pack_class_map(task._truth_for(index, (8, 8)))) for index in range(len(task))]
    assert task.score(answers)["miou_present"] == 1


def test_the_surplus_line_of_a_model_of_odd_side_is_left_out(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(6, 10)], truth_size=(8, 8)))
    task.check_truth()
    truth = np.asarray(Image.open(tmp_path / "annotations/a.png"))
    class_map = np.full((9, 9), 5, np.uint8)
    class_map[:8, :8] = truth
    assert task.score([Answer(0, grids.pack_class_map(class_map))])["miou_present"] == 1
    metric = MeanIoU()
    metric.update(class_map[1:, 1:], truth)
    shifted = np.zeros((9, 9), np.uint8)
    shifted[:8, :8] = class_map[1:, 1:]
    assert task.score([Answer(0, grids.pack_class_map(shifted))]) == metric.compute()


def test_an_annotation_of_another_size_is_refused_before_the_run_where_it_can_be_known(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(6, 10)], truth_size=(10, 6)))
    with pytest.raises(DataMissing, match=r"annotation a in .* is 10x6, which is neither its picture's size \(6, 10\)"):
        task.check_truth()


def test_an_annotation_made_for_another_model_is_refused_when_it_is_scored(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(6, 10)], truth_size=(16, 16)))
    task.check_truth()
    with pytest.raises(TruthError, match=r"a\.png is 16x16: neither the class map's size \(8x8\) nor the picture's"):
        task.score([Answer(0, grids.pack_class_map(np.zeros((8, 8), np.uint8)))])


def test_a_missing_annotation_is_named(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(8, 8)] * 3))
    (tmp_path / "annotations/b.png").unlink()
    with pytest.raises(DataMissing, match="no file for 1 of the samples: b"):
        task.check_truth()


@pytest.mark.parametrize("kind", ["RGB", "16 bits", "truncated"])
def test_an_annotation_that_is_no_class_map_is_named_before_the_run(tmp_path: Path, kind: str) -> None:
    task, bad = open_set(make_set(tmp_path, [(64, 64)] * 2)), tmp_path / "annotations/b.png"
    if kind == "RGB":
        Image.new("RGB", (64, 64)).save(bad)
    elif kind == "16 bits":
        Image.fromarray(np.zeros((64, 64), np.uint16)).save(bad)
    else:
        bad.write_bytes(bad.read_bytes()[:500])
    with pytest.raises(DataMissing, match=r"b\.png in .*annotations"):
        task.check_truth()


def test_annotations_without_any_scored_class_are_refused(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(8, 8)]))
    Image.fromarray(np.full((8, 8), 255, np.uint8)).save(tmp_path / "annotations/a.png")
    with pytest.raises(DataMissing, match="has any of the classes 1 to 31"):
        task.check_truth()


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    task_folder = make_set(tmp_path, [(8, 8)])
    Image.new("RGB", (8, 8)).save(task_folder / "images/a.jpg")
    with pytest.raises(DataMissing, match="more than one picture named a"):
        open_set(task_folder).check_truth()


def test_a_corrupt_answer_is_refused(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(8, 8)]))
    packed = grids.pack_class_map(np.arange(64, dtype=np.uint8).reshape(8, 8))
    with pytest.raises(LogError, match=r"sample 0 \(a\.png\): a corrupt class map"):
        task.score([Answer(0, packed[:-6])])


def test_without_a_ground_truth_a_task_still_describes_its_data_and_runs(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    task = Segmentation(DataRef(tmp_path), SegmentationOptions())
    assert task.describe_data() == {"count": 1, "pictures": str(tmp_path), "truth": None}
    with pytest.raises(DataMissing, match="--truth"):
        task.check_truth()


def test_an_archive_of_pictures_finds_its_annotations_beside_it(tmp_path: Path) -> None:
    make_set(tmp_path, [(8, 8)] * 2)
    for archive, folder in (("ade20k_tiny.zip", "images"), ("ade20k_tiny_annotations.zip", "annotations")):
        with zipfile.ZipFile(tmp_path / archive, "w") as file:
            for path in sorted((tmp_path / folder).iterdir()):
                file.write(path, path.name)
                file.writestr(f"__MACOSX/._{path.name}", b"resource fork")
                path.unlink()
        (tmp_path / folder).rmdir()
    task = Segmentation(DataRef(tmp_path / "ade20k_tiny.zip", count=1), SegmentationOptions())
    task.check_truth()
    assert task.describe_data() == {
        "count": 1,
        "pictures": str(tmp_path / "ade20k_tiny.zip"),
        "truth": str(tmp_path / "ade20k_tiny_annotations.zip"),
        "unused_annotations": 1,
    }


@pytest.mark.parametrize(
    "bad", [{"num_classes": 1}, {"num_classes": 300}, {"pad_value": 256.0}, {"pad_value": -1.0}, {"std": 0.0}]
)
def test_an_option_that_cannot_be_used_is_refused_with_its_value(bad: dict[str, Any]) -> None:
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        SegmentationOptions(**bad)


def test_options_are_what_a_config_may_say() -> None:
    assert Segmentation.Options is SegmentationOptions
    assert replace(SegmentationOptions(), pad_value=0).pad_value == 0


def test_other_pictures_of_the_same_names_as_the_published_annotations_are_refused(zoo: Path) -> None:
    folder = zoo / "datasets/mlperf_mobile"
    truth = published_annotations(zoo)
    task = Segmentation(DataRef(folder / "v0_7_datasets_ade20k_tiny.zip", truth), SegmentationOptions())
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        task.check_truth()


def test_maps_that_score_when_they_are_transposed_are_told(tmp_path: Path) -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[:2] = 1
    for folder, pixels in (("images", np.zeros((8, 8, 3), np.uint8)), ("annotations", truth)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    task = Segmentation(DataRef(tmp_path), SegmentationOptions(num_classes=2))
    turned = [Answer(0, grids.pack_class_map(np.ascontiguousarray(truth.T)))]
    found = {reading.words: reading.score(turned) for reading in task.readings(lambda: turned)}
    assert task.score(turned)["miou"] == 0.25
    assert found["class maps transposed"] == 1.0


@pytest.mark.parametrize("nothing", [0, 255])
def test_pictures_whose_annotations_have_no_scored_class_are_counted(tmp_path: Path, nothing: int) -> None:
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    for folder, pixels in (
        ("images", [np.zeros((8, 8, 3), np.uint8)] * 2),
        ("annotations", [labels, labels * 0 + nothing]),
    ):
        (tmp_path / folder).mkdir()
        for number, each in enumerate(pixels):
            Image.fromarray(each.astype(np.uint8)).save(tmp_path / folder / f"{number}.png")
    task = Segmentation(DataRef(tmp_path), SegmentationOptions(num_classes=4))
    answers = [Answer(index, grids.pack_class_map(labels)) for index in range(2)]
    score = task.score(answers)
    assert score["miou"] == 1.0
    assert "1 of the 2 pictures have no pixel of the classes 1 to 3 in their annotations" in str(score.notes)
