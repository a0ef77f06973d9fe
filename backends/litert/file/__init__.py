"""What a TFLite file says of itself, read without the runtime."""
