"""Runs in one archive, from which another machine makes every score anew."""
