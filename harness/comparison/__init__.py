"""Results held against each other: how sure a difference is, and whether it is a regression."""
