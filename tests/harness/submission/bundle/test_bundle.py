"""Bundles that another machine verifies, and what it says of those that were changed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError, RunFailed
from harness.spec.schema import read_spec
from harness.submission.bundle.manifest import MANIFEST
from harness.submission.bundle.pack import pack
from harness.submission.bundle.verify import Verified, verify
from harness.zoo.files.unpack import ArchiveRefused

_MOST = 1 << 30


@pytest.fixture
def bundle(series: Path, tmp_path: Path) -> Path:
    pack([series / "performance", series / "accuracy"], tmp_path / "bundle.tar.gz", _MOST)
    return tmp_path / "bundle.tar.gz"


@pytest.fixture
def verified(tmp_path: Path) -> Callable[[Path], Verified]:
    numbers = iter(range(100))

    def run(bundle: Path) -> Verified:
        return verify(bundle, tmp_path / f"unpacked-{next(numbers)}")

    return run


def _repacked(bundle: Path, change: Callable[[dict[str, bytes]], None], *, honest: bool = False) -> Path:
    """The archive with other content; `honest` writes the new hashes into its manifest as well."""
    with tarfile.open(bundle) as archive:
        content = {one.name: (archive.extractfile(one) or io.BytesIO()).read() for one in archive}
    change(content)
    if honest:
        manifest = json.loads(content[MANIFEST])
        for one in manifest["files"]:
            if one["path"] in content:
                data = content[one["path"]]
                one |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        content[MANIFEST] = json.dumps(manifest).encode()
    target = bundle.with_name("changed.tar.gz")
    with gzip.open(target, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def test_a_bundle_gives_every_score_again_where_the_data_are_gone(
    series: Path, tmp_path: Path, verified: Callable[[Path], Verified]
) -> None:
    runs, data = tmp_path / "runs", tmp_path / "elsewhere/tints"
    shutil.copytree(series, runs)
    read = read_spec(series / "accuracy").dataset.path
    shutil.copytree(read, data)
    for name in ("spec.yaml", "samples.json"):
        path = runs / "accuracy" / name
        path.write_text(path.read_text(encoding="utf-8").replace(str(read), str(data)), encoding="utf-8")
    result = json.loads((runs / "accuracy/result.json").read_bytes())
    result["dataset"]["samples_file_sha256"] = hashlib.sha256((runs / "accuracy/samples.json").read_bytes()).hexdigest()
    (runs / "accuracy/result.json").write_text(json.dumps(result), encoding="utf-8")
    packed = pack([runs / "performance", runs / "accuracy"], tmp_path / "bundle.tar.gz", _MOST)
    shutil.rmtree(data)
    found = verified(tmp_path / "bundle.tar.gz")
    assert found.equal, found
    assert (packed.missing, found.wrong_files, found.cannot) == ((), (), ())
    assert [run.mode for run in found.runs] == ["performance", "accuracy"]
    assert set(found.runs[1].scores) == {"top1", "top5"}


def test_the_same_runs_give_the_same_bytes(series: Path, bundle: Path, tmp_path: Path) -> None:
    again = pack([series / "performance", series / "accuracy"], tmp_path / "again.tar.gz", _MOST)
    assert (tmp_path / "again.tar.gz").read_bytes() == bundle.read_bytes()
    assert again.runs == ("1-performance", "2-accuracy")


def test_a_changed_byte_is_named_by_its_file(bundle: Path, verified: Callable[[Path], Verified]) -> None:
    name = "runs/1-performance/mlperf_log_summary.txt"

    def change(content: dict[str, bytes]) -> None:
        content[name] = content[name][:-1] + b"!"

    found = verified(_repacked(bundle, change))
    assert not found.equal
    assert [name in one for one in found.wrong_files] == [True]


def test_a_claimed_score_and_a_claimed_speed_are_found_out_behind_honest_hashes(
    bundle: Path, verified: Callable[[Path], Verified]
) -> None:
    def change(content: dict[str, bytes]) -> None:
        for name, part, field in (
            ("2-accuracy", "accuracy", "top1"),
            ("1-performance", "performance", "samples_per_second"),
        ):
            path = f"runs/{name}/result.json"
            result = json.loads(content[path])
            if part == "accuracy":
                result[part][field]["value"] = 0.99
            else:
                result[part][field] *= 2
            content[path] = json.dumps(result).encode()

    found = verified(_repacked(bundle, change, honest=True))
    assert found.wrong_files == ()
    assert not found.equal
    assert "performance.samples_per_second is" in found.runs[0].why[0]
    assert found.runs[1].why[0].startswith("top1 is ")


def test_changed_answers_and_changed_data_are_found_out_behind_honest_hashes(
    bundle: Path, verified: Callable[[Path], Verified]
) -> None:
    def answers(content: dict[str, bytes]) -> None:
        path = "runs/2-accuracy/mlperf_log_accuracy.json"
        content[path] = content[path][: len(content[path]) // 2]

    def data(content: dict[str, bytes]) -> None:
        path = next(name for name in content if name.endswith("picture_0003.jpg"))
        content[path] += b"more"

    assert "is cut" in verified(_repacked(bundle, answers, honest=True)).runs[1].why[0]
    assert "data are not what the run read" in verified(_repacked(bundle, data, honest=True)).runs[1].why[0]


@pytest.mark.parametrize(
    ("run", "name", "says"),
    [
        ("accuracy", "samples.json", "samples.json is gone, which the run kept"),
        ("performance", "samples.json", "samples.json is gone, which the run kept"),
        ("accuracy", "mlperf_log_accuracy.json", "mlperf_log_accuracy.json is gone, of which its figures are made"),
        ("accuracy", "mlperf_log_detail.txt", "mlperf_log_detail.txt is gone, of which"),
        ("performance", "mlperf_log_detail.txt", "mlperf_log_detail.txt is gone, of which"),
        ("accuracy", "spec.yaml", "cannot read spec.yaml"),
        ("performance", "result.json", "result.json"),
    ],
)
def test_a_run_that_lost_what_it_is_verified_by_is_not_bundled(
    run: str, name: str, says: str, series: Path, tmp_path: Path
) -> None:
    shutil.copytree(series / run, tmp_path / run)
    (tmp_path / run / name).unlink()
    with pytest.raises(ConfigError, match=says):
        pack([tmp_path / run], tmp_path / "bundle.tar.gz", _MOST)
    assert not (tmp_path / "bundle.tar.gz").exists()


def test_a_record_of_the_data_that_somebody_wrote_anew_is_not_bundled(series: Path, tmp_path: Path) -> None:
    shutil.copytree(series / "accuracy", tmp_path / "run")
    path = tmp_path / "run/samples.json"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ConfigError, match=r"samples\.json is not what the run wrote"):
        pack([tmp_path / "run"], tmp_path / "bundle.tar.gz", _MOST)


def test_a_record_of_the_data_that_is_gone_or_written_anew_is_found_out_behind_honest_hashes(
    bundle: Path, verified: Callable[[Path], Verified]
) -> None:
    name = "runs/2-accuracy/samples.json"

    def gone(content: dict[str, bytes]) -> None:
        content.pop(name)
        manifest = json.loads(content[MANIFEST])
        manifest["files"] = [one for one in manifest["files"] if one["path"] != name]
        content[MANIFEST] = json.dumps(manifest).encode()

    def anew(content: dict[str, bytes]) -> None:
        content[name] += b"\n"

    found = verified(_repacked(bundle, gone, honest=True))
    assert (found.equal, found.wrong_files) == (False, ())
    assert "samples.json is gone, which the run kept" in found.runs[1].why[0]
    found = verified(_repacked(bundle, anew, honest=True))
    assert (found.equal, found.wrong_files) == (False, ())
    assert "samples.json is not what the run wrote" in found.runs[1].why[0]


def test_a_file_too_few_or_too_many_is_named(bundle: Path, verified: Callable[[Path], Verified]) -> None:
    def change(content: dict[str, bytes]) -> None:
        content.pop("runs/1-performance/run.log")
        content["runs/extra.txt"] = b"hello"

    found = verified(_repacked(bundle, change))
    assert [one.split(" is ")[0] for one in found.wrong_files] == ["runs/1-performance/run.log", "runs/extra.txt"]


def test_a_run_that_the_manifest_does_not_name_is_found_out(bundle: Path, verified: Callable[[Path], Verified]) -> None:
    def without(content: dict[str, bytes], kept: int) -> None:
        manifest = json.loads(content[MANIFEST])
        manifest["runs"] = manifest["runs"][:kept]
        content[MANIFEST] = json.dumps(manifest).encode()

    one = verified(_repacked(bundle, lambda content: without(content, 1), honest=True))
    assert not one.equal
    assert one.wrong_files == (f"runs/2-accuracy/result.json is of a run that {MANIFEST} does not name",)
    none = verified(_repacked(bundle, lambda content: without(content, 0), honest=True))
    assert not none.equal
    assert none.wrong_files[0] == f"{MANIFEST} names no run"


def test_data_that_the_bundle_has_are_not_asked_of_the_verifier(
    bundle: Path, picture_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="leave out --dataset and --truth"):
        verify(bundle, tmp_path / "there", dataset=picture_data)


@pytest.mark.parametrize("name", ["../../out", "/tmp/out"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(
    name: str, bundle: Path, verified: Callable[[Path], Verified]
) -> None:
    with pytest.raises(ArchiveRefused, match="leads out of it"):
        verified(_repacked(bundle, lambda content: content.update({name: b"x"})))


def test_what_is_no_bundle_is_refused(bundle: Path, verified: Callable[[Path], Verified], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive", encoding="ascii")
    for other in (tmp_path / "text", _repacked(bundle, lambda content: content.update({MANIFEST: b"{}"}))):
        with pytest.raises(ConfigError):
            verified(other)


def test_a_data_set_too_large_is_named_by_the_verifier(series: Path, picture_data: Path, tmp_path: Path) -> None:
    packed = pack([series / "accuracy"], tmp_path / "small.tar.gz", 100)
    assert "verify it with --dataset PATH" in packed.missing[0]
    found = verify(tmp_path / "small.tar.gz", tmp_path / "there", dataset=picture_data)
    assert found.equal, found


def test_a_full_disk_leaves_no_bundle(series: Path, mount: Callable[[str], Path]) -> None:
    disk = mount("size=4k")
    with pytest.raises(RunFailed, match="nothing of it is left"):
        pack([series / "accuracy"], disk / "bundle.tar.gz", _MOST)
    assert list(disk.iterdir()) == []


def test_both_commands_print_the_hash(series: Path, call: Callable[..., Any], tmp_path: Path) -> None:
    packed = call("bundle", series / "accuracy", "--out", "b.tar.gz")
    done = call("verify", tmp_path / "b.tar.gz", "--json")
    assert json.loads(done.stdout)["sha256"] in packed.stdout
    assert (packed.returncode, done.returncode) == (0, 0)
    assert call("bundle", series / "accuracy", "--out", "b.tar.gz").returncode == 2
    assert call("verify", "nowhere").returncode == 2


def test_random_inputs_are_not_called_missing_and_the_bundle_says_what_they_are_made_of(
    keyword_model: Path, call: Callable[..., Any], tmp_path: Path
) -> None:
    words = ("--reference-backend=cpu:xnnpack=false", "--mode=accuracy", "--out", tmp_path / "run")
    assert call("run", "--model", keyword_model, *words).returncode == 0
    done = call("bundle", tmp_path / "run", "--out", tmp_path / "run.tar.gz")
    assert done.returncode == 0, done.stderr
    assert "not in it" not in done.stdout
    assert "its random inputs are no files: they are made anew from the seed 20240229 in its spec.yaml" in done.stdout
    shutil.rmtree(tmp_path / "run")
    checked = call("verify", tmp_path / "run.tar.gz")
    assert checked.returncode == 0, checked.stderr
    assert "everything is equal" in checked.stdout
