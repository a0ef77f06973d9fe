"""Devices that are not this machine: what reaches them, what they are, what is measured on them."""
