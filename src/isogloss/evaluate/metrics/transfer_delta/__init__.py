"""An `evaluate` module; see `transfer_delta.py`."""
