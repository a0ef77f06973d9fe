"""How every answer is packed into LoadGen's accuracy log and unpacked from it: the one place that knows.

The layouts are those of MLCommons' own accuracy scripts (INF vision/.../accuracy-imagenet.py, language/bert/accuracy-squad.py).
All numbers are little-endian.
"""
