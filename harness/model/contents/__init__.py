"""What a model file holds and costs, read without running it."""
