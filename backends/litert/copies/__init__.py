"""Copies of a model file: of other shapes, another signature, cut short, repaired."""
