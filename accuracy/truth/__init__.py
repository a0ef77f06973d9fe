"""Ground truth, in every form in which it comes."""
