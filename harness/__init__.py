"""DRIVES: reads the config, wires the parts, lets LoadGen drive, keeps the result."""
