"""`fetch`: official models and data into the cache, from their origins or by hand."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError, HarnessError
from harness.json_records import to_json
from harness.units import bytes_text
from harness.user_paths import absolute
from harness.zoo.files.catalog import Catalog, Item, read_catalog
from harness.zoo.files.download import FetchFailed, Patience
from harness.zoo.files.fetch import Fetching, fetch
from harness.zoo.files.importing import import_file, unpack_bundle
from harness.zoo.files.install import FileOutcome
from harness.zoo.files.meter import Meter
from harness.zoo.files.official import cache_dir, find_cached

EXAMPLES = """\
examples:
  ./run.sh fetch mobilebert                            a task's models and data sets
  ./run.sh fetch mobilenet_edgetpu_224_1.0_uint8       one model
  ./run.sh fetch --all
  ./run.sh fetch --list                                what is here, and whether it is whole
  ./run.sh fetch --import ~/Downloads/mobiledet.tflite
  ./run.sh fetch coco_tiny --mirror https://files.example.com/mlperf
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Names, or one of three other ways."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a task, a model, a data set or a file")
    parser.add_argument("--all", action="store_true", help="every file that has a public address")
    parser.add_argument("--list", action="store_true", help="show what is cached, its size and state")
    parser.add_argument("--import", nargs="+", dest="imports", metavar="FILE", type=Path, help="take files by hand")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="with --import: take the file though another one without a published checksum was pinned before",
    )
    parser.add_argument(
        "--cache-dir", metavar="DIR", type=Path, help="default: TFLITE_LOADGEN_CACHE, else ~/.cache/tflite-loadgen"
    )
    parser.add_argument("--mirror", metavar="URL", help="fetch URL/FILE instead of the origins")


def main(arguments: argparse.Namespace) -> Outcome:
    """Does what the options say."""
    ways = {
        "names": bool(arguments.names),
        "--all": arguments.all,
        "--list": arguments.list,
        "--import": arguments.imports is not None,
    }
    listed_names = arguments.list and arguments.names
    if sum(ways.values()) != 1 and not (listed_names and sum(ways.values()) == 2):
        raise ConfigError(f"give one of: {', '.join(ways)}")
    catalog = read_catalog()
    cache = absolute(arguments.cache_dir or cache_dir())
    if arguments.list:
        return _list(catalog.find(arguments.names) if arguments.names else list(catalog.items.values()), cache)
    if arguments.imports is not None:
        return _import(arguments.imports, catalog, cache, replace=arguments.replace)
    if arguments.replace:
        raise ConfigError("--replace goes with --import: it says that the file given counts from now on")
    return _fetch(arguments, catalog, cache)


def _fetch(arguments: argparse.Namespace, catalog: Catalog, cache: Path) -> Outcome:
    mirror = arguments.mirror
    if mirror is not None and not mirror.startswith(("https://", "http://")):
        raise ConfigError(f"--mirror {mirror}: name an address that starts with https:// or http://")
    wanted = list(catalog.items.values()) if arguments.all else catalog.find(arguments.names)
    by_hand = [] if mirror else [item for item in wanted if not item.entry.urls and not _is_here(item, cache)]
    items = [item for item in wanted if item not in by_hand]
    if not items and by_hand:
        raise ConfigError("\n".join(_how_to_get(item) for item in by_hand))
    meter = Meter(quiet=arguments.json or arguments.quiet)
    for licence in dict.fromkeys(item.entry.licence for item in items):
        files = ", ".join(item.file for item in items if item.entry.licence == licence)
        meter.say(f"licence of {files}: {licence}")
    how = Fetching(cache, mirror, Patience(), on_bytes=meter.progress, on_wait=meter.waiting)
    meter.expect({item.file: item.entry.size_bytes for item in items})
    outcomes = fetch(items, how, meter.done)
    meter.end()
    for item, outcome in zip(items, outcomes, strict=True):
        if item.entry.unpack and outcome.path:
            outcomes += unpack_bundle(item, catalog, cache)
    return _said(outcomes, [_how_to_get(item) for item in by_hand])


def _is_here(item: Item, cache: Path) -> bool:
    try:
        return find_cached(item.file, item.entry, cache).usable
    except OSError:
        return False


def _import(files: Sequence[Path], catalog: Catalog, cache: Path, *, replace: bool) -> Outcome:
    outcomes: list[FileOutcome] = []
    for file in files:
        try:
            outcomes += import_file(file, catalog, cache, replace=replace)
        except (ConfigError, FetchFailed) as error:
            outcomes.append(FileOutcome(str(file), "failed", str(error), fatal=error))
    return _said(outcomes, [])


def _said(outcomes: Sequence[FileOutcome], notes: Sequence[str]) -> Outcome:
    failed: list[HarnessError] = [outcome.fatal for outcome in outcomes if outcome.fatal]
    lines = [_line(outcome) for outcome in outcomes]
    data = {
        "files": [
            {key: str(value) if isinstance(value, Path) else value for key, value in asdict(outcome).items()}
            | {"fatal": None if outcome.fatal is None else str(outcome.fatal)}
            for outcome in outcomes
        ],
        "by_hand": list(notes),
    }
    status = max((error.exit_status for error in failed), default=EXIT_VALID)
    return Outcome(status, "\n".join([*lines, *notes]), data)


def _line(outcome: FileOutcome) -> str:
    if outcome.fatal:
        return f"failed      {outcome.what}"
    note = " (no checksum is published: this one is pinned)" if outcome.state == "unverified" else ""
    return f"{outcome.state:10}  {outcome.file}, {bytes_text(outcome.size_bytes)}, {outcome.what}{note}"


def _how_to_get(item: Item) -> str:
    return f"not fetched {item.file}: {item.entry.obtain or 'get it from its owners'}"


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file of the registry, as --list tells of it."""

    file: str
    state: str
    size_bytes: int | None
    sha256: str | None
    why: str
    licence: str | None
    provenance: str | None
    urls: tuple[str, ...]
    obtain: str | None

    @property
    def where(self) -> str:
        """How a person comes by it, where no address is known."""
        return "" if self.urls or self.state != "absent" else self.obtain or "get it from its owners"


def _list(items: Sequence[Item], cache: Path) -> Outcome:
    rows: list[_Listed] = []
    for item in items:
        try:
            found = find_cached(item.file, item.entry, cache)
        except OSError as error:
            raise ConfigError(f"the cache {cache} cannot be read: {error.strerror}") from None
        size = found.size_bytes if found.state != "absent" else item.entry.size_bytes
        rows.append(
            _Listed(
                file=item.file,
                state=found.state,
                size_bytes=size,
                sha256=found.sha256,
                why=found.why,
                licence=item.entry.licence,
                provenance=item.entry.provenance,
                urls=tuple(item.entry.urls),
                obtain=item.entry.obtain,
            )
        )
    width = max(len(row.file) for row in rows)
    lines = [
        f"{row.file:{width}}  {row.state:10}  "
        f"{'' if row.size_bytes is None else bytes_text(row.size_bytes):>9}  {row.why or row.where}".rstrip()
        for row in rows
    ]
    files = [to_json(row) for row in rows]
    return Outcome(EXIT_VALID, "\n".join([f"cache: {cache}", *lines]), {"cache": str(cache), "files": files})
