"""The registry, and runs that prefer official files: what they say of them, and when a target binds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.config.files import benchmark_names, find_benchmark, load_benchmark, load_collections, read_config
from harness.config.official.published import DatasetEntry, Origin
from harness.config.registry import TASKS, task_class
from harness.errors import ConfigError
from harness.results.verdict.warnings import doubtful_data
from harness.spec.data_source import find_dataset
from harness.spec.resolve import resolve
from harness.spec.schema import DataSetRef, Spec
from harness.zoo.files.catalog import read_catalog
from harness.zoo.files.importing import import_file
from harness.zoo.files.official import find_cached, official_path

ORIGINS = {
    "commondatastorage.googleapis.com",
    "data.csail.mit.edu",
    "github.com",
    "mobile.mlcommons-storage.org",
    "rajpurkar.github.io",
    "s3.amazonaws.com",
    "zenodo.org",
}

PUBLISHED = {
    "mobilenet_edgetpu_224_1.0_float.tflite": "0da3fa6adc8bbaaeb0b5647e2d46c8a4",
    "v1_1/mobilenet_edgetpu_224_1.0_float.tflite": "66bb4eba50987221608f8487ed405794",
    "mobilenet_edgetpu_224_1.0_uint8.tflite": "008dfcb1c1962fedbeef1b998d4c84f2",
    "mobilenet_edgetpu_224_1.0_int8.tflite": None,
    "MobileNetV4-Conv-Large-fp32.tflite": "b57cc2a027607c3b36873a15ace84acb",
    "MobileNetV4-Conv-Large-int8-ptq.tflite": "590a7a88640a18d28b16b6f571cdfc93",
    "ssd_mobilenet_v2_300_float.tflite": None,
    "ssd_mobilenet_v2_300_uint8.tflite": None,
    "mobiledet.tflite": "566ceb72a4c7c8926fe4ac8eededb5bf",
    "mobiledet_qat.tflite": "6c7af49d97a2b2488222d94936d2dc18",
    "deeplabv3_mnv2_ade20k_float.tflite": "e3f7a05b9e0f398c0c0502bab1fc202a",
    "deeplabv3_mnv2_ade20k_uint8.tflite": "1b0a50e380612884f82c157e69c66d22",
    "deeplabv3_mnv2_ade20k_int8.tflite": "6b6ff9fbcd0ab4507f6400bf562aeded",
    "mobile_segmenter_r4_argmax_f32.tflite": "b3a5d3c2e5756431a471ed5211c344a9",
    "mobile_segmenter_r4_quant_argmax_uint8.tflite": "b7a7620b8b818d64305b51ab796bfb1d",
    "mobilebert_float_384_gpu.tflite": "36a953d07a8c6f2d3e05b22e87cec95b",
    "mobilebert_float_384_20200602.tflite": None,
    "mobilebert_int8_384_20200602.tflite": "3a636c066ca2916e1858266857e96c72",
    "mobilebert_int8_384_nnapi.tflite": "3944a2dee04a5f8a5fd016ac34c4d390",
    "edsr_f32b5_fp32.tflite": "672240427c1f3dc33baf2facacd9631f",
    "edsr_f32b5_full_qint8.tflite": "18ce6df0e4603f4b4ee5d04193708d9c",
    "imagenet.zip": "fdcce28e06475321dc9b1c63a5539a4e",
    "imagenet_tiny.zip": "42cb83d80d0341d6719d68b32322adf2",
    "imagenet_tiny-groundtruth.txt": "cc6d83ca25daeb2475f36c079e53bc26",
    "v5_0/imagenet_tiny.zip": "2cde6f1d741b9c1834db261ac6e43a6e",
    "v5_0/imagenet_tiny_val.txt": "086f99eff3d1b93fd41e7f35498570a7",
    "coco.zip": "c630e2ddf96a1e9482c4a9e1d4aced70",
    "coco-test.zip": "7440da62aee7043b825d3ac1c6732e0a",
    "coco_val_tiny.pbtxt": "0bae0c934cae7fa41f178c085bf31c7b",
    "ade20k.zip": "97f48388e5ca3b4f19047e0b7a062c88",
    "ade20k_tiny.zip": "544a538eed16283586bd583dd39c44db",
    "ade20k_tiny_annotations.zip": "a0e4b79dceac96a784b7abaa59aa76df",
    "squad_eval_mini.tfrecord": "3c9a1c4c373037889938d4b13d41f4c2",
    "squad_eval_tiny.tfrecord": "fa018f599d0016ed385b31aee7b00bed",
    "squad_eval.tfrecord": "413a527e4dc725a767f7a7e235386750",
    "squad_groundtruth.tfrecord": "f9d6d209ec9a05a522749a6bd597a75c",
    "snusr_lr_png.zip": "38bf296e38cba0a8229d946fc1a5095a",
    "snusr_lr_png_tiny.zip": "134e9f96e4bbd5e925093e30a4433548",
    "snusr_hr_png_tiny.zip": "c8eac83e32d163552ca8e317c2dd57c3",
}
"""MD5 of every file that the mobile app's settings list (mlcommons/mobile_app_open)."""


def origins() -> list[tuple[str, Origin]]:
    """Every entry of every config, with a name for messages."""
    found: list[tuple[str, Origin]] = []
    for name in benchmark_names():
        benchmark = load_benchmark(find_benchmark(name))
        for group in (benchmark.models, benchmark.datasets, benchmark.files):
            found += [(f"{name}.{key}", entry) for key, entry in group.items()]
        found += [(f"{name}.{part.file}", part) for entry in benchmark.datasets.values() for part in entry.parts]
    for name, collection in load_collections().items():
        found += [
            (f"{name}.{key}", entry) for group in (collection.models, collection.files) for key, entry in group.items()
        ]
    return found


def test_every_official_file_is_listed_with_its_published_checksum() -> None:
    items = read_catalog().items
    assert {file: items[file].entry.md5 for file in PUBLISHED} == PUBLISHED


def test_every_file_has_a_licence_and_an_address_or_says_how_to_get_it() -> None:
    for name, entry in origins():
        if getattr(entry, "file", None) is None:
            continue
        assert entry.licence != "not stated", name
        assert entry.urls or entry.obtain or (isinstance(entry, DatasetEntry) and entry.prepare), name


def test_addresses_are_https_and_of_the_files_owners() -> None:
    for name, entry in origins():
        for url in entry.urls:
            assert urlsplit(url).scheme == "https", name
            assert urlsplit(url).hostname in ORIGINS, name


def test_a_file_that_several_benchmarks_list_is_the_same_in_each() -> None:
    known: dict[str, tuple[Any, ...]] = {}
    for name, entry in origins():
        if (file := getattr(entry, "file", None)) and not getattr(entry, "prepare", None):
            facts = (entry.md5, entry.sha256, entry.size_bytes, entry.urls, entry.licence)
            assert known.setdefault(file, facts) == facts, name


def test_truths_are_parts_and_options_are_the_tasks() -> None:
    for name in benchmark_names():
        benchmark = load_benchmark(find_benchmark(name))
        options = task_class(benchmark.task).Options.__dataclass_fields__ if benchmark.task in TASKS else {}
        for key, entry in benchmark.datasets.items():
            assert entry.truth is None or entry.truth in [part.file for part in entry.parts], f"{name}.{key}"
            assert set(entry.options) <= set(options), f"{name}.{key}"
        for key, model in benchmark.models.items():
            assert set(model.options) <= set(options), f"{name}.{key}"


def test_an_unknown_file_of_data_sets_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("title: mine\ntask: classification\ndatasets_from: [imagenets]\n", encoding="ascii")
    with pytest.raises(ConfigError, match="did you mean 'imagenet'"):
        load_benchmark(config)


@pytest.mark.parametrize("file", ["../evil", "/etc/passwd", "a/b/c", ".hidden", "a/../b"])
def test_a_file_name_that_leaves_the_cache_is_refused(file: str, tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(f"title: mine\ntask: classification\nmodels: {{m: {{file: {file!r}}}}}\n", encoding="ascii")
    with pytest.raises(ConfigError, match=r"models\.m\.file"):
        load_benchmark(config)


@pytest.fixture
def cache(zoo: Path, tmp_path: Path) -> Path:
    """A cache with the official uint8 MobileNetEdgeTPU and a tiny set."""
    place = official_path("", tmp_path / "cache")
    place.mkdir(parents=True)
    shutil.copy(zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite", place)
    data = zoo / "datasets/mlperf_mobile"
    shutil.copyfile(data / "v0_7_datasets_imagenet_tiny.zip", place / "imagenet_tiny.zip")
    shutil.copyfile(data / "v3_0_assets_imagenet_tiny-groundtruth.txt", place / "imagenet_tiny-groundtruth.txt")
    return tmp_path / "cache"


def resolved(cache: Path, task: str = "mobilenet_edgetpu", **overrides: Any) -> Spec:
    return resolve(
        read_config(find_benchmark(task)),
        [(name.replace("__", "."), value) for name, value in overrides.items()],
        cache,
    )


@pytest.mark.parametrize("use", ["auto", "official", "mobilenet_edgetpu_224_1.0_uint8"])
def test_an_official_file_in_the_cache_is_preferred_and_known_by_its_checksum(use: str, cache: Path) -> None:
    spec = resolved(cache, model__use=use)
    assert (spec.model.name, spec.model.source) == ("mobilenet_edgetpu_224_1.0_uint8", "official")
    assert spec.model.checksum == "verified"
    assert (spec.dataset.name, spec.dataset.checksum, spec.dataset.full) == ("imagenet_tiny", "verified", False)
    assert spec.dataset.truth == official_path("imagenet_tiny-groundtruth.txt", cache)


def test_a_changed_official_file_is_refused(cache: Path) -> None:
    with official_path("mobilenet_edgetpu_224_1.0_uint8.tflite", cache).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ConfigError, match="is not the official file: its MD5 is"):
        resolved(cache)


def test_a_file_of_ones_own_is_the_official_one_if_its_checksum_says_so(zoo: Path, cache: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.tflite"
    shutil.copyfile(zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite", mine)
    spec = resolved(cache, model__use=str(mine))
    assert (spec.model.source, spec.model.checksum, spec.model.path) == ("official", "verified", mine)
    mine.write_bytes(mine.read_bytes() + b"\0")
    spec = resolved(cache, model__use=str(mine))
    assert (spec.model.source, spec.model.checksum) == ("file", None)


def test_without_its_ground_truth_a_set_serves_performance_runs_only(cache: Path) -> None:
    official_path("imagenet_tiny-groundtruth.txt", cache).unlink()
    assert resolved(cache).dataset.truth is None
    with pytest.raises(
        ConfigError, match=r"the ground truth of imagenet_tiny is not here: ./run.sh fetch imagenet_tiny"
    ):
        resolved(cache, load__mode="accuracy")


def test_official_without_a_cached_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no official model .* is here: ./run.sh fetch mobilebert_float32"):
        resolved(tmp_path, "mobilebert", model__use="official")


def test_auto_takes_the_standin_where_no_official_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.spec import model_source

    def made(name: str, cache: Path, **_: object) -> tuple[Path, str]:
        cache.mkdir()
        (cache / name).touch()
        return cache / name, "0" * 64

    monkeypatch.setattr(model_source, "standin_path", made)
    assert resolved(tmp_path, "mobilebert", dataset__use="builtin").model.source == "standin"


def test_a_target_binds_only_to_what_is_known_by_checksum(zoo: Path, tmp_path: Path) -> None:
    place = official_path("", tmp_path)
    place.mkdir(parents=True)
    for name in ("squad_eval.tfrecord", "squad_groundtruth.tfrecord", "squad_eval_mini.tfrecord"):
        shutil.copy(zoo / "datasets/squad" / name, place)
    whole = find_dataset(load_benchmark(find_benchmark("mobilebert")), tmp_path)[0]
    assert (whole.checksum, whole.full) == ("verified", True)
    mini = load_benchmark(find_benchmark("mobilebert"), [("dataset.use", "squad_eval_mini")])
    assert find_dataset(mini, tmp_path)[0].full is False
    truth = place / "squad_groundtruth.tfrecord"
    by_path = str(place / "squad_eval.tfrecord")

    def found(**values: Any) -> DataSetRef:
        overrides = [(f"dataset.{name}", value) for name, value in values.items()]
        return find_dataset(load_benchmark(find_benchmark("mobilebert"), overrides), tmp_path)[0]

    assert found(truth=str(truth)).full is True
    path = found(use=by_path)
    assert (path.name, path.source, path.checksum, path.full) == ("squad_eval", "official", "verified", True)
    with truth.open("ab") as file:
        file.write(b"\0")
    assert found(truth=str(truth)).full is False
    path = found(use=by_path)
    assert (path.name, path.source, path.checksum, path.full) == ("squad_eval", "official", "unverified", False)


def test_an_unverified_model_is_called_so_in_result_and_table(
    keyword_model: Path, keyword_data: Path, short: list[str], cli: Callable[..., Any], tmp_path: Path
) -> None:
    mine = tmp_path / "kws_ref_model.tflite"
    shutil.copyfile(keyword_model, mine)
    cache = {"TFLITE_LOADGEN_CACHE": str(tmp_path / "cache")}
    # Its output is [1, 12] int8 and its input [1, 49, 10, 1] int8, as the registry says of the official one.
    taken = cli("fetch", "--import", mine, env=cache)
    assert taken.returncode == 0, taken.stdout
    assert "unverified" in taken.stdout
    out = tmp_path / "run"
    done = cli("--task", "kws", "--dataset", keyword_data, "--mode", "accuracy", *short, "--out", out, env=cache)
    assert done.returncode == 0, done.stderr
    assert "unverified" in done.stdout
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert (result["model"]["source"], result["model"]["checksum"]) == ("official", "unverified")
    assert result["accuracy"]["top1"]["passed"] is None


def test_list_says_what_is_here_and_how_to_get_the_rest(zoo: Path, cache: Path, cli: Callable[..., Any]) -> None:
    env = {"TFLITE_LOADGEN_CACHE": str(cache)}
    data = json.loads(cli("list", "--json", env=env).stdout)
    assert [task["name"] for task in data["tasks"]] == benchmark_names()
    (task,) = (task for task in data["tasks"] if task["name"] == "mobilenet_edgetpu")
    by_name = {model["name"]: model for model in [*task["models"], *task["datasets"]]}
    assert by_name["mobilenet_edgetpu_224_1.0_uint8"]["here"] == "official"
    assert by_name["imagenet_tiny"]["state"] == "verified"
    assert by_name["imagenet_val"]["why"] == "see ./run.sh prepare imagenet_val"
    assert {"name": "cpu", "here": True, "why": ""}.items() <= data["backends"][0].items()
    text = cli("list", "classification", env=env).stdout
    assert "mobilenet_edgetpu_224_1.0_uint8" in text
    assert "here, verified" in text


def test_list_answers_for_a_collection_alone_and_names_those_near_a_mistake(call: Callable[..., Any]) -> None:
    done = call("list", "coco_v0_7")
    assert done.returncode == 0
    assert done.stdout.startswith("coco_v0_7: COCO pictures of the mobile app's v0.7")
    assert "coco_tiny_v0.7  " in done.stdout
    assert "backends" not in done.stdout
    done = call("list", "coco_v0.7")
    assert done.returncode == 2
    assert "unknown task 'coco_v0.7'; did you mean 'coco_v0_7'?" in done.stderr


def test_fetch_list_shows_states_and_sizes(cache: Path, cli: Callable[..., Any]) -> None:
    official_path("mobiledet.tflite.partial", cache).write_bytes(bytes(1234))
    official_path("mobiledet_qat.tflite", cache).write_bytes(b"other")
    done = cli("fetch", "--list", "--json", "--cache-dir", cache)
    files = {row["file"]: row for row in json.loads(done.stdout)["files"]}
    assert files["mobilenet_edgetpu_224_1.0_uint8.tflite"]["state"] == "verified"
    assert (files["mobiledet.tflite"]["state"], files["mobiledet.tflite"]["size_bytes"]) == ("partial", 1234)
    assert files["mobiledet_qat.tflite"]["state"] == "corrupt"
    assert files["imagenet_tiny.zip"]["size_bytes"] == 215744
    assert files["val2017.zip"]["state"] == "absent"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "give one of: names, --all, --list, --import"),
        (["mobilebertt"], "did you mean 'mobilebert'"),
        (["--all", "mobilebert"], "give one of"),
        (["mobiledet", "--mirror", "ftp://host/"], "name an address that starts with https:// or http://"),
        (["ILSVRC2012_img_val.tar"], "ask for it at image-net.org"),
    ],
)
def test_a_wrong_command_is_refused_with_advice(words: list[str], says: str, cli: Callable[..., Any]) -> None:
    done = cli("fetch", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_command_fetches_from_a_mirror_and_shows_the_licence(
    origin: Any, zoo: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    body = (zoo / "models/mlperf_mobile/edsr_f32b5_full_qint8.tflite").read_bytes()
    origin.on("/m/edsr_f32b5_full_qint8.tflite", origin.serve(body, sends=50_000), origin.serve(body))
    words = ["fetch", "edsr_f32b5_full_qint8", "--mirror", f"{origin.url}/m", "--cache-dir", tmp_path]
    done = cli(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified    edsr_f32b5_full_qint8.tflite" in done.stdout
    assert "Apache-2.0" in done.stderr
    known = read_catalog().items["edsr_f32b5_full_qint8.tflite"].entry
    assert find_cached(known.file, known, tmp_path).state == "verified"
    again = cli(*words, "--json")
    assert json.loads(again.stdout)["files"][0]["what"] == "was here"
    assert again.stderr == ""


def test_a_file_that_its_mirror_does_not_have_ends_with_status_3(
    origin: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    done = cli("fetch", "mobiledet_qat", "--mirror", origin.url, "--cache-dir", tmp_path)
    assert done.returncode == 3
    assert "there is no such file (404)" in done.stdout


@pytest.fixture
def squad_cache(zoo: Path, tmp_path: Path) -> Path:
    """A cache of SQuAD's first hundred questions, and no model."""
    place = official_path("", tmp_path / "cache")
    place.mkdir(parents=True)
    for name in ("squad_eval_mini.tfrecord", "squad_groundtruth.tfrecord"):
        shutil.copy(zoo / "datasets/squad" / name, place)
    return tmp_path / "cache"


def test_auto_gives_a_standin_the_builtin_data_though_official_data_is_cached(squad_cache: Path) -> None:
    spec = resolved(squad_cache, "mobilebert", load__mode="accuracy")
    assert (spec.model.source, spec.dataset.source) == ("standin", "builtin")
    assert doubtful_data(spec.model, spec.dataset, "accuracy") == []
    named = resolved(squad_cache, "mobilebert", load__mode="accuracy", dataset__use="squad_eval_mini")
    (warning,) = doubtful_data(named.model, named.dataset, "accuracy")
    assert "the stand-in knows only the built-in data set" in warning
    assert "its score on squad_eval_mini means nothing" in warning
    assert doubtful_data(named.model, named.dataset, "performance") == []


def test_a_model_that_was_not_made_for_the_builtin_data_is_warned_of(cache: Path, tmp_path: Path) -> None:
    spec = resolved(cache, load__mode="accuracy", dataset__use="builtin")
    (warning,) = doubtful_data(spec.model, spec.dataset, "accuracy")
    assert "not what mobilenet_edgetpu_224_1.0_uint8 was made for: its score means nothing" in warning
    mine = tmp_path / "mine.tflite"
    mine.write_bytes(b"mine")
    spec = resolved(tmp_path, load__mode="accuracy", model__use=str(mine))
    assert "unless mine was made for it" in doubtful_data(spec.model, spec.dataset, "accuracy")[0]


def test_the_same_bytes_are_as_verified_by_path_as_from_the_cache(zoo: Path, squad_cache: Path, tmp_path: Path) -> None:
    place = official_path("", squad_cache)
    how = {"model__use": "standin", "load__mode": "accuracy"}
    cached = resolved(squad_cache, "mobilebert", dataset__use="squad_eval_mini", **how).dataset
    beside = resolved(squad_cache, "mobilebert", dataset__use=str(place / "squad_eval_mini.tfrecord"), **how).dataset
    assert cached.checksum == beside.checksum == "verified"
    assert cached == beside
    truth = tmp_path / "named-otherwise.tfrecord"
    (place / "squad_groundtruth.tfrecord").rename(truth)
    given = {"dataset__use": str(place / "squad_eval_mini.tfrecord"), "dataset__truth": str(truth)}
    assert resolved(squad_cache, "mobilebert", **given, **how).dataset.checksum == "verified"
    with truth.open("ab") as file:
        file.write(b"\0")
    changed = resolved(squad_cache, "mobilebert", **given, **how).dataset
    assert changed.checksum == "unverified"
    assert f"{truth} does not have the published checksum of squad_groundtruth" in changed.why_unverified


def test_a_truth_of_another_name_beside_official_data_is_known_by_its_checksum(zoo: Path, tmp_path: Path) -> None:
    mobile = zoo / "datasets/mlperf_mobile"
    pictures, truth = tmp_path / "pictures.zip", tmp_path / "coco_val.pbtxt"
    shutil.copy(mobile / "v3_0_datasets_coco-test.zip", pictures)
    shutil.copy(mobile / "v1_0_assets_coco_val.pbtxt", truth)
    spec = resolved(tmp_path, "ssd_mobilenet_v2", dataset__use=str(pictures), load__mode="accuracy")
    assert (spec.dataset.name, spec.dataset.checksum, spec.dataset.truth) == ("coco_tiny", "verified", truth)
    truth.unlink()
    spec = resolved(tmp_path, "ssd_mobilenet_v2", dataset__use=str(pictures), load__mode="accuracy")
    assert spec.dataset.checksum == "unverified"
    assert "ground truth coco_val_tiny.pbtxt is not beside it" in spec.dataset.why_unverified


def test_a_round_of_a_benchmark_without_rounds_is_refused(tmp_path: Path, keyword_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"is in no MLPerf mobile round: leave out --round v1\.0"):
        resolved(tmp_path, "kws", model__use=str(keyword_model), dataset__use=str(tmp_path), load__round="v1.0")


def test_the_pictures_of_v0_7_are_known_though_no_ground_truth_is_theirs(zoo: Path, tmp_path: Path) -> None:
    mine = zoo / "datasets/mlperf_mobile/v0_7_datasets_coco_tiny.zip"
    (outcome,) = import_file(mine, read_catalog(), tmp_path)
    assert (outcome.file, outcome.state) == ("v0_7/coco_tiny.zip", "verified")
    assert "performance runs only" in read_catalog().items[outcome.file].entry.provenance
    # No run takes it by itself.
    assert not any(
        entry.file == outcome.file for entry in load_benchmark(find_benchmark("mobiledet")).datasets.values()
    )
