"""Types made smaller: which samples show the ranges, litert-quantizer on them, and what it is to be helped with."""
