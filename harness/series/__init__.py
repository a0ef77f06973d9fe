"""Several runs of one benchmark: repeats, sweeps, submissions, the search for a peak."""
