"""The rules for trees of the mobile suite."""
