"""The rules for trees of inference."""
