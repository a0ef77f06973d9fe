"""Writes TFLite graphs without a converter."""
