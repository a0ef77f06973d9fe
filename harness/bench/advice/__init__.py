"""What would make a model quicker on this machine, as far as it was measured here."""
