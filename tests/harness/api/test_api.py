from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from accuracy.answers.log import read_rows
from accuracy.answers.wire import unpack_detections, unpack_labels
from accuracy.truth.boxes.coco_names import COCO_NAMES
from backends.base import ModelRejected
from backends.cpu import CpuBackend
from harness import api
from harness.api import Classifier, Detector, KeywordSpotter, Segmenter, SuperResolver, open_model
from harness.api.answers import PALETTE
from harness.errors import ConfigError, UnknownName
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.detection import DetectionOptions
from tasks.detection import Detection

Array = npt.NDArray[Any]
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "python-api.md"


# --- small real models -----------------------------------------------------------------------------------------------


def _write(graph: Graph, path: Path) -> Path:
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`_detector` of two boxes: the first reaches beyond the right, the second above the top."""
    folder = tmp_path_factory.mktemp("models")
    return _detector(folder / "detector.tflite", [0.25, 0.5, 0.75, 1.5, -0.5, 0.0, 0.5, 0.25])


def _detector(path: Path, boxes: list[float]) -> Path:
    """float32 [1, 16, 16, 3] -> four outputs: two boxes whose scores are the picture's mean red and green, 0 to 1."""
    graph = Graph("two boxes")
    picture = graph.input("picture", (1, 16, 16, 3), np.float32)
    mean = graph.tensor("mean", (1, 1, 1, 3), np.float32)
    pool = schema.Pool2DOptionsT(padding=schema.Padding.VALID, strideW=1, strideH=1, filterWidth=16, filterHeight=16)
    graph.operator("AVERAGE_POOL_2D", [picture], [mean], pool)
    flat = layers.reshape(graph, "flat", mean, (1, 3))

    def output(name: str, weight: Array, bias: list[float], shape: tuple[int, ...]) -> None:
        parts = graph.constant(f"{name}/weight", weight), graph.constant(f"{name}/bias", np.array(bias, np.float32))
        values = layers.fully_connected(graph, f"{name}/flat", flat, *parts)
        graph.output(layers.reshape(graph, name, values, shape))

    output("TFLite_Detection_PostProcess", np.zeros((8, 3), np.float32), boxes, (1, 2, 4))
    output("TFLite_Detection_PostProcess:1", np.zeros((2, 3), np.float32), [16, 0], (1, 2))
    scores = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
    output("TFLite_Detection_PostProcess:2", scores, [0.5, 0.5], (1, 2))
    output("TFLite_Detection_PostProcess:3", np.zeros((1, 3), np.float32), [2], (1,))
    return _write(graph, path)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 16, 16, 3] -> int32 [1, 16, 16]: 0 where red is the brightest channel, 1 green, 2 blue."""
    graph = Graph("brightest channel")
    picture = graph.input("picture", (1, 16, 16, 3), np.float32)
    brightest = graph.tensor("ArgMax", (1, 16, 16), np.int32)
    axis = graph.constant("axis", np.array(3, np.int32))
    graph.operator("ARG_MAX", [picture, axis], [brightest], schema.ArgMaxOptionsT(outputType=schema.TensorType.INT32))
    graph.output(brightest)
    return _write(graph, tmp_path_factory.mktemp("models") / "segmenter.tflite")


def _doubler(path: Path, height: int, width: int) -> Path:
    """float32 [1, h, w, 3] -> [1, 2h, 2w, 3]: each pixel four times."""
    graph = Graph("doubled")
    picture = graph.input("picture", (1, height, width, 3), np.float32)
    copies = graph.tensor("copies", (1, height, width, 12), np.float32)
    weight = np.tile(np.eye(3, dtype=np.float32), (4, 1)).reshape(12, 1, 1, 3)
    options = schema.Conv2DOptionsT(
        padding=schema.Padding.VALID, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1
    )
    parts = [graph.constant("weight", weight), graph.constant("bias", np.zeros(12, np.float32))]
    graph.operator("CONV_2D", [picture, *parts], [copies], options)
    doubled = graph.tensor("doubled", (1, 2 * height, 2 * width, 3), np.float32)
    graph.operator("DEPTH_TO_SPACE", [copies], [doubled], schema.DepthToSpaceOptionsT(blockSize=2))
    graph.output(doubled)
    return _write(graph, path)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No official model is here, and the stand-in is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFLITE_LOADGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,001 names of colours, of which the first is the background."""
    path = tmp_path_factory.mktemp("names") / "names.txt"
    path.write_text("background\n" + "".join(f"tint {number}\n" for number in range(1000)), encoding="utf-8")
    return path


def colours(*columns: tuple[int, int, int], height: int = 8, width: int = 8) -> Array:
    """Blocks of plain colour side by side."""
    return np.concatenate([np.full((height, width, 3), colour, np.uint8) for colour in columns], axis=1)


# --- an answer is what a run would log -------------------------------------------------------------------------------


def test_a_picture_gets_the_labels_that_a_run_logs_with_names_and_scores(
    picture_model: Path, picture_data: Path, names: Path
) -> None:
    task = Classification(DataRef(picture_data), ClassificationOptions(offset=1))
    backend = CpuBackend(picture_model, threads=1)
    codec = task.codec(backend.inputs, backend.outputs)
    with Classifier.open("mobilenet_edgetpu", model=picture_model, labels=names) as classify:
        for number, path in enumerate(sorted(picture_data.glob("*.jpg"))):
            outputs = backend.invoke(codec.preprocess(number))
            logged = unpack_labels(codec.postprocess(outputs), 1000)
            found = classify(path)
            assert [label.number for label in found.labels] == logged
            assert [label.name for label in found.labels] == [f"tint {label}" for label in logged]
            assert [label.score for label in found.labels] == [float(outputs[0][0, label + 1]) for label in logged]
            assert found.best == found.labels[0]
            assert found.best.number == 37 * number % 1000


def test_boxes_are_those_of_a_runs_log_in_pixels(detector: Path, tmp_path: Path) -> None:
    pixels = colours((255, 51, 0), height=40, width=100)
    Image.fromarray(pixels).save(tmp_path / "street.png")
    backend = CpuBackend(detector, threads=1)
    codec = Detection(DataRef(tmp_path), DetectionOptions()).codec(backend.inputs, backend.outputs)
    rows = unpack_detections(codec.postprocess(backend.invoke(codec.preprocess(0))))
    with Detector.open("ssd_mobilenet_v2", model=detector) as detect:
        first, second = detect(tmp_path / "street.png").boxes
    assert (first.left, first.top, first.right, first.bottom) == (50, 10, 100, 30)
    assert (second.left, second.top, second.right, second.bottom) == (0, 0, 25, 20)
    assert [first.score, second.score] == rows[:, 5].tolist() == pytest.approx([1.0, 0.2])
    assert [first.category, second.category] == rows[:, 6].tolist() == [17, 1]
    assert (first.name, second.name) == ("17", "1")


def test_boxes_in_pixels_are_refused_as_by_a_run_and_not_clipped_to_the_edge(tmp_path: Path) -> None:
    model = _detector(tmp_path / "pixels.tflite", [40.0, 80, 120, 160, 10, 20, 90, 100])
    with (
        Detector.open("ssd_mobilenet_v2", model=model) as detect,
        pytest.raises(ModelMismatch, match="lie far outside"),
    ):
        detect(colours((255, 51, 0), height=40, width=100))


def test_probabilities_in_place_of_classes_are_no_mask(tmp_path: Path) -> None:
    graph = Graph("mean of the channels")
    picture = graph.input("picture", (1, 16, 16, 3), np.float32)
    mean = graph.tensor("mean", (1, 16, 16), np.float32)
    graph.operator("MEAN", [picture, graph.constant("axis", np.array([3], np.int32))], [mean], schema.ReducerOptionsT())
    graph.output(mean)
    model = _write(graph, tmp_path / "m.tflite")
    with Segmenter.open("deeplabv3", model=model) as segment, pytest.raises(ModelMismatch, match="which is no class"):
        segment(colours((255, 51, 0), height=16, width=16))


def test_a_boxs_name_is_the_line_of_the_models_class(detector: Path, tmp_path: Path) -> None:
    words = [f"thing {number}" for number in range(17)]
    for lines in (words, ["???", *words]):
        (tmp_path / "names.txt").write_text("\n".join(lines), encoding="utf-8")
        with Detector.open("ssd_mobilenet_v2", model=detector, labels=tmp_path / "names.txt") as detect:
            assert [box.name for box in detect(colours((9, 9, 9))).boxes] == ["thing 16", "thing 0"]
    with Detector.open("ssd_mobilenet_v2", model=detector, labels=["person"]) as detect:
        assert [box.name for box in detect(colours((9, 9, 9))).boxes] == ["17", "person"]


def test_names_of_windows_shift_no_box(detector: Path, tmp_path: Path) -> None:
    lines = ["???", *(f"thing {number}" for number in range(17))]
    (tmp_path / "names.txt").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    with Detector.open("ssd_mobilenet_v2", model=detector, labels=tmp_path / "names.txt") as detect:
        assert [box.name for box in detect(colours((9, 9, 9))).boxes] == ["thing 16", "thing 0"]


def test_cocos_80_names_go_to_its_ids_with_their_gaps(detector: Path) -> None:
    with Detector.open("ssd_mobilenet_v2", model=detector, labels=COCO_NAMES) as detect:
        assert [(box.category, box.name) for box in detect(colours((9, 9, 9))).boxes] == [(17, "cat"), (1, "person")]


def test_names_of_another_number_of_classes_are_refused_for_boxes_too(zoo: Path) -> None:
    model = zoo / "models/ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite"
    with pytest.raises(ModelMismatch, match="there are 79 names, but the model has 90 classes"):
        Detector.open("ssd_mobilenet_v2", model=model, labels=[f"thing {number}" for number in range(79)])


def test_names_of_another_number_of_classes_are_refused_for_masks_too(segmenter: Path) -> None:
    with pytest.raises(ModelMismatch, match="the list given has 5 names, but the model has 3 classes"):
        Segmenter.open("deeplabv3", model=segmenter, labels=["background", "a", "b", "c", "d"])
    with Segmenter.open("deeplabv3", model=segmenter, labels=["meadow", "sea"]) as segment:
        assert segment(colours((0, 250, 0), height=16, width=16)).names == {1: "meadow"}


def test_an_option_of_the_task_is_an_argument(detector: Path) -> None:
    with Detector.open("ssd_mobilenet_v2", model=detector, score_threshold=0.7) as detect:
        assert [box.category for box in detect(colours((255, 51, 0))).boxes] == [17]


def test_boxes_are_drawn_where_they_are(detector: Path, tmp_path: Path) -> None:
    pixels = colours((255, 51, 0), height=80, width=200)
    with Detector.open("ssd_mobilenet_v2", model=detector) as detect:
        drawn = np.asarray(detect(pixels).draw(tmp_path / "boxes.png"))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "boxes.png")), drawn)
    assert np.array_equal(drawn[50, 100], PALETTE[17])
    assert np.array_equal(drawn[70, 70], pixels[70, 70])


@pytest.mark.parametrize("size", [(16, 16), (8, 16), (40, 100), (90, 30), (5, 3)])
def test_a_mask_has_the_pictures_own_size_and_no_padding(segmenter: Path, size: tuple[int, int]) -> None:
    height, width = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 1], pixels[height // 2 :, :, 2] = 200, 200
    with Segmenter.open("deeplabv3", model=segmenter) as segment:
        mask = segment(pixels)
    assert mask.class_map.shape == size
    # The pixels beside the border between the halves may be of either.
    border = max(1, height // 16 + 1)
    assert (mask.class_map[: height // 2 - border] == 1).all()
    assert (mask.class_map[height // 2 + border :] == 2).all()
    assert mask.names == {1: "1", 2: "2"}


def test_a_mask_says_how_much_of_the_picture_each_class_takes(segmenter: Path) -> None:
    red, green, blue = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    with Segmenter.open("deeplabv3", model=segmenter, labels=["background", "meadow", "sea"]) as segment:
        mask = segment(colours(blue, blue, green, red, height=16, width=4))
    assert mask.shares == {"sea": 0.5, "background": 0.25, "meadow": 0.25}


def test_a_mask_is_drawn_over_the_picture_and_leaves_the_background(segmenter: Path, tmp_path: Path) -> None:
    pixels = colours((250, 0, 0), (0, 250, 0), height=16, width=8)
    with Segmenter.open("deeplabv3", model=segmenter) as segment:
        mask = segment(pixels)
    drawn = np.asarray(mask.draw(tmp_path / "mask.png", opacity=1))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")), drawn)
    assert np.array_equal(drawn[8, 2], (250, 0, 0))
    assert np.array_equal(drawn[8, 12], PALETTE[1])
    assert np.array_equal(np.asarray(mask.draw(opacity=0)), pixels)
    with pytest.raises(ValueError, match="opacity is 2"):
        mask.draw(opacity=2)


def test_the_palette_is_pascals() -> None:
    assert PALETTE[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert PALETTE[15].tolist() == [192, 128, 128]
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == 256


def test_a_word_is_heard_with_its_name(keyword_model: Path, keyword_data: Path) -> None:
    with KeywordSpotter.open("kws", model=keyword_model) as hear:
        path = keyword_data / "sample_0017.bin"
        found = hear(path)
        assert (found.best.number, found.best.name) == (5, "on")
        assert found.best.score == max(label.score for label in found.labels)
        features = np.frombuffer(path.read_bytes(), np.int8).reshape(49, 10)
        assert hear(features) == hear(path.read_bytes()) == found
        with pytest.raises(DataMissing, match="has 489 bytes"):
            hear(path.read_bytes()[1:])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f.astype(np.int16) + 128).astype(np.uint8), r"uint8 \[49, 10\], but int8 \[49, 10\] is needed"),
        (lambda f: f.T, r"int8 \[10, 49\], but"),
        (lambda f: f.reshape(-1), r"int8 \[490\], but"),
        (lambda f: f[np.newaxis], None),
        (lambda f: f[np.newaxis, ..., np.newaxis], None),
        (lambda f: f.T.copy().T, None),
        (lambda f: f.reshape(1, 10, 49), r"int8 \[1, 10, 49\], but"),
        (lambda f: f.reshape(-1).view(np.int16), r"int16 \[245\], but"),
        (lambda f: f.astype(np.float32), r"float32 \[49, 10\], but"),
        (lambda f: f.tolist(), "not a list"),
    ],
)
def test_features_of_another_type_or_shape_are_refused_whatever_their_size(
    keyword_model: Path, keyword_data: Path, spoil: Any, says: str | None
) -> None:
    features = np.frombuffer((keyword_data / "sample_0017.bin").read_bytes(), np.int8).reshape(49, 10)
    with KeywordSpotter.open("kws", model=keyword_model) as hear:
        if says is None:
            assert hear(spoil(features)) == hear(features)
            return
        with pytest.raises(DataMissing, match=says):
            hear(spoil(features))


def test_a_closed_model_says_that_it_is_closed(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> None:
    with KeywordSpotter.open("kws", model=keyword_model) as hear:
        hear(keyword_data / "sample_0017.bin")
    hear.close()
    with pytest.raises(ConfigError, match="was closed and cannot be asked: open it again"):
        hear(keyword_data / "sample_0017.bin")
    enlarge = SuperResolver.open("edsr", model=_doubler(tmp_path / "edsr.tflite", 2, 2))
    enlarge.close()
    with pytest.raises(ConfigError, match="was closed"):
        enlarge(np.zeros((2, 2, 3), np.uint8))


def test_a_config_of_ones_own_names_the_model_the_backend_and_the_threads(keyword_model: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate.yaml"
    gate.write_text(f"inherits: kws\nmodel: {{use: {keyword_model}}}\nbackend: {{name: cpu, threads: 2}}\n")
    with open_model(str(gate)) as hear:
        assert hear.model.path == keyword_model
        assert hear._threads == 2
    other = tmp_path / "other.tflite"
    other.write_bytes(keyword_model.read_bytes())
    with open_model(str(gate), model=other, threads=1) as hear:
        assert hear.model.path == other
        assert hear._threads == 1


def test_the_words_are_in_the_order_of_the_published_samples(zoo: Path) -> None:
    from tasks.codecs.keyword_spotting import WORDS

    seen = {tuple(path.stem.split("_")[2:]) for path in (zoo / "datasets/kws01").glob("*.bin")}
    assert len(seen) == 12
    assert all(WORDS[int(number)] == word.lower() for word, number in seen)


@pytest.mark.parametrize("size", [(1, 1), (6, 4)])
def test_a_picture_is_made_larger_whatever_size_an_open_model_is_given(tmp_path: Path, size: tuple[int, int]) -> None:
    model = _doubler(tmp_path / "edsr.tflite", *size)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3)).astype(np.uint8)
    with SuperResolver.open("edsr", model=model) as enlarge:
        assert np.array_equal(enlarge(pixels).picture, pixels.repeat(2, axis=0).repeat(2, axis=1))
        if size == (1, 1):
            assert enlarge(pixels[:3]).picture.shape == (6, 8, 3)
            assert enlarge(pixels[:1, :1]).picture.shape == (2, 2, 3)
        else:
            with pytest.raises(
                DataMissing, match=r"^the picture given has 3 rows of 4 pixels, but 6 rows of 4 are wanted"
            ):
                enlarge(pixels[:3])


# --- questions -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ask() -> Iterator[Any]:
    with open_model("mobilebert", model="mobilebert_int8") as opened:
        yield opened


def test_a_question_is_answered_with_a_piece_of_the_context(ask: Any) -> None:
    assert ask.model.source == "standin"
    context = "Marta lives in Oslo. The baker is Hugo. Hugo lives in Riga."
    assert ask("Where does Marta live?", context=context).text == "Oslo"
    assert ask("Where does Hugo live?", context=context).text == "Riga"


def test_an_answer_far_down_a_long_context_is_found(ask: Any) -> None:
    filler = "The road was long and the sky was clear. " * 80
    assert ask("Where does Marta live?", context=f"{filler} Marta lives in Oslo. {filler}").text == "Oslo"


@pytest.mark.parametrize(("question", "context", "which"), [(" ", "Oslo.", "question"), ("Where?", "\n", "context")])
def test_nothing_cannot_be_asked(ask: Any, question: str, context: str, which: str) -> None:
    with pytest.raises(ValueError, match=f"the {which} .* has no word in it"):
        ask(question, context=context)


def test_a_users_model_needs_its_vocabulary(ask: Any, tmp_path: Path) -> None:
    model = tmp_path / "own.tflite"
    model.symlink_to(ask.model.path)
    own = tmp_path / "other" / "own.tflite"
    own.parent.mkdir()
    own.write_bytes(model.read_bytes())
    with pytest.raises(ConfigError, match=r"no vocab\.txt beside .*vocab=PATH"):
        open_model("mobilebert", model=own)
    (own.parent / "vocab.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(DataMissing, match="no BERT vocabulary"):
        open_model("mobilebert", model=own)


# --- what a picture may be -------------------------------------------------------------------------------------------


def test_a_path_bytes_a_pillow_image_and_an_array_are_one_picture(picture_model: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 40, 3)).astype(np.uint8)
    path = tmp_path / "cat.png"
    Image.fromarray(pixels).save(path)
    file = io.BytesIO()
    np.save(file, pixels)
    strided = np.repeat(pixels, 2, axis=1)[:, ::2]
    misnamed = tmp_path / "cat.bin"
    misnamed.write_bytes(path.read_bytes())
    with Classifier.open("mobilenet_edgetpu", model=picture_model) as classify:
        forms: list[api.Picture] = [path, str(path), path.read_bytes(), file.getvalue(), pixels, strided, misnamed]
        found = [classify(form) for form in [*forms, Image.fromarray(pixels), Image.open(path)]]
    assert found == [found[0]] * 9


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (np.zeros((4, 4, 3), np.float32), r"float32 \[4, 4, 3\], but uint8 \[h, w, 3\]"),
        (np.zeros((4, 4), np.uint8), r"uint8 \[4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \[0, 4, 3\]"),
        (Image.new("CMYK", (4, 4)), "mode CMYK"),
        (Image.new("I;16", (4, 4)), "mode I;16"),
        (b"", "the data given is not a JPEG.*empty"),
        (7, "not a int"),
        ("nowhere.jpg", r"nowhere\.jpg cannot be read: No such file"),
        (Path(__file__).parent, "cannot be read: Is a directory"),
        ("a\0b", "is no path: embedded null"),
    ],
)
def test_what_is_no_picture_is_refused(picture_model: Path, picture: Any, complaint: str) -> None:
    with (
        Classifier.open("mobilenet_edgetpu", model=picture_model) as classify,
        pytest.raises(DataMissing, match=complaint),
    ):
        classify(picture)


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_benchmark_of_another_kind_is_named(picture_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"mobilenet_edgetpu is classification, not detection: open it with Class"):
        Detector.open("mobilenet_edgetpu", model=picture_model)


@pytest.mark.parametrize(
    ("arguments", "kind", "complaint"),
    [
        ({"task": "mobilnet_edgetpu"}, UnknownName, "did you mean 'mobilenet_edgetpu'"),
        ({"model": "nowhere.tflite"}, ConfigError, r"no model file at nowhere\.tflite"),
        ({"profil": "pillow"}, ConfigError, "did you mean 'profile'"),
        ({"profile": "pilow"}, ConfigError, "did you mean 'pillow'"),
        ({"backend": "cpuu"}, UnknownName, "did you mean 'cpu'"),
        ({"backend": "cpu:xnpack=false"}, UnknownName, "did you mean 'xnnpack'"),
        ({"threads": 0}, ConfigError, "backend.threads must be 1 to 1024 or auto, not 0"),
        ({"threads": 5000}, ConfigError, "backend.threads must be 1 to 1024 or auto, not 5000"),
        ({"labels": ["one", "two"]}, ConfigError, "there are 2 names, but 1000 classes"),
        ({"labels": "nowhere.txt"}, DataMissing, r"nowhere\.txt cannot be read"),
        ({"labels": []}, DataMissing, "holds no names"),
        ({"model": __file__}, ModelRejected, "is not a TFLite model"),
        ({"task": "ssd_mobilenet_v2"}, ModelMismatch, "four float32 outputs"),
    ],
)
def test_a_mistake_in_opening_says_what_was_wrong(
    picture_model: Path, arguments: dict[str, Any], kind: type[Exception], complaint: str
) -> None:
    usual: dict[str, Any] = {"task": "mobilenet_edgetpu", "model": picture_model}
    with pytest.raises(kind, match=complaint):
        open_model(**usual | arguments)


def test_a_task_without_single_questions_is_named(picture_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.api.kinds.KINDS", {"detection": Detector})
    with pytest.raises(ConfigError, match="is classification, of which no single question can be asked"):
        open_model("mobilenet_edgetpu", model=picture_model)


def test_a_backends_options_are_those_of_a_run(picture_model: Path) -> None:
    with open_model("mobilenet_edgetpu", model=picture_model, backend="cpu:xnnpack=false", threads=2) as classify:
        assert classify(colours((15, 15, 40))).best.number == 1


def test_packed_weights_are_kept_in_the_cache_as_a_runs_are(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_CACHE", str(tmp_path))
    with open_model("mobilenet_edgetpu", model=picture_model, backend="cpu:weight_cache=true") as classify:
        assert classify(colours((15, 15, 40))).best.number == 1
    assert [file.name for file in (tmp_path / "weights").iterdir()] == [f"{classify.model.sha256}.xnnpack"]


def test_open_model_opens_every_kind(
    picture_model: Path, detector: Path, segmenter: Path, keyword_model: Path, tmp_path: Path
) -> None:
    models = {
        "classification": (picture_model, Classifier),
        "detection": (detector, Detector),
        "segmentation": (segmenter, Segmenter),
        "kws": (keyword_model, KeywordSpotter),
        "edsr": (_doubler(tmp_path / "edsr.tflite", 2, 2), SuperResolver),
    }
    for task, (model, kind) in models.items():
        with open_model(task, model=model) as opened:
            assert type(opened) is kind
            assert opened.model.path == model


# --- the document ----------------------------------------------------------------------------------------------------


def test_the_examples_of_the_document_run(
    tmp_path: Path,
    picture_model: Path,
    detector: Path,
    segmenter: Path,
    keyword_model: Path,
    keyword_data: Path,
    names: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = {"classifier": picture_model, "detector": detector, "segmenter": segmenter, "kws": keyword_model}
    for name, model in models.items():
        (tmp_path / f"{name}.tflite").symlink_to(model)
    _doubler(tmp_path / "edsr.tflite", 8, 8)
    any_model = Graph("twice")
    given = any_model.input("x", (1, 3), np.float32)
    any_model.output(layers.multiply(any_model, "y", given, any_model.constant("two", np.array([2], np.float32))))
    _write(any_model, tmp_path / "any.tflite")
    (tmp_path / "names.txt").symlink_to(names)
    (tmp_path / "word.bin").symlink_to(keyword_data / "sample_0003.bin")
    for name in ("cat.jpg", "street.jpg", "room.jpg", "small.png"):
        Image.fromarray(colours((15, 15, 40))).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 7
    space: dict[str, Any] = {}
    for block in blocks:
        exec(block, space)
    said = capsys.readouterr().out.splitlines()
    assert "tint 1" in said
    assert "Oslo" in said
    assert any(line.startswith("Label(name='no'") for line in said)
    assert said[-1].startswith("[[2. 4. 6.]]")
    for name, size in {"boxes.png": (8, 8), "mask.png": (8, 8), "large.png": (16, 16)}.items():
        with Image.open(tmp_path / name) as drawn:
            assert drawn.size == size


# --- published models ------------------------------------------------------------------------------------------------


@pytest.fixture
def models(zoo: Path) -> Callable[[str], Path]:
    return lambda name: zoo / "models" / f"{name}.tflite"


def test_a_published_classifier_knows_a_tench(zoo: Path, models: Callable[[str], Path]) -> None:
    (picture,) = zoo.glob("datasets/imagenet_sample/images/*_tench.JPEG")
    labels = zoo / "datasets/imagenet_sample/imagenet_labels_1001.txt"
    with Classifier.open(
        "mobilenet_edgetpu", model=models("mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8"), labels=labels
    ) as classify:
        best = classify(picture).best
    assert best.name.startswith("tench")
    assert 0.5 < best.score <= 1


def test_a_published_model_without_shapes_answers_as_in_a_run(
    zoo: Path, models: Callable[[str], Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    """Its shapes are completed for a run, which changes the rounding, and so they must be here."""
    folder = tmp_path / "set"
    folder.mkdir()
    originals = sorted((zoo / "datasets/imagenet_sample/images").iterdir())[:12]
    # Names that tell nothing of the classes, or they would contradict the labels.
    pictures = [folder / f"{number:02}.JPEG" for number in range(len(originals))]
    for path, original in zip(pictures, originals, strict=True):
        path.symlink_to(original)
    model = models("mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8")
    (folder / "val_map.txt").write_text("".join(f"{path.name} 0\n" for path in pictures), encoding="utf-8")
    words = ["--task", "mobilenet_edgetpu", "--model", model, "--dataset", folder, "--out", tmp_path / "out"]
    done = cli(*words, "--mode", "accuracy", "--threads", "1")
    assert done.returncode == 0, done.stderr
    logged = {answer.index: answer.data for answer in read_rows(tmp_path / "out" / "mlperf_log_accuracy.json")}
    with Classifier.open("mobilenet_edgetpu", model=model) as classify:
        for index, path in enumerate(pictures):
            found = [label.number for label in classify(path).labels]
            assert found == unpack_labels(logged[index], 1000)


def test_a_published_detectors_boxes_are_those_that_were_kept(zoo: Path, models: Callable[[str], Path]) -> None:
    kept = json.loads((zoo / "datasets/coco_val50/ref_detections_ssd_val2017.json").read_bytes())
    detector = models("ssd/coco_ssd_mobilenet_v1_1.0_quant_detect")
    labels = zoo / "models/ssd/COCO_labels.txt"
    with Detector.open("ssd_mobilenet_v2", model=detector, labels=labels, profile="pillow") as detect:
        for path in sorted((zoo / "datasets/coco_val50/val2017").glob("*.jpg"))[:5]:
            wanted = [row for row in kept if row["image_id"] == int(path.stem)]
            found = detect(path).boxes
            assert [box.category for box in found] == [row["category_id"] for row in wanted]
            assert [box.score for box in found] == pytest.approx([row["score"] for row in wanted], abs=1e-4)
            names = labels.read_text(encoding="utf-8").splitlines()
            assert [box.name for box in found] == [names[box.category] for box in found]
            for box, row in zip(found, wanted, strict=True):
                left, top, width, height = row["bbox"]
                # The kept ones are not clipped to the picture.
                assert box.right - box.left <= width + 0.1
                assert box.bottom - box.top <= height + 0.1
                assert box.left == pytest.approx(max(left, 0), abs=0.1)
                assert box.top == pytest.approx(max(top, 0), abs=0.1)
