"""Text: questions as windows of tokens, and which tensor of a model takes which."""
