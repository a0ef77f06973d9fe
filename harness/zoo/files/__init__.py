"""Files of the cache: fetched, taken by hand, verified, installed."""
