"""Data sets laid out from what their owners distribute."""
