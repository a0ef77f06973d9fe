"""What MLPerf publishes: rule sets, targets, audits, and the files it names."""
