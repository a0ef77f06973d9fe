"""The board and the Android device of the tests, for racks of both."""

from tests.harness.devices.conftest import adb_server, device, tool
from tests.harness.remote.conftest import board, reached

__all__ = ["adb_server", "board", "device", "reached", "tool"]
