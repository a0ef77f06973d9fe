"""Configurations measured in turns, each in a process of its own, until it is clear which is quicker or the time is used up."""
