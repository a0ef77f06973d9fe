"""Any model, asked with arrays: what is fed, what is answered, and how far that is from what it should be."""
