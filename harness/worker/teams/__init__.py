"""The workers of a run, open: a class for each way to answer, with one interface, and the table that names them."""
