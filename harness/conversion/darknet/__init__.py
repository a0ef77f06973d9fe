"""Darknet's networks (.cfg and .weights), read and written as TFLite without Darknet."""
