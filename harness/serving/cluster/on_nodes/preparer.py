"""An actor that prepares samples of a set into the cache of its node, or into one that several nodes share."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import replace
from pathlib import Path

from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.messages.preparing import CanPrepare, PreparerOrder
from harness.serving.cluster.on_nodes.resident import Resident, data_of, told
from harness.serving.kept_samples import Complete
from harness.serving.prepared_ahead import PreparedAhead
from harness.spec.task import open_task
from harness.zoo.files.official import cache_dir

_MARK = "cache-id"
_WAIT_S = 30.0


class Preparer(Resident):
    """One of those who fill a cache."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead: PreparedAhead | None = None

    def open(self, text: str) -> str:
        """Opens task and model as a `PreparerOrder` says; tells `CanPrepare`."""

        def opened() -> str:
            order = decode(text, PreparerOrder)
            spec = self.spec(order.spec)
            task = open_task(spec.task, spec.options, spec.dataset)
            backend = replace(order.recipe, model=self.here[str(order.recipe.model)]).open()
            codec = task.codec(backend.inputs, backend.outputs)
            samples = cache_dir() / "samples"
            self._ahead = PreparedAhead(codec, len(task), backend.inputs, samples, spec.sample_cache_bytes)
            return encode(CanPrepare(len(task), data_of(task), mark_of(cache_dir() / "cluster")))

        return told(opened)

    def begin(self) -> str:
        """Tells `Begun`: see `PreparedAhead.begin`."""
        return told(lambda: encode(self._opened().begin()))

    def prepare(self, making: str, first: int, count: int) -> str:
        """Tells `PartPrepared`: see `PreparedAhead.prepare`."""
        return told(lambda: encode(self._opened().prepare(making, first, count)))

    def finish(self, making: str, complete: str) -> str:
        """Of what all parts come to, a `Complete`; tells it with the seal that the entry has now."""

        def finished() -> str:
            all_parts = decode(complete, Complete)
            return encode(Complete((), (), self._opened().finish(making, all_parts)))

        return told(finished)

    def forget(self) -> str:
        """Takes away what was begun and not finished."""
        return told(lambda: self._opened().close())

    def _opened(self) -> PreparedAhead:
        if self._ahead is None:
            raise RunFailed("samples were to be prepared before anybody said of what")
        return self._ahead


def mark_of(folder: Path) -> str:
    """The word that lies in a folder: the same for all who share it, and nobody else's.

    Raises:
        RunFailed: It cannot be written or read.
    """
    mark = folder / _MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = folder / f"{_MARK}.{secrets.token_hex(8)}"
        own.write_text(secrets.token_hex(16), encoding="ascii")
        # The first of all has it, and nobody ever sees half of it.
        with contextlib.suppress(FileExistsError):
            os.link(own, mark)
        own.unlink()
        until = time.monotonic() + _WAIT_S
        while not mark.exists() and time.monotonic() < until:
            time.sleep(0.1)
        return mark.read_text(encoding="ascii")
    except OSError as error:
        raise RunFailed(f"the cache {folder.parent} cannot be written: {error.strerror}") from None
