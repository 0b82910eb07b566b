"""An `evaluate` module; see `english_bias.py`."""
