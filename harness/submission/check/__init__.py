"""The rules that a tree of results is held against, a function each, and who applies them."""
