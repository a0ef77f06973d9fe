"""The verbs that take any model, with or without a task, and what their options share."""
