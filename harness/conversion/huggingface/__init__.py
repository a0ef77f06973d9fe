"""Checkpoints of Hugging Face's transformers, read without them: a config.json and weights beside it."""
