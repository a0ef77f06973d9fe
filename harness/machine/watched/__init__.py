"""What is watched while a run lasts: the clocks, the files it reads, power, and what else the machine does."""
