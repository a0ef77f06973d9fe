"""The child that prepares a set ahead: `python -P -m harness.serving.preparing PIPE PARENT SetToPrepare`.

On this machine alone, on all cores; or as the driver of a cluster.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from harness.machine.child_process import live_and_die_with
from harness.machine.facts import usable_cpus
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, tell
from harness.messages.preparing import PartPrepared, SetPrepared, SetToPrepare
from harness.serving.prepared_ahead import PreparedAhead, parts_of, whole
from harness.spec.opener import opener_of
from harness.spec.schema import Spec
from harness.spec.task import open_task
from tasks.base import DataMissing, Task


def prepare_set(spec: Spec, hear: Hear) -> SetPrepared:
    """Prepares all samples of a run's set.

    Raises:
        ConfigError: Such samples are never kept, there is no room for them, or the cluster is not there.
        tasks.base.DataMissing: A sample cannot be read; the message names it.
        RunFailed: A sample does not fit the model, or nothing can be written.
        Exception: What the backend says that cannot open the model.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
    refused = _refused(spec, task)
    opener = opener_of(spec.model, spec.backend, spec.cache_dir, task.input_shapes)
    backend = opener.open(1)
    try:
        ahead = PreparedAhead(
            task.codec(backend.inputs, backend.outputs),
            len(task),
            backend.inputs,
            spec.cache_dir / "samples",
            spec.sample_cache_bytes,
        )
        if not spec.dispatch.on_cluster:
            with contextlib.closing(ahead):
                return _with_note(_here(ahead, len(task), hear), refused)
        from harness.serving.cluster.untimed.preparing import prepare_on_cluster

        return _with_note(prepare_on_cluster(spec, task, opener.recipe(1, (), 1), hear), refused)
    finally:
        backend.close()


def _refused(spec: Spec, task: Task) -> str:
    """Why an accuracy run would refuse the set's truth; "" where it would not.

    Raises:
        tasks.base.DataMissing: Every run would: the truth is one that the user names.
    """
    try:
        if not spec.asks_reference:
            task.check_truth()
    except DataMissing as error:
        if spec.dataset.truth is not None:
            raise
        return f"an accuracy run of this set is refused: {error}"
    return ""


def _with_note(done: SetPrepared, note: str) -> SetPrepared:
    return replace(done, warnings=(*done.warnings, note)) if note else done


def _here(ahead: PreparedAhead, total: int, hear: Hear) -> SetPrepared:
    begun = ahead.begin()
    if not begun.making:
        return SetPrepared(begun.folder, total, begun.seal, were_here=True)
    lock, done = threading.Lock(), 0

    def prepare(part: tuple[int, int]) -> PartPrepared:
        nonlocal done
        prepared = ahead.prepare(begun.making, *part)
        with lock:
            done += part[1]
            hear(Progressed("samples are prepared", done, total))
        return prepared

    with ThreadPoolExecutor(usable_cpus()) as pool:
        parts = list(pool.map(prepare, parts_of(total)))
    return SetPrepared(begun.folder, total, ahead.finish(begun.making, whole(parts)), were_here=False)


def main() -> None:
    """The process."""
    pipe, parent, asked = sys.argv[1:]
    live_and_die_with(int(parent))
    question = decode(asked, SetToPrepare)
    tell(int(pipe), lambda hear: prepare_set(Spec.model_validate_json(question.spec), hear))


if __name__ == "__main__":
    main()
