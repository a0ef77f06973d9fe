"""A tree of results as it lies on the disk, whoever made it: what is there, and what its files say."""
