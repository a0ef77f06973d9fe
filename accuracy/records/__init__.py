"""TFRecord files and the messages in them, without TensorFlow."""
