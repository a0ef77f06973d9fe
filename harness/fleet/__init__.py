"""A rack of devices: one benchmark on all of them, each serial for itself, all beside each other, one table in the end."""
