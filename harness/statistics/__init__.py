"""Mathematics of queues and of noisy figures; no clock, no run."""
