"""Pictures: sets of them, the ground truth that lies with them, and how they become model inputs."""
