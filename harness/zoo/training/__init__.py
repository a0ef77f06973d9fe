"""How the weights of the picture stand-ins were made. Needs PyTorch; nothing here is imported when a benchmark runs."""
