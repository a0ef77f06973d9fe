"""Hugging Face data sets: `hf:NAME[:CONFIG]:SPLIT`, read with the library `datasets` (the extra `hf`).

`tasks.pictures.hub` finds the pictures in one.

    hf:rajpurkar/squad                 the split validation, val, dev or test, or the only one
    hf:rajpurkar/squad:train           a split, or a part of one: train[:100]
    hf:NAME:CONFIG:SPLIT               a configuration; SPLIT may be empty
    hf:./folder                        a folder: of pictures in one sub-folder a class, of parquet files, or saved by `datasets`

The library decides whether it downloads: with HF_HUB_OFFLINE=1 it does not. A data set that needs code of its own to be read is
refused, as that code would run here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accuracy.outside.border import reads
from accuracy.truth.squad import Question
from tasks.base import DataMissing

PREFIX = "hf:"

EVALUATION_SPLITS = ("validation", "val", "valid", "dev", "test")
"""Names of splits that are meant for scoring; the first that is there is taken where none is named."""
_COLON = re.compile(r":(?![^\[]*\])")
"""Not one in brackets: train[:100] is a split."""
_SAVED = ("dataset_dict.json", "state.json")
"""What tells a folder that `datasets` has saved."""


@dataclass(frozen=True, slots=True)
class HubName:
    """What `hf:...` names."""

    name: str
    """On the hub, or of a folder."""
    config: str | None
    split: str | None

    @classmethod
    def parse(cls, text: str) -> HubName:
        """Takes `hf:NAME[:CONFIG]:SPLIT` apart.

        Raises:
            DataMissing: Not of this form.
        """
        name, *rest = _COLON.split(text.removeprefix(PREFIX))
        if not text.startswith(PREFIX) or not name or len(rest) > 2:
            raise DataMissing(f"{text} names no data set: write hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIG:SPLIT")
        config, split = rest if len(rest) == 2 else ("", *rest, "")[:2]
        return cls(name, config or None, split or None)

    def absolute(self) -> HubName:
        """The same from any current directory: the name of a folder that is here becomes absolute."""
        return replace(self, name=str(Path(self.name).resolve())) if Path(self.name).is_dir() else self

    def __str__(self) -> str:
        if self.config is not None:
            return f"{PREFIX}{self.name}:{self.config}:{self.split or ''}"
        return f"{PREFIX}{self.name}:{self.split}" if self.split else f"{PREFIX}{self.name}"


def is_hub_name(path: Path | str) -> bool:
    """Whether a data set is named by `hf:...`."""
    return str(path).startswith(PREFIX)


@reads(DataMissing)
def read_hub_questions(path: Path) -> list[Question]:
    """The questions of a data set with SQuAD's columns: id, question, context, answers.

    Raises:
        DataMissing: The library or the data set is not here, it has other columns, or a question twice.
    """
    rows = load(HubName.parse(str(path)))
    columns = ["id", "question", "context", "answers"]
    if missing := [name for name in columns if name not in rows.features]:
        raise DataMissing(f"{path} has no column {missing[0]}: its columns are {', '.join(rows.features)}")
    questions = {}
    for number, row in enumerate(rows.select_columns(columns)):
        answers = row["answers"].get("text") if isinstance(row["answers"], dict) else None
        texts = [row[name] for name in columns[:3]]
        if not all(isinstance(text, str) for text in texts) or not isinstance(answers, list):
            raise DataMissing(f"row {number} of {path} is no question in SQuAD's form: {str(row)[:200]}")
        qas_id, question, context = texts
        if qas_id in questions:
            raise DataMissing(f"row {number} of {path}: question {qas_id!r} came before")
        questions[qas_id] = Question(qas_id, question, context, tuple(answers))
    return list(questions.values())


def load(hub: HubName) -> Any:
    """One split as the library gives it.

    Raises:
        DataMissing: The library or the data set is not here.
    """
    try:
        import datasets
    except ImportError:
        raise DataMissing(f"{hub} needs the library datasets: ./run.sh install hf") from None
    datasets.disable_progress_bars()
    # Libraries before 4 would ask on the terminal whether code from the hub may run. It may not.
    datasets.config.HF_DATASETS_TRUST_REMOTE_CODE = False
    try:
        folder = Path(hub.name)
        if any((folder / name).is_file() for name in _SAVED):
            return _saved_split(hub, datasets.load_from_disk(hub.name))
        split = hub.split or _default_split(hub, datasets.get_dataset_split_names(hub.name, hub.config))
        return datasets.load_dataset(hub.name, hub.config, split=split)
    except DataMissing:
        raise
    except Exception as error:  # the library has no error class of its own, and passes on those of many others
        raise DataMissing(f"{hub} cannot be loaded: {_first_line(error)}") from error


def _saved_split(hub: HubName, saved: Any) -> Any:
    if not hasattr(saved, "keys"):
        if hub.split is not None:
            raise DataMissing(f"{hub.name} was saved as one split: leave {hub.split!r} out")
        return saved
    split = hub.split or _default_split(hub, list(saved.keys()))
    if split not in saved:
        raise DataMissing(f"{hub.name} has no split {split!r}, but {', '.join(saved.keys())}")
    return saved[split]


def _default_split(hub: HubName, splits: Sequence[str]) -> str:
    usual = [split for split in EVALUATION_SPLITS if split in splits]
    if usual or len(splits) == 1:
        return [*usual, *splits][0]
    raise DataMissing(
        f"{hub.name} has the splits {', '.join(splits)}: name one, for example {replace(hub, split=splits[0])}"
    )


def _first_line(error: Exception) -> str:
    text = re.sub(r"\s+", " ", str(error)).strip()
    return (text[:300] + "...") if len(text) > 300 else text or type(error).__name__
