"""Data sets of our own making."""
