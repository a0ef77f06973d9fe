from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_first_opening(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """These models crash nobody: half a second each is saved, but where the first opening is what is tested."""
    if request.path.name != "test_first_opening.py":
        monkeypatch.setattr("harness.api.base.refuse_what_crashes", lambda model, section, cache_dir, held: None)
