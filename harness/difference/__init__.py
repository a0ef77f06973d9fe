"""Inference difference: a backend's or a model's outputs against another's, as TFLite's inference_diff defines it."""
