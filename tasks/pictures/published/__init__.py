"""Published sets of pictures, each in the form its makers give it."""
