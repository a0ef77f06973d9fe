"""One run, the child's side: calibrated, warmed up, driven."""
