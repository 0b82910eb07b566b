"""Searches of layers and strengths for people: what was tried on dev2, and what the best points are worth on test."""
