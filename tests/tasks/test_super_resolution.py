from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer, LogError
from accuracy.psnr import psnr
from backends.cpu import CpuBackend
from tasks.base import Array, DataMissing, DataRef
from tasks.codecs.super_resolution import SuperResolutionOptions
from tasks.super_resolution import SuperResolution
from tests.tasks.picture_pairs import bind, make_set, open_set, tensor

# --- the real models on real pictures -----------------------------------------------------------------------------

HEIGHT, WIDTH = 120, 160
MODELS = {"fp32": 33.272, "full_qint8": 33.051, "QAT": 33.052}
"""dB of the parts, from numpy and the interpreter alone; they tell of these parts, not of the benchmark's pictures."""


@pytest.fixture(scope="module")
def pairs(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of real photographs, and the same at half the size."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "lr").mkdir()
    (folder / "hr").mkdir()
    sources = sorted((zoo / "datasets/coco_val50").rglob("*.jpg"))[:3]
    for source in sources:
        original = Image.open(source).convert("RGB").crop((0, 0, 2 * WIDTH, 2 * HEIGHT))
        original.save(folder / f"hr/{source.stem}.png")
        original.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(folder / f"lr/{source.stem}.png")
    return folder


def run(zoo: Path, pairs: Path, model: str, spoil: Any = None, **options: Any) -> tuple[SuperResolution, list[Answer]]:
    task = SuperResolution(DataRef(pairs / "lr"), SuperResolutionOptions(**options))
    task.check_truth()
    path = zoo / f"models/mlperf_mobile/edsr_f32b5_{model}.tflite"
    opened = CpuBackend(path, threads=2, input_shapes=[(1, 1, 1, 3)])  # as a file without a size of its own opens
    shapes = task.input_shapes(opened.inputs)
    opened.close()
    backend = CpuBackend(path, threads=2, input_shapes=shapes)
    codec = task.codec(backend.inputs, backend.outputs)
    answers = []
    for index in range(len(task)):
        (prepared,) = codec.preprocess(index)
        outputs = backend.invoke([spoil(prepared) if spoil else prepared])
        answers.append(Answer(index, codec.postprocess(outputs)))
    backend.close()
    return task, answers


def bicubic_psnr(pairs: Path) -> float:
    ratios = []
    for path in sorted((pairs / "lr").iterdir()):
        larger = Image.open(path).resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
        ratios.append(psnr(np.asarray(larger), np.asarray(Image.open(pairs / "hr" / path.name))))
    return float(np.mean(ratios))


@pytest.mark.parametrize("model", MODELS)
def test_edsr_restores_what_halving_took_better_than_bicubic(zoo: Path, pairs: Path, model: str) -> None:
    task, answers = run(zoo, pairs, model)
    scores = task.score(answers)
    assert scores["psnr_db"] == pytest.approx(MODELS[model], abs=0.1)
    assert scores["psnr_db"] > bicubic_psnr(pairs) + 2


@pytest.mark.parametrize(
    "spoil",
    [lambda x: np.ascontiguousarray(x[..., ::-1]), lambda x: np.roll(x, 1, axis=2), lambda x: x / np.float32(255)],
    ids=["blue and red exchanged", "moved by one pixel", "normalised"],
)
def test_twin_of_edsrs_score_other_preprocessing_does_not_reach_it(zoo: Path, pairs: Path, spoil: Any) -> None:
    task, answers = run(zoo, pairs, "fp32", spoil)
    assert task.score(answers)["psnr_db"] < MODELS["fp32"] - 0.5


def test_twin_of_edsrs_score_int8_bytes_reinterpreted_do_not_reach_it(zoo: Path, pairs: Path) -> None:
    task, answers = run(zoo, pairs, "full_qint8", lambda x: x ^ np.int8(-128))
    assert task.score(answers)["psnr_db"] < 20


def test_twin_of_edsrs_score_answers_of_other_samples_do_not_reach_it(zoo: Path, pairs: Path) -> None:
    task, answers = run(zoo, pairs, "QAT")
    swapped = [answer._replace(index=(answer.index + 1) % 3) for answer in answers]
    assert task.score(swapped)["psnr_db"] < 20


def test_rounding_to_the_nearest_scores_a_little_higher_than_the_mobile_apps_cut(zoo: Path, pairs: Path) -> None:
    cut, nearest = (
        task.score(answers)["psnr_db"]
        for task, answers in (run(zoo, pairs, "fp32"), run(zoo, pairs, "fp32", rounding="nearest"))
    )
    assert 0 < nearest - cut < 0.15


def test_a_full_size_picture_of_the_benchmark_goes_through(zoo: Path) -> None:
    data = DataRef(zoo / "datasets/mlperf_mobile/v3_1_datasets_snusr_lr_png_tiny.zip", count=1)
    task = SuperResolution(data, SuperResolutionOptions())
    backend = CpuBackend(zoo / "models/mlperf_mobile/edsr_f32b5_full_qint8.tflite", threads=2)
    assert task.input_shapes(backend.inputs) is None
    codec = task.codec(backend.inputs, backend.outputs)
    (prepared,) = codec.preprocess(0)
    answer = codec.postprocess(backend.invoke([prepared]))
    assert len(answer) == 10 + 1080 * 1920 * 3
    picture = grids.unpack_picture(answer)
    assert picture.shape == (1080, 1920, 3)
    halved = np.asarray(Image.fromarray(picture).resize((960, 540), Image.Resampling.BICUBIC))
    assert psnr(halved, (prepared[0].astype(np.int16) + 128).astype(np.uint8)) > 35


# --- the task on made pictures ------------------------------------------------------------------------------------


def test_the_scores_of_pictures_are_averaged_in_any_order(tmp_path: Path) -> None:
    folder = make_set(tmp_path, [(4, 6)] * 2)
    task = open_set(folder)
    originals: list[Array] = [np.asarray(Image.open(folder / f"hr/{stem}.png")) for stem in "ab"]
    off = [np.where(original < 128, original + 1, original - 1).astype(np.uint8) for original in originals]
    answers = [Answer(1, grids.pack_picture(originals[1])), Answer(0, grids.pack_picture(off[0]))]
    assert task.score(answers)["psnr_db"] == pytest.approx((48.1308 + 100) / 2, abs=1e-4)


def test_answers_that_are_black_but_for_ones_are_told_to_be_fractions(tmp_path: Path) -> None:
    folder = make_set(tmp_path, [(4, 6)] * 2)
    task = open_set(folder)
    ones = [Answer(place, grids.pack_picture(np.full((8, 12, 3), place, np.uint8))) for place in (0, 1)]
    (said,) = task.score(ones).notes
    assert "no byte of the answers is more than 1, of the originals some are 25" in said
    assert "model.float_range=0..1" in said
    brighter = [ones[0], Answer(1, grids.pack_picture(np.full((8, 12, 3), 2, np.uint8)))]
    assert not task.score(brighter).notes
    for stem in "ab":
        Image.new("RGB", (12, 8), (9, 9, 9)).save(folder / f"hr/{stem}.png")
    assert not open_set(folder).score(ones).notes


def test_only_a_model_without_a_size_gets_that_of_the_pictures(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)]))
    assert task.input_shapes([tensor((1, 1, 1, 3), np.float32)]) == [(1, 4, 6, 3)]
    assert task.input_shapes([tensor((1, 3, 1, 1), np.float32)]) == [(1, 3, 4, 6)]
    assert task.input_shapes([tensor((1, 540, 960, 3), np.float32)]) is None
    assert task.input_shapes([]) is None


def test_a_picture_of_another_size_than_the_model_takes_is_named_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"^b\.png has 5 rows of 6 pixels, but 4 rows of 6 are wanted"):
        bind(make_set(tmp_path, [(4, 6), (5, 6)]), np.uint8)


def test_an_original_of_the_wrong_size_is_named_before_the_run(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)], scale=3))
    with pytest.raises(DataMissing, match=r"original a in .* is 12x18, but its picture of 4x6 needs 8x12 at scale 2"):
        task.check_truth()


def test_a_missing_original_is_named(tmp_path: Path) -> None:
    folder = make_set(tmp_path, [(4, 6)] * 2)
    (folder / "hr/b.png").unlink()
    with pytest.raises(DataMissing, match="no file for 1 of the samples: b"):
        open_set(folder).check_truth()


def test_a_log_of_other_pictures_is_refused(tmp_path: Path) -> None:
    task = open_set(make_set(tmp_path, [(4, 6)]))
    with pytest.raises(LogError, match=r"answer for a\.png is \[4, 6, 3\], but its original is \[8, 12, 3\]"):
        task.score([Answer(0, grids.pack_picture(np.zeros((4, 6, 3), np.uint8)))])
    with pytest.raises(LogError, match=r"sample 0 \(a\.png\): a corrupt picture"):
        task.score([Answer(0, grids.pack_picture(np.zeros((8, 12, 3), np.uint8))[:-5])])


def test_archives_are_paired_by_their_names(tmp_path: Path) -> None:
    folder = make_set(tmp_path, [(4, 6)] * 2)
    for name in ("lr", "hr"):
        with zipfile.ZipFile(tmp_path / f"snusr_{name}_png_tiny.zip", "w") as archive:
            for path in sorted((folder / name).iterdir()):
                archive.write(path, path.name)
                path.unlink()
        (folder / name).rmdir()
    task = SuperResolution(DataRef(tmp_path / "snusr_lr_png_tiny.zip", count=1), SuperResolutionOptions())
    task.check_truth()
    assert task.describe_data() == {
        "count": 1,
        "pictures": str(tmp_path / "snusr_lr_png_tiny.zip"),
        "truth": str(tmp_path / "snusr_hr_png_tiny.zip"),
        "unused_originals": 1,
    }


def test_without_originals_a_task_still_describes_its_data(zoo: Path) -> None:
    archive = zoo / "datasets/mlperf_mobile/v3_1_datasets_snusr_lr_png_tiny.zip"
    task = SuperResolution(DataRef(archive), SuperResolutionOptions())
    assert task.describe_data() == {"count": 2, "pictures": str(archive), "truth": None}
    with pytest.raises(DataMissing, match=r"v3_1_datasets_snusr_hr_png_tiny\.zip.*--truth"):
        task.check_truth()


def test_the_originals_that_are_missing_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "set_lr_png").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "set_lr_png/a.png")
    task = SuperResolution(DataRef(tmp_path / "set_lr_png"), SuperResolutionOptions())
    with pytest.raises(DataMissing, match=r"looked for the originals in a folder hr, or set_hr_png\)"):
        task.check_truth()
