"""What comes from outside: text files as people have them, the border it crosses, what a message shows of it."""
