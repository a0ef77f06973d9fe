"""Answers by the nodes of a Ray cluster: the session, its actors, and who hands samples out to them."""
