"""Lines of a scenario's README.md that `submit` writes and `check` holds against each other."""

MODEL_LINE = "* model: "
"""Then the file's SHA-256 and its name."""
SYSTEM_LINE = "* system: "
"""Then processor, memory and operating system."""
