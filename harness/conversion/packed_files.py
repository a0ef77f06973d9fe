"""The files that are packed behind a model, lists of classes among them, which its variants keep."""

from __future__ import annotations

import zipfile
from pathlib import Path

from accuracy.outside.zip_lists import open_zip


def copy_packed_files(source: Path, target: Path) -> None:
    """Packs what lies behind one model behind another; what cannot be read is left out, as whoever runs the model leaves it.

    Args:
        source: A file of any kind.
        target: A model that nothing is packed behind.
    """
    if not zipfile.is_zipfile(source):
        return
    try:
        with open_zip(source) as archive:
            files = [(each, archive.read(each)) for each in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return
    with zipfile.ZipFile(target, "a") as archive:
        for info, data in files:
            archive.writestr(info.filename, data, compress_type=info.compress_type)
