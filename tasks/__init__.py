"""WHAT is asked: data in, tensors out; tensors in, answer out."""
