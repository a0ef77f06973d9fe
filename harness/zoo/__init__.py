"""Models and data: official files, fetched and verified, and built-in stand-ins of the same architecture."""
