"""An `evaluate` module; see `accuracy_by_language.py`."""
