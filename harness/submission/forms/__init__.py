"""Writes trees of results out of finished runs, in the form that a suite's round has."""
