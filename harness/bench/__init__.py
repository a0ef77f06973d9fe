"""One model or several, timed alone: without a task, without data, without LoadGen."""
