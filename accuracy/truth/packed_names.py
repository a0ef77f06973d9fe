"""Lists of classes that lie in a model file: TFLite packs the files that go with a model behind it, as a zip archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

from accuracy.outside.opening import open_zip_heard
from accuracy.outside.shown import some
from accuracy.outside.text_files import decode_text

_MOST_BYTES = 16_000_000
_SUFFIX = ".txt"
_OTHERS = ("vocab",)
"""Text files that list words, no classes."""


def packed_names(path: Path) -> str | None:
    """The text of the list of classes in a model file; None where nothing is packed behind it.

    Args:
        path: A model file.

    Raises:
        OSError: It cannot be read.
        ValueError: What is packed holds no such list, or several, or is corrupt.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        with open_zip_heard(path) as archive:
            texts = [each for each in archive.infolist() if each.filename.lower().endswith(_SUFFIX)]
            lists = [each for each in texts if "label" in each.filename.lower()] or [
                each for each in texts if not any(word in each.filename.lower() for word in _OTHERS)
            ]
            if len(lists) != 1:
                there = some([each.filename for each in lists or archive.infolist()])
                raise ValueError(f"{len(lists)} lists of classes are packed into it ({there})")
            if lists[0].file_size > _MOST_BYTES:
                raise ValueError(f"the list {lists[0].filename} packed into it claims {lists[0].file_size:,} bytes")
            return decode_text(archive.read(lists[0]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        # RuntimeError is an encrypted member's.
        raise ValueError(f"what is packed into it cannot be read: {error}") from None
