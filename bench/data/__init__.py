"""Data sets on this machine: found, opened, checked, fetched."""
