"""Why a verb has no `--target`, and what to do instead."""

from __future__ import annotations

_INSTEAD = {
    "tune": "it searches on the machine it runs on: give it there, or hold settings against each other as devices of one "
    "board (fleet, set: {backend.threads: 2})",
    "suite": "its runs go one by one: --task TASK --mode submission --target ssh://USER@HOST for each benchmark, and submit "
    "takes their directories",
    "compare-models": "a run for each model, --task TASK --model MODEL --target ssh://USER@HOST, then compare their "
    "directories; times alone: bench",
    "convert": "convert here, then bench, diff or run what it made with --target",
    "budget": "it judges on the machine it runs on: give it there, or gate a run by --require",
}
_ALL = "run, sustained, bench, profile and diff have it, and fleet takes devices from a file"


def why_no_target(verb: str) -> str:
    """For the message of an unknown option."""
    return f"{verb} has no --target: {_INSTEAD.get(verb, 'it is of this machine')} ({_ALL}; docs/targets.md)"
