"""The child that prepares a set ahead: `python -P -m harness.serving.preparing PIPE PARENT SetToPrepare`.

On this machine alone, on all cores; or as the driver of a cluster.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.machine.child_process import live_and_die_with
from harness.machine.facts import usable_cpus
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, tell
from harness.messages.preparing import PartPrepared, SetPrepared, SetToPrepare
from harness.serving.prepared_ahead import PreparedAhead, parts_of, whole
from harness.spec.opener import opener_of
from harness.spec.schema import Spec
from harness.spec.task import open_task


def prepare_set(spec: Spec, hear: Hear) -> SetPrepared:
    """Prepares all samples of a run's set.

    Raises:
        ConfigError: Such samples are never kept, there is no room for them, or the cluster is not there.
        tasks.base.DataMissing: A sample cannot be read; the message names it.
        RunFailed: A sample does not fit the model, or nothing can be written.
        Exception: What the backend says that cannot open the model.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
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
                return _here(ahead, len(task), hear)
        from harness.serving.cluster.untimed.preparing import prepare_on_cluster

        return prepare_on_cluster(spec, task, opener.recipe(1, (), 1), hear)
    finally:
        backend.close()


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
