"""An `evaluate` module; see `localization_delta.py`."""
