"""From the bytes of a picture's file to the input of a model: decoded, resized, normalised."""
