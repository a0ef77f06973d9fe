"""What this machine is, as far as it decides which wheels run here; which of its processes live."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any


def facts(folder: Path) -> dict[str, Any]:
    """See `harness.remote.facts.DeviceFacts`."""
    libc = None
    with contextlib.suppress(ValueError, OSError):
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    place = folder
    while not place.exists():
        place = place.parent
    return {
        "folder": str(folder),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "abi_flags": sys.abiflags,
        "system": sys.platform,
        "android": hasattr(sys, "getandroidapilevel") or "com.termux" in sys.prefix,
        "host": os.uname().nodename,
        "machine": os.uname().machine,
        "release": os.uname().release,
        "bits": 64 if sys.maxsize > 1 << 32 else 32,
        "glibc": libc.partition(" ")[2] if libc else None,
        "free_bytes": shutil.disk_usage(place).free,
        "no_programs": bool(os.statvfs(place).f_flag & getattr(os, "ST_NOEXEC", 0)),
        "clock_s": time.time(),
    }


def boot_id() -> str:
    """Another one after each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def started_at(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty for none, or one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
