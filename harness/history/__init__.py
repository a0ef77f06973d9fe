"""Results over time: an index of finished runs, the noise of a machine, and when something became slower."""
