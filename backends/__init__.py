"""HOW it runs: one TFLite engine behind several doors."""
