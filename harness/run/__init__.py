"""One run, the parent's side: launched, watched, scored, kept."""
