"""The rules for trees of the tiny suite."""
