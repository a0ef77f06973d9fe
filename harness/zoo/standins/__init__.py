"""Model files of the official architectures with weights of our own."""
