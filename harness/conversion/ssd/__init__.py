"""SSD's post-processing, added to a graph that has its raw boxes and scores."""
