"""A result as a person reads it."""
