"""What a config file may say, how it is read and refused."""
