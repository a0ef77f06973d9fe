"""The verbs of a submitter: run a suite, write, check and pack what comes of it."""
