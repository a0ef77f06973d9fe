"""What decides on a result, and what is said beside it."""
