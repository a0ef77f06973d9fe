"""What was answered: LoadGen's accuracy log, how each answer is packed in it, and what it says."""
