"""What a node of a cluster is. Sent to nodes as it stands, for there may be no harness there: the standard library alone."""

from __future__ import annotations


def describe_node(packages: list[str]) -> str:
    """A node's `harness.messages.cluster.NodeFacts` as JSON, its address left empty.

    Args:
        packages: Whose versions are asked.
    """
    import hashlib
    import importlib.util
    import json
    import os
    import platform
    from importlib import metadata
    from pathlib import Path

    def version(package: str) -> str:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return "absent"

    def first_line(path: str, name: str = "") -> str | None:
        try:
            lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return next((line.rpartition(": ")[2].strip() for line in lines if line.startswith(name)), None)

    def program() -> str:
        found = importlib.util.find_spec("harness")
        if found is None or found.origin is None:
            return "absent"
        root, digest = Path(found.origin).parents[1], hashlib.sha256()
        for package in ("accuracy", "backends", "harness", "native", "tasks"):
            for path in sorted((root / package).rglob("*.py")):
                digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
        return digest.hexdigest()

    facts = {
        "host": platform.node(),
        "address": "",
        "machine": platform.machine(),
        "cpu": first_line("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
        "program": program(),
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "boot": first_line("/proc/sys/kernel/random/boot_id"),
    }
    return json.dumps(facts)
