"""Where samples lie, by which names, and what was read of them."""
