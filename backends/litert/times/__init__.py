"""What each op and node of a model takes."""
