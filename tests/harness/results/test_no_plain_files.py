"""A run's directory in which something else than a file has the name of one: every reader says so, and none waits."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accuracy.answers.log import LogError, read_rows
from harness.errors import ConfigError, RunFailed
from harness.results.files import RESULT_FILE, read_result
from harness.results.loadgen_log import DETAIL_LOG, read_detail
from harness.results.queries.machine_trace import MACHINE_TRACE_FILE, read_machine_trace
from harness.results.queries.query_times import QUERY_TIMES_FILE, read_query_times
from harness.results.read_data import SAMPLES_FILE, load_read_data
from harness.series.journal import JOURNAL_FILE, read_journal
from harness.spec.schema import SPEC_FILE, read_spec
from harness.whole_file import remove_if_left

_ACCURACY_LOG = "mlperf_log_accuracy.json"
_READERS: dict[str, Callable[[Path], object]] = {
    RESULT_FILE: read_result,
    SPEC_FILE: read_spec,
    SAMPLES_FILE: load_read_data,
    QUERY_TIMES_FILE: read_query_times,
    MACHINE_TRACE_FILE: read_machine_trace,
    JOURNAL_FILE: read_journal,
    DETAIL_LOG: lambda folder: read_detail(folder, accuracy=True),
    _ACCURACY_LOG: lambda folder: list(read_rows(folder / _ACCURACY_LOG)),
}


@pytest.fixture(autouse=True)
def _nobody_waits() -> Iterator[None]:
    # Far more than any reader takes: it only ends a test that would never end.
    signal.alarm(600)
    yield
    signal.alarm(0)


@pytest.mark.parametrize("name", _READERS)
def test_a_pipe_a_folder_or_a_device_of_a_files_name_is_refused_and_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    makers: dict[str, Callable[[Path], None]] = {
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "directory": Path.mkdir,
    }
    for said, make in makers.items():
        make(path)
        with pytest.raises((ConfigError, RunFailed, LogError), match=rf"{name}.*{said}"):
            _READERS[name](tmp_path)
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()


def test_a_pipe_where_a_dead_run_would_have_left_something_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".result.json.reserve")
    remove_if_left(tmp_path / ".result.json.reserve")
    assert (tmp_path / ".result.json.reserve").is_fifo()
