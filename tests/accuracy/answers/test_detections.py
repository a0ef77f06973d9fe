from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accuracy import coco_ap, tflite_map, voc_map
from accuracy.answers.detections import from_answers, read_results
from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_detections, unpack_detections
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.truth.boxes.coco import CocoImage, CocoTruth

quick = settings(deadline=None, derandomize=True, max_examples=60)
Rows = list[list[float]]
"""ymin, xmin, ymax, xmax, score, class."""


def truth_of(*sizes: tuple[int, int]) -> CocoTruth:
    return CocoTruth(
        images=tuple(CocoImage(f"{n}.jpg", 100 + n, width, height) for n, (width, height) in enumerate(sizes)),
        categories=(1, 2, 90),
        image=np.zeros(0, np.int64),
        category=np.zeros(0, np.int64),
        box=np.zeros((0, 4)),
        area=np.zeros(0),
        crowd=np.zeros(0, np.bool_),
        ignore=np.zeros(0, np.bool_),
    )


def answer(index: int, rows: Rows, mark: float | None = None) -> Answer:
    packed = [[index if mark is None else mark, *row] for row in rows]
    return Answer(index, np.array(packed, np.float32).tobytes())


# --- the wire --------------------------------------------------------------------------------------------------------

finite = st.floats(-2, 2, width=32)


@quick
@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(6)), elements=finite))
def test_packed_detections_come_back_with_the_index_left_for_the_caller(rows: Any) -> None:
    data = pack_detections(rows[:, :4], rows[:, 4], rows[:, 5])
    assert len(data) == 28 * len(rows)
    back = unpack_detections(data)
    np.testing.assert_array_equal(back[:, 1:], rows)
    assert not back[:, 0].any()


def test_the_layout_is_the_reference_harnesss() -> None:
    """ymin, xmin, ymax, xmax, score, class behind the index, little-endian."""
    data = pack_detections(np.array([[0.25, 0.5, 0.75, 1.0]]), np.array([0.5]), np.array([18.0]))
    assert data.hex() == "000000000000803e0000003f0000403f0000803f0000003f00009041"


def test_an_empty_answer_is_no_detections() -> None:
    assert unpack_detections(b"").shape == (0, 7)


@pytest.mark.parametrize("size", [1, 4, 20, 27, 29, 32, 57])
def test_bytes_that_are_no_rows_of_seven_are_refused(size: int) -> None:
    with pytest.raises(LogError, match=f"{size} bytes holds no rows of 7 float32"):
        unpack_detections(bytes(size))


# --- a log -----------------------------------------------------------------------------------------------------------


def test_boxes_become_pixels_and_the_order_is_the_pictures() -> None:
    answers = [
        answer(1, [[0.5, 0.25, 1.0, 0.75, 0.5, 90]]),
        answer(0, [[0, 0, 0.5, 0.5, 0.25, 1], [0, 0, 1, 1, 0.125, 3]]),
    ]
    found = from_answers(answers, truth_of((100, 50), (400, 200)))
    assert found.image.tolist() == [0, 0, 1]
    assert found.category.tolist() == [1, 3, 90]
    assert found.box.tolist() == [[0, 0, 50, 25], [0, 0, 100, 50], [100, 100, 200, 100]]
    assert found.score.tolist() == [0.25, 0.125, 0.5]


def test_samples_without_detections_are_answers_too() -> None:
    assert len(from_answers([answer(0, []), answer(1, [])], truth_of((9, 9), (9, 9))).box) == 0


def test_labels_of_eighty_classes_are_mapped_to_category_ids() -> None:
    rows: Rows = [[0, 0, 1, 1, 0.5, 3], [0, 0, 1, 1, 0.5, 0]]
    found = from_answers([answer(0, rows)], truth_of((9, 9)), {0: 0, 1: 1, 2: 2, 3: 90})
    assert found.category.tolist() == [90, 0]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([], "1 samples have no answer, the first is sample 0 (0.jpg)"),
        ([answer(0, []), answer(0, [])], "sample 0 (0.jpg) is answered twice"),
        ([answer(1, [])], "sample 1 is answered, but there are 1 samples"),
        ([answer(0, [[0, 0, 1, 1, math.nan, 1]])], "sample 0 (0.jpg): detection 0 has the score nan"),
        ([answer(0, [[0, 0, 1, 1, 0.5, 1], [0, 0, math.inf, 1, 0.5, 1]])], "detection 1 has the ymax inf"),
        ([answer(0, [[0, 0, 1, 1, 0.5, 1.5]])], "class 1.5 cannot be"),
        ([answer(0, [[0, 0, 1, 1, 0.5, -1]])], "class -1 cannot be: classes go from 0 to 90. Is class_offset right"),
        ([answer(0, [[0, 0, 1, 1, 0.5, 91]])], "class 91 cannot be"),
        ([answer(0, [[0, 0, 1, 1, 0.5, 1]], mark=7)], "marked as sample 7's: the log is mixed up"),
        ([Answer(0, bytes(30))], "30 bytes holds no rows"),
    ],
)
def test_an_answer_that_no_working_run_gives_is_refused(answers: list[Answer], message: str) -> None:
    with pytest.raises(LogError) as caught:
        from_answers(answers, truth_of((9, 9)))
    assert message in str(caught.value)


# --- COCO's results --------------------------------------------------------------------------------------------------


def entry(**changes: Any) -> dict[str, Any]:
    return {"image_id": 100, "category_id": 90, "bbox": [1, 2, 3, 4], "score": 0.5} | changes


def test_results_are_read_as_arrays(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps([entry(), entry(image_id=101, bbox=[0, 0, 0, 0])]))
    found = read_results(tmp_path / "results.json", truth_of((9, 9), (9, 9)))
    assert found.image.tolist() == [0, 1]
    assert found.category.tolist() == [90, 90]
    assert found.box[0].tolist() == [1, 2, 3, 4]


def test_an_empty_list_is_a_result(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("[]")
    assert len(read_results(tmp_path / "results.json", truth_of((9, 9))).box) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is not a list of detections, as COCO's results are, but a dict"),
        ([entry(), 5], "entry 1: 5 is not an object"),
        ([entry(image_id=9)], "entry 0: the ground truth has no image with the id 9"),
        ([entry(image_id=True)], "its image_id is True, neither a whole number nor a text"),
        ([entry(category_id="90")], "its category_id is '90', a text, but the file lists it as the number 90"),
        ([entry(image_id="100")], "its image_id is '100', a text, but the file lists it as the number 100"),
        ([entry(category_id=None)], "its category_id is None, neither"),
        ([entry(bbox=[0, 0, math.inf, 1])], "entry 0: the box of image 100 is [0, 0, inf, 1], not four finite numbers"),
        ([entry(bbox=None)], "the box of image 100 is None"),
        ([entry(), entry(score=math.nan)], "entry 1: the score of image 100 is nan, not a finite number"),
    ],
)
def test_an_entry_that_cannot_be_scored_is_named(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "results.json").write_text(json.dumps(content))
    with pytest.raises(LogError) as caught:
        read_results(tmp_path / "results.json", truth_of((9, 9)))
    assert message in str(caught.value)


def test_detections_of_classes_that_the_truth_does_not_list_are_passed_over_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = {
        "images": [{"id": "one", "file_name": "a.jpg", "width": 100.0, "height": 100}],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": 1, "image_id": "one", "category_id": 1, "bbox": [0, 0, 40, 40], "area": None, "iscrowd": None},
            {"id": 2, "image_id": "one", "category_id": 1, "bbox": [50, 50, 40, 0], "area": 0},
        ],
    }
    results = [
        {"image_id": "one", "category_id": 1, "bbox": [0, 0, 40, 40], "score": 0.9},
        {"image_id": "one", "category_id": 77, "bbox": [0, 0, 40, 40], "score": 0.9},
        {"image_id": "one", "category_id": "cat", "bbox": [0, 0, 40, 40], "score": 0.9},
        {"image_id": "one", "category_id": 1, "bbox": [0, 0, -4, 4], "score": 0.1},
    ]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(results))
    files = ["--predictions", str(tmp_path / "results.json"), "--truth", str(tmp_path / "truth.json")]
    # One of two objects is found: half of the recalls. To the app the two other classes count, as 0.
    for module, figure, value in (
        (coco_ap, "coco_ap", 51 / 101),
        (voc_map, "voc_map50", 0.5),
        (tflite_map, "tflite_map", 51 / 303),
    ):
        assert command.run(module.score_files, "any", files) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)[figure] == pytest.approx(value)
        assert "1 objects have a box without width or height" in err
        assert "2 detections are of a category that the ground truth does not list" in err
        assert "1 detections have a box of negative width or height" in err


def test_only_the_figure_that_needs_the_pictures_sizes_asks_for_them(tmp_path: Path) -> None:
    truth = {
        "images": [{"id": 4}],
        "categories": [{"id": 1}],
        "annotations": [{"id": 1, "image_id": 4, "category_id": 1, "bbox": [0, 0, 40, 40]}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(
        json.dumps([{"image_id": 4, "category_id": 1, "bbox": [0, 0, 40, 40], "score": 1}])
    )
    files = tmp_path / "results.json", tmp_path / "truth.json"
    assert coco_ap.score_files(*files)["coco_ap"] == pytest.approx(1)
    assert voc_map.score_files(*files)["voc_map50"] == pytest.approx(1)
    with pytest.raises(TruthError, match="gives 1 of 1 pictures no width and height"):
        tflite_map.score_files(*files)


def test_the_command_line_says_what_is_wrong_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, proto = str(tmp_path / "none.json"), str(tmp_path / "coco_val.pbtxt")
    for truth, message in ((missing, "cannot be read"), (proto, "has no picture sizes")):
        assert command.run(voc_map.score_files, "VOC", ["--predictions", missing, "--truth", truth]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
