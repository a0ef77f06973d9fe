"""Side-by-side measurements, each one command: `.venv/bin/python -m benchmarks.NAME`.

Each prints ratios of figures taken in one run, alternating, medians of several rounds: a figure alone says little on a machine
whose speed drifts.
"""
