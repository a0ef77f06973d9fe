"""Official files into the cache: judged before they are used, whole or not at all, one process at a time."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.config.official.published import FileEntry
from harness.errors import ConfigError
from harness.zoo.files.catalog import Catalog, Item
from harness.zoo.files.download import FetchFailed, Patience
from harness.zoo.files.fetch import Fetching, fetch
from harness.zoo.files.importing import import_file
from harness.zoo.files.install import FileOutcome
from harness.zoo.files.meter import Meter
from harness.zoo.files.official import find_cached, hash_file, official_path, read_stamp, write_stamp

BODY = b"\x78" + bytes(range(256)) * 2000
OTHER = b"\x78" + BODY[:0:-1]
HASTY = Patience(timeout_s=600, attempts=2, first_wait_s=0.01, longest_wait_s=0.02)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def item(file: str, *urls: str, **known: Any) -> Item:
    return Item(FileEntry(file=file, urls=list(urls), **known))


def fetch_all(items: Sequence[Item], cache: Path, **more: Any) -> list[FileOutcome]:
    return fetch(items, Fetching(cache, patience=HASTY, **more), lambda _: None)


def fetch_one(wanted: Item, cache: Path, **more: Any) -> FileOutcome:
    return fetch_all([wanted], cache, **more)[0]


def test_a_file_with_the_published_checksum_is_verified_and_not_fetched_twice(origin: Any, tmp_path: Path) -> None:
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(BODY)), md5=md5(BODY), size_bytes=len(BODY))
    first = fetch_one(wanted, tmp_path)
    assert (first.state, first.path, first.size_bytes) == ("verified", official_path("a.tfrecord", tmp_path), len(BODY))
    assert first.sha256 == hashlib.sha256(BODY).hexdigest()
    assert official_path("a.tfrecord", tmp_path).read_bytes() == BODY
    assert fetch_one(wanted, tmp_path).what == "was here"
    assert len(origin.requests) == 1
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_cache_without_locks_is_refused_before_anything_is_fetched(
    origin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")  # as a network file system without a lock service

    monkeypatch.setattr("fcntl.flock", flock)
    outcome = fetch_one(item("a.tfrecord", origin.on("/a", origin.serve(BODY)), md5=md5(BODY)), tmp_path)
    assert outcome.state == "failed"
    assert f"{tmp_path} lies on a file system without locks" in outcome.what
    assert "--cache-dir" in outcome.what
    assert not origin.requests


def test_a_file_with_another_checksum_is_kept_aside_and_never_used(origin: Any, tmp_path: Path) -> None:
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(OTHER)), md5=md5(BODY))
    outcome = fetch_one(wanted, tmp_path)
    assert outcome.state == "failed"
    assert f"its MD5 is {md5(OTHER)}, the published one {md5(BODY)}" in outcome.what
    assert official_path("a.tfrecord.rejected", tmp_path).read_bytes() == OTHER
    assert find_cached("a.tfrecord", wanted.entry, tmp_path).state == "absent"


def test_a_corrupt_origin_leads_to_the_next(origin: Any, tmp_path: Path) -> None:
    urls = [
        origin.on("/a", origin.serve(OTHER)),
        origin.on("/b", origin.status(404)),
        origin.on("/c", origin.serve(BODY)),
    ]
    outcome = fetch_one(item("a.tfrecord", *urls, md5=md5(BODY)), tmp_path)
    assert outcome.state == "verified"
    assert outcome.what == f"fetched from {urls[2]}"


def test_parts_of_two_versions_make_no_file(origin: Any, tmp_path: Path) -> None:
    # The first bytes are another file's: gone on with, since a checksum judges; then fetched once more from the start.
    part = official_path("a.tfrecord.partial", tmp_path)
    part.parent.mkdir(parents=True)
    part.write_bytes(OTHER[:1000])
    outcome = fetch_one(item("a.tfrecord", origin.on("/a", origin.serve(BODY)), md5=md5(BODY)), tmp_path)
    assert outcome.state == "verified"
    assert [headers.get("Range") for _, headers in origin.requests] == ["bytes=1000-", None]


def test_a_file_without_a_published_checksum_is_unverified_and_pinned(origin: Any, tmp_path: Path) -> None:
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(BODY)))
    assert fetch_one(wanted, tmp_path).state == "unverified"
    official_path("a.tfrecord", tmp_path).unlink()
    origin.on("/a", origin.serve(OTHER))
    outcome = fetch_one(wanted, tmp_path)
    assert outcome.state == "failed"
    assert f"{hashlib.sha256(BODY).hexdigest()} was taken first and pinned" in outcome.what
    origin.on("/a", origin.serve(BODY))
    assert fetch_one(wanted, tmp_path).state == "unverified"


def test_a_web_page_in_a_files_place_is_refused(origin: Any, tmp_path: Path) -> None:
    page = b"\n<!DOCTYPE html><html><title>Sign in</title></html>"
    outcome = fetch_one(item("a.tfrecord", origin.on("/a", origin.serve(page))), tmp_path)
    assert outcome.state == "failed"
    assert "it is a web page" in outcome.what


def test_many_files_come_in_order_and_one_that_fails_stops_no_other(origin: Any, tmp_path: Path) -> None:
    items = [
        item(f"{number}.tfrecord", origin.on(f"/{number}", origin.status(404) if number == 3 else origin.serve(BODY)))
        for number in range(9)
    ]
    outcomes = fetch_all(items, tmp_path)
    assert [outcome.file for outcome in outcomes] == [f"{number}.tfrecord" for number in range(9)]
    assert [outcome.state for outcome in outcomes] == ["failed" if number == 3 else "unverified" for number in range(9)]


def test_a_mirror_replaces_all_origins(origin: Any, tmp_path: Path) -> None:
    origin.on("/mirror/v1_1/a.tfrecord", origin.serve(BODY))
    wanted = item("v1_1/a.tfrecord", "https://nowhere.invalid/a", md5=md5(BODY))
    outcome = fetch_one(wanted, tmp_path, mirror=f"{origin.url}/mirror/")
    assert outcome.what == f"fetched from {origin.url}/mirror/v1_1/a.tfrecord"
    assert official_path("v1_1/a.tfrecord", tmp_path).read_bytes() == BODY


def test_a_file_without_an_address_says_how_to_get_it(tmp_path: Path) -> None:
    outcome = fetch_one(item("a.tar", obtain="ask at example.org"), tmp_path)
    assert (outcome.state, outcome.what) == ("failed", "a.tar has no public address: ask at example.org")


def test_a_cached_file_that_was_changed_is_put_aside_and_fetched_again(origin: Any, tmp_path: Path) -> None:
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(BODY)), md5=md5(BODY))
    fetch_one(wanted, tmp_path)
    path = official_path("a.tfrecord", tmp_path)
    with path.open("ab") as file:
        file.write(b"more")
    assert find_cached("a.tfrecord", wanted.entry, tmp_path).state == "corrupt"
    assert fetch_one(wanted, tmp_path).state == "verified"
    assert path.read_bytes() == BODY
    assert official_path("a.tfrecord.rejected", tmp_path).read_bytes() == BODY + b"more"


def test_a_known_file_is_hashed_once_and_a_touched_one_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.zoo.files import official

    path = official_path("a.tfrecord", tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    known, hashed = FileEntry(file="a.tfrecord", md5=md5(BODY)), []
    real = official.hash_file
    monkeypatch.setattr(official, "hash_file", lambda path: hashed.append(path) or real(path))  # type: ignore[func-returns-value]
    for _ in range(3):
        assert find_cached("a.tfrecord", known, tmp_path).state == "verified"
    assert len(hashed) == 1
    os.utime(path, ns=(1, 1))
    assert find_cached("a.tfrecord", known, tmp_path).state == "verified"
    assert len(hashed) == 2


def test_of_two_that_want_one_file_one_fetches_and_one_waits(origin: Any, tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()
    serve = origin.serve(BODY)

    def slow(handler: Any) -> None:
        began.set()
        go_on.wait(600)
        serve(handler)

    wanted = item("a.tfrecord", origin.on("/a", slow), md5=md5(BODY))
    script = (
        "import sys; from pathlib import Path; from harness.config.official.published import FileEntry\n"
        "from harness.zoo.files.catalog import Item; from harness.zoo.files.fetch import Fetching, fetch\n"
        "item = Item(FileEntry(file='a.tfrecord', urls=[sys.argv[1]], md5=sys.argv[2]))\n"
        "how = Fetching(Path(sys.argv[3]), on_wait=lambda file: print('waits for', file, flush=True))\n"
        "print(fetch([item], how, lambda _: None)[0].what)\n"
    )
    first: list[FileOutcome] = []
    patient = Fetching(tmp_path, patience=Patience(timeout_s=600))
    thread = threading.Thread(target=lambda: first.extend(fetch([wanted], patient, lambda _: None)))
    thread.start()
    assert began.wait(600)
    words = [sys.executable, "-c", script, f"{origin.url}/a", md5(BODY), str(tmp_path)]
    root = str(Path(__file__).resolve().parents[4])
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "waits for a.tfrecord\n"
        go_on.set()
        assert second.stdout.readline() == "was here\n"
    thread.join()
    assert first[0].state == "verified"
    assert len(origin.requests) == 1


def as_somebody_else(call: Callable[[], str]) -> str:
    """What a call returns in a child process that is not root, for whom permissions count."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            text = call()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=4m", "none", place], check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_in_the_middle_is_named_and_what_came_is_gone_on_with(origin: Any, small_disk: Path) -> None:
    large = BODY * 10
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(large)), md5=md5(large))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2 << 20))
    outcome = fetch_one(wanted, small_disk)
    assert outcome.state == "failed"
    assert "No space left on device" in outcome.what
    assert "it goes on where it stopped" in outcome.what
    assert outcome.fatal is not None
    assert outcome.fatal.exit_status == 3
    ballast.unlink()
    small_disk = small_disk.resolve()
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    assert fetch_one(wanted, small_disk).state == "verified"
    assert origin.requests[-1][1]["Range"].startswith("bytes=")


def test_a_file_that_cannot_fit_is_refused_before_it_is_fetched(origin: Any, small_disk: Path) -> None:
    wanted = item("a.tfrecord", origin.on("/a", origin.serve(BODY)), size_bytes=64 << 20)
    assert "needs 67.1 MB, but" in fetch_one(wanted, small_disk).what
    assert origin.requests == []


def test_a_read_only_cache_serves_what_it_has_and_says_so_of_the_rest(origin: Any, small_disk: Path) -> None:
    here = item("a.tfrecord", origin.on("/a", origin.serve(BODY)), md5=md5(BODY))
    fetch_one(here, small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert fetch_one(here, small_disk).what == "was here"
    outcome = fetch_one(item("b.tfrecord", origin.url + "/a"), small_disk)
    assert "cannot be written" in outcome.what
    assert "--cache-dir" in outcome.what
    assert outcome.fatal is not None
    assert outcome.fatal.exit_status == 2


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_a_cache_that_somebody_else_owns_is_refused_with_advice(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    wanted = item("a.tfrecord", "https://nowhere.invalid/a")
    said = as_somebody_else(lambda: fetch_one(wanted, tmp_path).what)
    assert "Permission denied" in said
    assert "--cache-dir" in said


def catalog(*items: Item) -> Catalog:
    made = Catalog()
    for one in items:
        made.add(one, one.file.partition(".")[0])
    return made


def test_an_imported_file_is_recognised_by_its_hash_whatever_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "download (3)"
    mine.write_bytes(BODY)
    cache = tmp_path / "cache"
    known = catalog(item("b.tfrecord", md5=md5(OTHER)), item("v5_0/a.tfrecord", md5=md5(BODY)))
    (outcome,) = import_file(mine, known, cache)
    assert (outcome.file, outcome.state, outcome.what) == ("v5_0/a.tfrecord", "verified", "imported")
    assert official_path("v5_0/a.tfrecord", cache).read_bytes() == BODY
    assert import_file(mine, known, cache)[0].what == "was here"
    assert mine.read_bytes() == BODY


def test_a_sha256_recognises_a_file_too(tmp_path: Path) -> None:
    mine = tmp_path / "x"
    mine.write_bytes(BODY)
    known = catalog(item("lstm.tflite", sha256=hashlib.sha256(BODY).hexdigest()))
    assert import_file(mine, known, tmp_path / "cache")[0].state == "verified"


def test_a_file_without_a_checksum_is_taken_by_its_name_and_pinned(tmp_path: Path) -> None:
    cache, mine = tmp_path / "cache", tmp_path / "a.tfrecord"
    known = catalog(item("a.tfrecord"))
    mine.write_bytes(BODY)
    assert import_file(mine, known, cache)[0].state == "unverified"
    stamp = read_stamp("a.tfrecord", cache)
    assert stamp is not None
    assert stamp.sha256 == hashlib.sha256(BODY).hexdigest()
    mine.write_bytes(OTHER)
    with pytest.raises(ConfigError, match="was taken first and pinned"):
        import_file(mine, known, cache)
    assert official_path("a.tfrecord", cache).read_bytes() == BODY


def test_a_file_of_another_size_than_the_official_ones_is_never_pinned(tmp_path: Path) -> None:
    whole = b"65\n970\n230\n"
    known = catalog(item("labels.txt", size_bytes=len(whole)))
    (tmp_path / "given").mkdir()
    file = tmp_path / "given" / "labels.txt"
    file.write_bytes(b"1\n2\n")
    with pytest.raises(ConfigError, match=r"it has 4 bytes, the official file has 11$"):
        import_file(file, known, tmp_path)
    # One that an earlier version took is no obstacle.
    place = official_path("labels.txt", tmp_path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"1\n2\n")
    write_stamp("labels.txt", place, hash_file(place), tmp_path)
    assert find_cached("labels.txt", known.items["labels.txt"].entry, tmp_path).state == "corrupt"
    file.write_bytes(whole)
    (outcome,) = import_file(file, known, tmp_path)
    assert outcome.what.startswith("imported, in place of the one that was pinned before")
    assert place.read_bytes() == whole


def test_a_pin_gives_way_where_that_is_asked_for(tmp_path: Path) -> None:
    known = catalog(item("labels.txt"))
    first, second = b"1\n2\n" * 500, b"3\n4\n" * 500
    (tmp_path / "given").mkdir()
    file = tmp_path / "given" / "labels.txt"
    file.write_bytes(first)
    import_file(file, known, tmp_path)
    file.write_bytes(second)
    with pytest.raises(ConfigError, match=r"was taken first and pinned.* fetch --replace --import .*labels\.txt"):
        import_file(file, known, tmp_path)
    (outcome,) = import_file(file, known, tmp_path, replace=True)
    assert "in place of the one that was pinned before" in outcome.what
    assert official_path("labels.txt", tmp_path).read_bytes() == second
    assert official_path("labels.txt.rejected", tmp_path).read_bytes() == first


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.tflite", b"<!doctype html><title>Blob</title>", "it is a web page"),
        ("a.tflite", b"rubbish" * 9, "it is not a TFLite model"),
        ("a.tflite", b"", "it is empty"),
        ("a.zip", b"rubbish" * 9, "it is not a zip archive"),
        ("a.json", b"{", "it is not JSON"),
        ("a.txt", b"1\0", "it is not a text"),
        ("a.txt", b"1\n2\n", "it has 4 bytes: no official list of its kind is so short"),
        ("known.tfrecord", OTHER, f"its sha256 is {hashlib.sha256(OTHER).hexdigest()}"),
        ("sized.tflite", BODY[:1000], f"it has 1,000 bytes, the official file has {len(BODY):,}"),
        ("nobody.bin", b"rubbish" * 9, "neither its hash nor its name is in the registry"),
        ("page.htm", b"<html>", "it is a web page"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.write_bytes(content)
    known = catalog(
        *map(item, ("a.tflite", "a.zip", "a.json", "a.txt")),
        item("known.tfrecord", md5=md5(BODY)),
        item("sized.tflite", md5=md5(BODY), size_bytes=len(BODY)),
    )
    with pytest.raises(ConfigError, match=says):
        import_file(mine, known, tmp_path / "cache")
    assert not official_path(name, tmp_path / "cache").exists()


@pytest.mark.parametrize("what", ["absent", "folder"])
def test_what_is_no_file_cannot_be_imported(what: str, tmp_path: Path) -> None:
    mine = tmp_path / what
    if what == "folder":
        mine.mkdir()
    with pytest.raises(ConfigError, match=r"no file at|is no file"):
        import_file(mine, catalog(), tmp_path / "cache")


def test_a_model_with_other_tensors_than_the_registry_says_is_refused(keyword_model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "model.tflite"
    shutil.copyfile(keyword_model, mine)

    def known(**tensor: Any) -> Catalog:
        from harness.config.official.published import TensorEntry

        return catalog(Item(FileEntry(file="model.tflite"), inputs=(TensorEntry(role="features", **tensor),)))

    with pytest.raises(
        ConfigError, match=r"its input features is \[1, 49, 10, 1\], the official model's is \['any', 224"
    ):
        import_file(mine, known(shape=[None, 224, 224, 3]), tmp_path / "cache")
    with pytest.raises(ConfigError, match="its input features is int8, the official model's is float32"):
        import_file(mine, known(dtype="float32"), tmp_path / "cache")
    right = known(shape=[None, 49, 10, 1], dtype="int8")
    assert import_file(mine, right, tmp_path / "cache")[0].state == "unverified"


def test_the_models_in_a_bundle_are_taken_out_and_recognised(keyword_model: Path, tmp_path: Path) -> None:
    import tarfile

    bundle = tmp_path / "assets.tar.xz"
    with tarfile.open(bundle, "w:xz") as file:
        file.add(keyword_model, "assets/by-hash.tflite")
        file.add(keyword_model, "assets/unknown/other.tflite")
        file.add(__file__, "assets/README")
    model = keyword_model.read_bytes()
    known = catalog(
        item("assets.tar.xz", unpack=True),
        item("lstm.tflite", sha256=hashlib.sha256(model).hexdigest()),
        item("o.tflite"),
    )
    outcomes = import_file(bundle, known, tmp_path / "cache")
    assert [(outcome.file, outcome.state) for outcome in outcomes][:2] == [
        ("assets.tar.xz", "unverified"),
        ("lstm.tflite", "verified"),
    ]
    assert official_path("lstm.tflite", tmp_path / "cache").read_bytes() == model
    assert not list(official_path("", tmp_path / "cache").glob(".unpack*"))


def test_a_file_without_a_checksum_may_have_its_models_name(keyword_model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "words_int8.tflite"
    shutil.copyfile(keyword_model, mine)
    known = Catalog()
    known.add(item("ref_model.tflite"), "words", "words_int8")
    known.add(item("other.tflite"), "words", "other_int8")
    known.add(item("whole.tflite", md5=md5(OTHER)), "words", "whole_int8")
    assert import_file(mine, known, tmp_path / "cache")[0].file == "ref_model.tflite"
    # A task's name stands for several files; another suffix is another file; a published checksum must fit.
    for name in ("words.tflite", "words_int8.zip", "whole_int8.tflite"):
        mine = mine.rename(tmp_path / name)
        with pytest.raises(ConfigError, match="neither its hash nor its name is in the registry"):
            import_file(mine, known, tmp_path / "cache")


def test_a_file_that_failed_is_not_counted_among_those_that_came(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter()
    meter.expect({"a": 1, "b": 1})
    meter._drawn = float("-inf")
    meter.done(FileOutcome("a", "failed", "gone", fatal=FetchFailed("gone")))
    assert "0 of 2 files (1 failed), 0 bytes" in capsys.readouterr().err
