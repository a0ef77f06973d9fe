"""A run's instances, opened in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, read_config
from harness.machine.control import Control, control_file
from harness.serving.instances import Instances
from harness.spec.resolve import resolve
from harness.spec.task import open_task

Make = Callable[..., Instances]


@pytest.fixture
def instances(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Iterator[Make]:
    """Opens a keyword model for a run with these fields of the config: `instances(("backend.name", "null"))`."""
    with control_file() as page:
        control = Control(page.fileno())

        def make(*fields: tuple[str, Any], model: Path = keyword_model) -> Instances:
            given = [("model.use", str(model)), ("dataset.use", str(keyword_data)), *fields]
            spec = resolve(read_config(find_benchmark("kws")), given, tmp_path)
            return Instances(spec, open_task(spec.task, spec.options, spec.dataset), control)

        yield make
