"""The file of a budget's row: the model itself, or what stands in for it, and which of the two it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.budgets.file import BudgetRow
from harness.config.files import load_collections
from harness.config.official.published import ModelEntry
from harness.errors import ConfigError, UnknownName
from harness.spec.any_model import NamedModel, find_any_model
from harness.spec.model_source import find_model
from harness.spec.schema import ModelRef
from harness.zoo.files.official import hash_file

_SUFFIX = ".tflite"


@dataclass(frozen=True, slots=True)
class RowModel:
    """What a row is measured with."""

    model: NamedModel
    standin: str
    """What stands in for the model that the row names; "" where it is that model, or a file of its name."""
    doubt: str = ""
    """Why it may not be that model all the same."""


class ModelFolder:
    """The files below `--models`, by name."""

    def __init__(self, folder: Path | None) -> None:
        """Lists them.

        Raises:
            ConfigError: There is no such folder.
        """
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"--models {folder}: no such folder")
        self._folder = folder
        self._files: Mapping[str, Path] = (
            {} if folder is None else {path.name: path for path in sorted(folder.rglob(f"*{_SUFFIX}"), reverse=True)}
        )

    def find(self, row: BudgetRow, cache_dir: Path) -> RowModel:
        """The file that a row is measured with.

        Args:
            row: Of a budget.
            cache_dir: Where official files and stand-ins lie.

        Raises:
            UnknownName: Nobody knows the model, and no file here has its name.
            ConfigError: It is not here; says how to get it.
        """
        name = row.section.model
        entry = _entries().get(name)
        if path := self._files.get(f"{name}{_SUFFIX}"):
            return _of_file(name, path, entry)
        missing: ConfigError | None = None
        try:
            found = find_any_model(name, cache_dir)
        except UnknownName:
            raise
        except ConfigError as error:
            missing = error
        else:
            if found.ref.source != "standin":
                return RowModel(found, "")
            what = entry.standin if entry and entry.standin else found.ref.name
            return RowModel(found, f"{what}, of our own (docs/standins.md)")
        for standin in row.section.standins:
            if path := self._files.get(standin.file):
                return RowModel(_read(name, path), f"{standin.file}: {standin.why}")
        named = ", ".join(standin.file for standin in row.section.standins)
        where = "--models DIR" if self._folder is None else f"{self._folder}"
        raise ConfigError(f"{missing}" + (f"; in its place {named} would do, below {where}" if named else ""))


def _of_file(name: str, path: Path, entry: ModelEntry | None) -> RowModel:
    if entry is None:
        return RowModel(_read(name, path), "")
    ref, _ = find_model(str(path), {name: entry}, name, path.parent)
    doubt = ""
    if ref.source != "official" and (entry.sha256 or entry.md5):
        doubt = f"{path.name} is not the published file: its checksum is another"
    return RowModel(NamedModel(ref, None, None), "", doubt)


def _read(name: str, path: Path) -> NamedModel:
    return NamedModel(ModelRef(name=name, source="file", path=path, sha256=hash_file(path).sha256), None, None)


def _entries() -> Mapping[str, ModelEntry]:
    """The models of the collections that ship with the harness."""
    return {name: entry for collection in load_collections().values() for name, entry in collection.models.items()}
