"""Trees of results as MLPerf's suites want them: read and judged, written, packed."""
