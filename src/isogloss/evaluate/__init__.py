"""Scoring choice items and turning scores into estimates with intervals and points on the plane."""
