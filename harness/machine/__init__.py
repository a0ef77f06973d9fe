"""The machine a run is on: its cores, its state, its memory, and the processes that share them."""
