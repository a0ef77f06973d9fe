"""Of a run's queries one by one: how long each took, what the machine did meanwhile, and why the slowest were slow."""
