"""What a run is, every choice made."""
