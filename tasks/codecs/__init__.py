"""A task bound to one model: what may be chosen of it, how a sample becomes its inputs, and its outputs an answer."""
