"""What each op of a model takes, as the runtime itself tells it."""
