"""AUDITS: scores a run from LoadGen's accuracy log and the ground truth, and nothing else."""
