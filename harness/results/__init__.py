"""What a run leaves behind: kept, and judged."""
