"""All benchmarks and scenarios of a suite in one go: planned, shown, run, gone on with after an interruption."""
