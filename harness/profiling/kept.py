"""A profile that `./run.sh profile --json` wrote, read again."""

from __future__ import annotations

import json
from pathlib import Path

from accuracy.outside.text_files import NotText, read_text
from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json
from harness.profiling.record import Profile


def read_profile(path: Path) -> Profile:
    """A kept profile.

    Raises:
        ConfigError: It cannot be read, or is none.
    """
    try:
        return from_json(Profile, json.loads(read_text(path)), drop_unknown=True)
    except OSError as error:
        raise ConfigError(f"cannot read the profile {path}: {error.strerror}") from None
    except (ValueError, NotText, NotThisRecord, RecursionError) as error:
        raise ConfigError(f"{path} is no profile that ./run.sh profile --json wrote: {error}") from None
