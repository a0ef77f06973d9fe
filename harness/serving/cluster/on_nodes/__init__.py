"""What runs on the nodes of a cluster: what Ray makes actors of, and what they know of their node."""
