"""Text as a terminal takes it: its colours and its width."""
