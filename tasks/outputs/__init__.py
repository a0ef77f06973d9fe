"""How a model's outputs are bound to what a task asks, read, and logged."""
