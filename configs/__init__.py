"""Benchmarks as data: one YAML file each, read by harness.config."""
