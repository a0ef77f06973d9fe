"""What a device says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.devices.adb import Said
from harness.devices.android import AndroidDevice, DeviceState, cool, describe_device, state_of


def _says_nothing(_: Sequence[str]) -> Said:
    return Said(127, "sh: not found")


def test_a_device_that_tells_nothing_has_nothing_made_up() -> None:
    assert describe_device(_says_nothing) == AndroidDevice(None, None, None, None, None, None, None)
    assert state_of(_says_nothing) == DeviceState(None, None, None, None)
    assert state_of(_says_nothing).text() == "not told"
    assert cool(_says_nothing, 600, lambda _: None) is None


def test_it_waits_until_the_device_is_cool_and_no_longer_than_it_may() -> None:
    statuses = ["3", "1", "0", "0"]

    def shell(words: Sequence[str]) -> Said:
        return Said(0, f"Thermal Status: {statuses.pop(0)}\n" if words[-1] == "thermalservice" else "")

    said: list[str] = []
    assert cool(shell, 600, said.append, every_s=0) is not None
    assert statuses == ["0"]
    assert said[0] == "thermal status severe: waiting for the device to cool"
    assert len(said) == 2
    statuses[:] = ["3", "3"]
    assert cool(shell, 0, said.append) is not None
    assert statuses == ["3"]
    assert cool(shell, None, said.append) is None


@pytest.mark.parametrize(("status", "text"), [(2, "moderate"), (6, "shutdown"), (9, "9")])
def test_a_thermal_status_is_named_as_android_names_it(status: int, text: str) -> None:
    assert DeviceState(status, None, None, None).text() == f"thermal status {text}"


def test_numbers_without_end_are_not_told() -> None:
    endless = f"Thermal Status: {'9' * 5000}\n  level: {'9' * 5000}\n"
    assert state_of(lambda _: Said(0, endless)) == DeviceState(None, None, None, None)
