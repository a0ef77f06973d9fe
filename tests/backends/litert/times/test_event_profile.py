"""LiteRT's own profiler, on a model whose ops are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends.base import BackendUnavailable, TensorSpec
from backends.cpu import CpuBackend
from backends.litert.times.event_profile import EventProfiler, Kernels


@pytest.mark.parametrize("kernels", ["default", "builtin", "reference"])
def test_a_run_tells_every_op_once_and_one_without_the_profiler_none(kernels: Kernels, adds_model: Path) -> None:
    backend = CpuBackend(adds_model, threads=1)
    profiler = EventProfiler(adds_model, backend.inputs, threads=1, kernels=kernels)
    profiler.feed([np.zeros((1, 32, 32, 3), np.float32)])
    assert profiler.run() > 0
    for _ in range(2):
        _, events = profiler.profiled_run()
        assert [event.name for event in events if event.kind == "invoke"] == ["Invoke"]
        ops = [event for event in events if event.kind == "op"]
        if kernels == "default":
            assert sum(event.name.startswith("Add") for event in events if event.kind == "xnnpack") == 2
        else:
            assert [event.name for event in ops] == ["ADD", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "ADD"]
            assert [event.index for event in ops] == [0, 1, 2, 3, 4]
    profiler.close()
    backend.close()


def test_what_cannot_be_compiled_is_refused_before_it_is(adds_model: Path) -> None:
    texts = TensorSpec("words", (1,), np.dtype(object))
    with pytest.raises(BackendUnavailable, match=r"no buffers for texts \(words\)"):
        EventProfiler(adds_model, [texts], threads=1)
    other = TensorSpec("another", (1, 32, 32, 3), np.dtype(np.float32))
    with pytest.raises(BackendUnavailable, match=r"its inputs are named \['picture'\] there, \['another'\] elsewhere"):
        EventProfiler(adds_model, [other], threads=1)
    with pytest.raises(BackendUnavailable, match="two are called 'another'"):
        EventProfiler(adds_model, [other, other], threads=1)
