"""The verbs that read finished runs."""
