"""From a network in another form, or a float model, to TFLite files of the types that are wanted."""
