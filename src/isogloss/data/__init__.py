"""Rows of the three file formats, reading them, and the embedded benchmark generated from fact sources."""
