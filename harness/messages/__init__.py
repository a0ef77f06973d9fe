"""What the processes of a run tell each other: one frozen record a message, one line of JSON each."""
