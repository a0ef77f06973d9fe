"""Whole runs on another machine with Linux, reached by the system's own OpenSSH: sent, started, followed, brought back."""
