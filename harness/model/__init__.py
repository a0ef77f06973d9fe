"""One model file: what it says of itself, how it is opened, whether its answers are right."""
