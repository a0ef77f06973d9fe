"""Official model files (fetched and verified elsewhere in this package) and built-in stand-ins of the same architecture."""
