"""Hands LoadGen's queries to backends: on LoadGen's own thread, or to a pool."""
