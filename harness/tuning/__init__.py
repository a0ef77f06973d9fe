"""The search for the quickest configuration of a task on this machine: see `harness.tuning.session`."""
