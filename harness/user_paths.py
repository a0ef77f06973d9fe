"""Paths as a user names them: `~` for a home, links that lead nowhere, or in a circle."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(named: str | Path) -> Path:
    """The same place from any directory. A link that leads in a circle stays one, and a home that nobody has a name."""
    return Path(os.path.realpath(os.path.expanduser(named)))  # noqa: PTH111 - Path's own raises where there is no such home
