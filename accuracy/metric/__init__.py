"""What all metrics share: the score they give, their command line, those of the user's own."""
