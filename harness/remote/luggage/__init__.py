"""What goes along to a device: the harness as a wheel, the wheels that it needs, the files that a run reads."""
