"""What the command line says of input it cannot use: one clear message, the contract's exit status, nothing left behind
that looks like a result."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import message_of
from harness.spec.schema import Spec, write_spec
from tasks.base import DataMissing

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


def no_result(out: Path) -> bool:
    """Nothing there, or at least nothing that could be taken for a result."""
    return not out.exists() or not [path for path in out.rglob("*") if path.is_file()]


# Models.


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a TFLite model"),
        (b"<!DOCTYPE html><title>404</title>", "is not a TFLite model"),
        (b"\x1c\0\0\0TFL3", "the runtime refuses"),
        (b"\x1c\0\0\0TFL3" + bytes(5000), "the runtime refuses"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    content: bytes,
    says: str,
    call: Cli,
    keywords: list[str],
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    words = [str(model) if word.endswith(".tflite") else word for word in keywords]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert says in complaint(done)
    assert str(model) in complaint(done)
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    assert [reason["figure"] for reason in result["reasons"]] == [""]
    again = call(*words, "--out", tmp_path / "again", "--json")
    assert again.returncode == 2
    assert says in again.stderr
    assert json.loads(again.stdout) == read_result(tmp_path / "again")
    # The directory's result is another run's.
    taken = call(*words, "--out", tmp_path / "again", "--json")
    assert (taken.returncode, taken.stdout) == (2, "")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_model_is_refused_wherever_it_is_cut(
    share: float, call: Cli, keyword_model: Path, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    model = tmp_path / "cut.tflite"
    whole = keyword_model.read_bytes()
    model.write_bytes(whole[: int(share * len(whole))])
    words = [str(model) if word == str(keyword_model) else word for word in keywords]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert f"the runtime refuses {model}" in complaint(done)
    assert "cut" in complaint(done).replace(str(model), "")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("/nowhere/model.tflite", "no model file at /nowhere/model.tflite"),
        ("/tmp", "no model file at /tmp"),
        ("kws_ref_model_int9", "unknown model 'kws_ref_model_int9'; did you mean 'kws_ref_model_int8'?"),
        ("kws_ref_model_int8", "model kws_ref_model_int8 is not here: ./run.sh fetch kws_ref_model_int8"),
        ("official", "no official model for Keyword spotting"),
        ("standin", "no built-in stand-in for Keyword spotting"),
        ("auto", "or give one with --model PATH"),
    ],
)
def test_a_missing_model_is_refused_and_says_where_it_would_go(
    model: str, says: str, call: Cli, keyword_data: Path, tmp_path: Path, complaint: Complaint
) -> None:
    done = call("--task", "kws", "--model", model, "--dataset", keyword_data, cwd=tmp_path)
    assert done.returncode == 2
    assert says in complaint(done)
    # Not even an empty directory stays where the run's would have been.
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_does_not_fit_the_task_is_refused(
    call: Cli, picture_model: Path, keyword_data: Path, tmp_path: Path, complaint: Complaint, read_result: Read
) -> None:
    out = tmp_path / "run"
    done = call("--task", "kws", "--model", picture_model, "--dataset", keyword_data, "--out", out)
    assert done.returncode == 2
    assert complaint(done).startswith("input picture is float32 [1, 32, 32, 3], but keyword spotting needs")
    assert read_result(out)["status"] == "failed"
    assert read_result(out)["performance"] is None


# Names and options.


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--task", "kwz"], "unknown task 'kwz'; did you mean 'kws'?"),
        (["--task", "zzzzzz"], "unknown task 'zzzzzz'; known: "),
        (["--task", "nowhere/kws.yaml"], "no config file at nowhere/kws.yaml"),
        (["--task", "kws", "--scenario", "Offlin"], "unknown scenario 'Offlin'; did you mean 'Offline'?"),
        (["--task", "kws", "--scenario", "offline"], "unknown scenario 'offline'; did you mean 'Offline'?"),
        (["--task", "kws", "--mode", "accurracy"], "unknown mode 'accurracy'; did you mean 'accuracy'?"),
        (["--task", "kws", "--preset", "quik"], "unknown preset 'quik'; did you mean 'quick'?"),
        (["--task", "kws", "--round", "v9.9"], "unknown round 'v9.9'"),
        (["--task", "mobilebert", "--round", "v6.0"], "round v6.0 has no MobileBERT"),
        (["--task", "kws", "--backend", "cpuu"], "unknown backend 'cpuu'; did you mean 'cpu'?"),
        (["--task", "kws", "--scenarios", "Offline"], "unknown option --scenarios; did you mean --scenario?"),
        (["--task", "kws", "Offline"], "unexpected word 'Offline'"),
        (["--task", "kws", "--scen", "Offline"], "unknown option --scen; did you mean --scenario?"),
        (["--scenario", "Offline"], "--task"),
        (["--task", "kws", "--out"], "--out"),
        (["rnu", "--task", "kws"], "unknown verb 'rnu'; did you mean 'run'?"),
        (["--task", "kws", "--set", "load.target_qps"], "write it as FIELD=VALUE"),
        (["--task", "kws", "--set", "=3"], "write it as FIELD=VALUE"),
        (["--task", "kws", "--set", "load.targt_qps=3"], "unknown field 'targt_qps'; did you mean 'target_qps'?"),
        (["--task", "kws", "--set", "load.target_qps=fast"], "load.target_qps: "),
        (
            ["--task", "kws", "--set", "load.target_qps=-1"],
            "load.target_qps: input should be greater than or equal to 0.001",
        ),
        (
            ["--task", "kws", "--set", "load.target_qps=.inf"],
            "load.target_qps: input should be a finite number, not inf",
        ),
        (["--task", "kws", "--set", "a..b=1"], "a mistake in the options given: a: unknown field 'a'"),
        (["--task", "kws", "--set", "model.scale=-1"], "scale is -1.0, but must be more than 0"),
        (["--task", "kws", "--set", "load.target_qps=[1"], "load.target_qps: '[1' is no value"),
        (["--task", "kws", "--set", "load=3"], "load: "),
        (["--task", "kws", "--set", "title.x=3"], "title is the value"),
        (["--task", "kws", "--set", "model.scales=3"], "unknown option of the keyword_spotting task 'scales'"),
        (["--task", "kws", "--repeat", "0"], "--repeat must be a whole number of at least 1, not '0'"),
        (["--task", "kws", "--repeat", "two"], "--repeat must be a whole number of at least 1, not 'two'"),
        (["--task", "kws", "--count", "0"], "dataset.count: input should be greater than or equal to 1, not 0"),
        (["--task", "kws", "--count", "many"], "dataset.count: "),
        (["--task", "kws", "--threads", "0"], "backend.threads must be 1 to 1024 or auto, not 0"),
        (["--task", "kws", "--threads", "9999999999"], "backend.threads must be 1 to 1024 or auto, not 9999999999"),
        (["--task", "kws", "--threads", "all"], "backend.threads: must be a whole number or 'auto', not 'all'"),
        (["--task", "kws", "--instances", "-1"], "backend.instances must be 1 to 1024 or auto, not -1"),
        (["--task", "kws", "--batch", "8"], "backend.batch is 8, but SingleStream asks one sample at a time"),
        (["--task", "kws", "--mode", "find-peak"], "find-peak"),
        (["--task", "kws", "--truth", "/nowhere.csv"], "no ground truth at /nowhere.csv"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    words: list[str],
    says: str,
    call: Cli,
    keyword_model: Path,
    keyword_data: Path,
    tmp_path: Path,
    complaint: Complaint,
) -> None:
    rest = ["--model", keyword_model, "--dataset", keyword_data] if "--task" in words and "kws" in words else []
    done = call(*words, *rest, cwd=tmp_path)
    assert done.returncode == 2
    assert says in complaint(done)
    assert "literal[" not in complaint(done)
    assert list(tmp_path.iterdir()) == []


def test_all_mistakes_of_a_config_are_reported_together(call: Cli, tmp_path: Path, complaint: Complaint) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(
        "title: Mine\ntask: keyword_spotting\nload:\n  scenario: SinglStream\n  min_query_cout: 3\n"
        "backend:\n  threads: lots\n",
        encoding="utf-8",
    )
    done = call("--task", config, "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith(f"3 mistakes in {config}:")
    for part in (
        "load.scenario: unknown scenario 'SinglStream'; did you mean 'SingleStream'?",
        "load.min_query_cout: unknown field 'min_query_cout'; did you mean 'min_query_count'?",
        "backend.threads: must be a whole number or 'auto', not 'lots'",
    ):
        assert f"\n  {part}" in message
    assert not (tmp_path / "run").exists()


def test_mistakes_that_only_show_later_are_reported_together_too(
    call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(
        "title: Mine\ntask: keyword_spoting\nmodel:\n  use: /nowhere.tflite\ndataset:\n  use: /nowhere\n"
        "backend:\n  name: gppu\n  threads: 0\n",
        encoding="utf-8",
    )
    done = call("--task", config, "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith("5 mistakes:")
    for part in (
        "unknown task kind 'keyword_spoting'; did you mean 'keyword_spotting'?",
        "unknown backend 'gppu'",
        "backend.threads must be 1 to 1024 or auto, not 0",
        "no model file at /nowhere.tflite",
        "no data set at /nowhere",
    ):
        assert part in message


def test_unknown_options_of_the_task_are_reported_with_mistakes_of_the_schema(
    call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    three = ("load.foo=1", "model.bar=2", "backend.threads=abc")
    done = call("--task", "kws", *(word for text in three for word in ("--set", text)), "--out", tmp_path / "run")
    assert done.returncode == 2
    message = complaint(done)
    assert message.startswith("3 mistakes in the options given:")
    for part in (
        "load.foo: unknown field 'foo'",
        "model.bar: unknown option of the keyword_spotting task 'bar'",
        "backend.threads: must be a whole number or 'auto', not 'abc'",
    ):
        assert f"\n  {part}" in message
    alone = complaint(call("--task", "kws", "--set", "model.bar=2", "--set", "model.log_dtype=7"))
    assert "model.bar: unknown option of the keyword_spotting task 'bar'" in alone
    assert "model.log_dtype: " in alone


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "title: [", "a: b: c", "\0"])
def test_a_config_that_is_no_config_is_refused(text: str, call: Cli, tmp_path: Path, complaint: Complaint) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(text, encoding="utf-8")
    done = call("--task", config)
    assert done.returncode == 2
    assert str(config) in complaint(done)


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_more_queries_than_there_is_memory_for_are_refused_before_loadgen_makes_them(
    scenario: str, call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    words = ["--scenario", scenario, "--set", "load.min_query_count=1000000000000", "--out", tmp_path / "run"]
    done = call(*keywords, *words)
    assert done.returncode == 2
    what = "samples" if scenario == "Offline" else "queries"
    assert f"LoadGen would generate 1,000,000,000,000 {what} beforehand" in complaint(done)


def test_a_plug_in_that_cannot_be_loaded_is_the_users_to_fix(
    call: Cli,
    keywords: list[str],
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    complaint: Complaint,
) -> None:
    env = plug_in("broken", "import no_such_driver\n")
    done = call(*keywords, "--backend", "broken", "--out", tmp_path / "run", env=env)
    assert done.returncode == 2
    message = complaint(done)
    assert "backend 'broken'" in message
    assert "plug_in_broken:Backend" in message
    assert "No module named 'no_such_driver'" in message


def test_an_option_that_the_backend_does_not_have_is_named(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    done = call(*keywords, "--set", "backend.options={xnpack: false}", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "unknown option of the cpu backend 'xnpack'; did you mean 'xnnpack'?" in complaint(done)


# Data.

PICTURES = ["--task", "mobilenet_edgetpu"]


@pytest.fixture
def pictures(make_picture_data: Callable[[int], Path]) -> Path:
    """A set of pictures to spoil."""
    return make_picture_data(12)


@pytest.fixture
def classify(
    call: Cli, picture_model: Path, pictures: Path, short: list[str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return call(
            *PICTURES, "--model", picture_model, "--dataset", pictures, *short, "--out", tmp_path / "run", *words
        )

    return run


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_an_empty_picture_folder_is_refused(
    mode: str, classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    for picture in pictures.glob("*.jpg"):
        picture.unlink()
    done = classify("--mode", mode)
    assert done.returncode == 2
    assert f"{pictures} holds no pictures" in complaint(done)


def test_pictures_that_are_missing_are_named_and_the_set_is_not_shrunk_in_silence(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    for number in (3, 7):
        (pictures / f"picture_{number:04}.jpg").unlink()
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    message = complaint(done)
    assert "has labels for files that are not there: picture_0003.jpg, picture_0007.jpg (2 in all)" in message
    assert no_result(tmp_path / "run")


def test_more_pictures_than_there_are_is_an_error(classify: Cli, complaint: Complaint) -> None:
    done = classify("--count", "13")
    assert done.returncode == 2
    assert "13 pictures are wanted" in complaint(done)
    assert "has 12" in complaint(done)


def test_labels_that_do_not_match_the_pictures_are_refused(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    (pictures / "labels.csv").unlink()
    (pictures / "val_map.txt").write_text("1\n2\n3\n", encoding="ascii")
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "val_map.txt has 3 labels by position, but the data set has 12 samples" in complaint(done)
    assert no_result(tmp_path / "run")


def test_two_ground_truths_are_an_error_that_names_both(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    shutil.copy(pictures / "labels.csv", pictures / "y_labels.csv")
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "labels.csv, y_labels.csv. Choose one with --truth" in complaint(done)
    assert no_result(tmp_path / "run")


def test_no_ground_truth_stops_an_accuracy_run_but_no_performance_run(
    classify: Cli, pictures: Path, tmp_path: Path, complaint: Complaint
) -> None:
    (pictures / "labels.csv").unlink()
    done = classify("--mode", "accuracy")
    assert done.returncode == 2
    assert "no ground truth in or beside" in complaint(done)
    assert no_result(tmp_path / "run")
    assert classify().returncode == 0


@pytest.mark.parametrize("number", [0, 11])
@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_corrupt_picture_is_named_whether_it_is_met_before_or_inside_loadgen(
    number: int,
    mode: str,
    classify: Cli,
    pictures: Path,
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    """The calibration looks at the first eight; the others are loaded inside LoadGen's callback."""
    picture = pictures / f"picture_{number:04}.jpg"
    picture.write_bytes(picture.read_bytes()[:300])
    done = classify("--mode", mode)
    assert done.returncode == 2
    assert picture.name in complaint(done)
    assert read_result(tmp_path / "run")["status"] == "failed"
    assert read_result(tmp_path / "run")["accuracy"] is None


# The limit of open files.


@pytest.mark.parametrize("limit", [8, 12, 16])
def test_too_few_open_files_are_not_blamed_on_what_could_not_be_opened(
    limit: int, command: list[str], environment: dict[str, str], keywords: list[str], tmp_path: Path
) -> None:
    words = [*command, *keywords, "--scenario", "Offline", "--set", "backend.workers=processes", "--instances", "8"]
    done = subprocess.run(
        ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "bash", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"tflite-loadgen: the limit of open files was met: a process may have {limit} here, which is too few. Allow more in "
        "this shell and run again: ulimit -n 1024"
    )


def test_an_error_of_too_many_open_files_is_known_through_what_was_made_of_it() -> None:
    def read() -> None:
        try:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a.png")
        except OSError:
            raise DataMissing("a.png is no picture") from None

    with pytest.raises(DataMissing) as caught:
        read()
    assert message_of(caught.value).startswith("the limit of open files was met")
    # Of the whole system, not of a process: no shell can allow more.
    assert "Allow more" not in message_of(OSError(errno.ENFILE, os.strerror(errno.ENFILE)))


# The run's directory.


def test_of_two_runs_that_are_given_one_directory_one_is_refused(
    call: Cli, keywords: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: Complaint
) -> None:
    """The other came in the moment between looking at the directory and writing to it."""
    out = tmp_path / "run"

    def too_late(spec: Spec, folder: Path) -> None:
        (folder / "spec.yaml").write_text("another's", encoding="ascii")
        (folder / "result.json").write_text("another's", encoding="ascii")
        write_spec(spec, folder)

    monkeypatch.setattr("harness.run.execute.write_spec", too_late)
    done = call(*keywords, "--out", out)
    assert done.returncode == 2
    assert f"{out} is not empty" in complaint(done)
    assert {path.name: path.read_text(encoding="ascii") for path in out.iterdir()} == dict.fromkeys(
        ("spec.yaml", "result.json"), "another's"
    )


@pytest.mark.parametrize("series", [[], ["--repeat", "2"]])
def test_a_run_that_is_refused_before_it_began_leaves_no_directory(
    series: list[str], call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, *series, "--max-sample-memory", "100", "--json")
    assert done.returncode == 2
    assert "not one sample fits into memory" in json.loads(done.stdout)["reasons"][0]["what"]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("code", "status", "log"),
    [
        ("print('the driver is too old'); raise BackendUnavailable('no driver')", 2, "the driver is too old\n"),
        ("raise RuntimeError('a bug')", 3, "Traceback"),
    ],
)
def test_what_could_tell_why_a_run_never_began_stays(
    code: str, status: int, log: str, call: Cli, keywords: list[str], plug_in: Any, tmp_path: Path
) -> None:
    source = "from backends.base import BackendUnavailable\nclass Backend:\n    def __init__(self, model, *, threads): "
    done = call(*keywords, "--backend", "strange", env=plug_in("strange", source + code + "\n"))
    assert done.returncode == status
    (run,) = (tmp_path / "results").iterdir()
    assert log in (run / "run.log").read_text(encoding="utf-8")
    assert (run / "result.json").exists()


def test_a_directory_that_is_not_empty_is_left_as_it_is(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "result.json").write_text("mine", encoding="ascii")
    for mode in ("performance", "submission"):
        done = call(*keywords, "--out", out, "--mode", mode)
        assert done.returncode == 2
        assert f"{out} is not empty" in complaint(done)
    assert [path.name for path in out.iterdir()] == ["result.json"]
    assert (out / "result.json").read_text(encoding="ascii") == "mine"


@pytest.mark.parametrize("mode", ["performance", "submission"])
def test_a_directory_under_a_file_cannot_be_made(
    mode: str, call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    for out in (tmp_path / "file" / "run", tmp_path / "file"):
        done = call(*keywords, "--out", out, "--mode", mode)
        assert done.returncode == 2
        assert f"cannot write the run's directory {out}: " in complaint(done)


@pytest.mark.parametrize("mode", ["performance", "submission"])
def test_a_directory_on_a_read_only_disk_cannot_be_made(
    mode: str, call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint
) -> None:
    disk = mount("ro,size=64k")
    for words in (["--out", disk / "run"], []):
        done = call(*keywords, *words, "--mode", mode, cwd=disk)
        assert done.returncode == 2
        assert "cannot write the run's directory " in complaint(done)
        assert complaint(done).endswith(": Read-only file system")


def test_a_disk_that_is_full_before_the_run_starts_is_the_users_to_fix(
    call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint
) -> None:
    disk = mount("size=16k")
    done = call(*keywords, "--out", disk / "run")
    assert done.returncode == 2
    assert complaint(done) == f"cannot write the run's directory {disk / 'run'}: No space left on device"


def test_a_disk_that_fills_during_the_run_is_a_failed_run(
    call: Cli, keywords: list[str], mount: Callable[[str], Path], complaint: Complaint, read_result: Read
) -> None:
    disk = mount("size=512k")
    done = call(*keywords, "--set", "load.enable_trace=true", "--out", disk / "run")
    assert done.returncode == 3
    message = complaint(done)
    assert "mlperf_log_detail.txt is cut" in message
    assert "bytes are free there" in message
    # The last blocks were kept for this.
    assert read_result(disk / "run")["status"] == "failed"


@pytest.mark.parametrize(
    ("kilobytes", "mode"),
    [(80, "accuracy"), (96, "performance"), (112, "accuracy"), (116, "performance"), (124, "accuracy")],
)
def test_however_small_the_disk_is_what_is_called_valid_is_whole(
    kilobytes: int, mode: str, call: Cli, keywords: list[str], mount: Callable[[str], Path], read_result: Read
) -> None:
    disk = mount(f"size={kilobytes}k")
    out = disk / "run"
    done = call(*keywords, "--mode", mode, "--out", out)
    assert "Traceback" not in done.stderr
    status = read_result(out)["status"] if (out / "result.json").exists() else None
    if done.returncode == 0:
        assert status == "valid"
        assert mode == "performance" or call("score", out).stdout.split()[:3] == ["top1", "80.00", "%"]
    else:
        assert done.returncode in (2, 3)
        assert status in (None, "failed", "started")
        assert status != "started", "the directory was written but the failure was not"


# Other verbs.


@pytest.mark.parametrize("verb", ["score", "show"])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "is not a run's directory"),
        ({"result.json": "{", "spec.yaml": "a: ["}, ""),
        ({"result.json": "[]", "spec.yaml": "[]"}, ""),
        ({"result.json": '{"schema_version": 99}', "spec.yaml": "schema_version: 99"}, ""),
    ],
)
def test_a_folder_that_is_no_runs_directory_is_refused(
    verb: str, files: dict[str, str], says: str, call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    done = call(verb, folder)
    assert done.returncode == 2
    assert str(folder) in complaint(done)
    assert says in complaint(done)


@pytest.mark.parametrize(
    "text", ['"status": "valid"', '"status": "valid", "accuracy": {}', '"reasons": 1', '"runs": 1']
)
def test_a_result_with_parts_missing_is_not_shown_and_not_taken_for_an_invalid_run(
    text: str, call: Cli, tmp_path: Path, complaint: Complaint
) -> None:
    (tmp_path / "result.json").write_text(f'{{"schema_version": 1, {text}}}', encoding="ascii")
    done = call("show", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path / 'result.json'} is not whole, or was changed by hand" in complaint(done)


def test_a_performance_run_cannot_be_scored(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    assert call(*keywords, "--out", tmp_path / "run").returncode == 0
    done = call("score", tmp_path / "run")
    assert done.returncode == 2
    assert "holds a performance run" in complaint(done)
