"""What a device refuses, and what it has from another version of the harness, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import shortened
from harness.remote.far_end.wire import Refused
from harness.remote.target import SshTarget
from harness.results.subject import HarnessFacts


def refusal(target: SshTarget, folder: str, refused: Refused, known: Sequence[str]) -> str:
    """What the far end refuses.

    Args:
        target: The device.
        folder: Of ours there.
        refused: As it says.
        known: Its jobs, where a job's name is refused.
    """
    clean = f"./run.sh --target {target} --clean"
    match refused.kind:
        case "full":
            return f"{target} is full: {refused}. Make room there, or name another folder: ssh://HOST/FOLDER"
        case "busy":
            return (
                f"{target} is busy with {refused}: two runs at once would disturb each other. Wait for it, or pick it up with "
                f"--target {target} --attach {refused}"
            )
        case "unknown":
            return f"{target} has no run {refused}; it has {shortened(', '.join(known)) or 'none'}"
        case "pip":
            return f"{target}: the wheels could not be installed there: {refused}"
        case "broken":
            return f"{target}: what lies in {folder} is damaged ({refused}): take it away with {clean}, then run again"
        case "foreign":
            return f"{target}: {refused}: name one that is new, so that --clean takes only ours: ssh://HOST/FOLDER"
        case "closed":
            return f"{target}: {refused}. Name a folder that its user may write: ssh://HOST/FOLDER"
    return f"{target}: {refused}"


def of_another_version(target: SshTarget, name: str, job: Mapping[str, object], why: str) -> str:
    """Another version's words, which are not guessed at.

    Args:
        target: The device.
        name: Of the job.
        job: What it was told, as that version wrote it; empty where nobody can read it.
        why: What in it is not this version's.
    """
    made_by, here = job.get("made_by"), HarnessFacts.here()
    said = made_by if isinstance(made_by, Mapping) else {}
    theirs = shortened(" ".join(str(said[key]) for key in ("version", "commit") if said.get(key))) or "not told"
    ours = " ".join(filter(None, (here.version, here.commit)))
    return (
        f"{target}: {name} was started by another version of the harness (there: {theirs}, here: {ours}; {shortened(why)}): "
        f"attach with that one, or give it up: ./run.sh --target {target} --clean"
    )
