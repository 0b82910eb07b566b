"""isogloss: measure and steer multilingual language models on the transfer–localization plane."""

__version__ = "0.1.0"
