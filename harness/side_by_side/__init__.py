"""Models of one task side by side: what each gets right, how fast it is, how large."""
