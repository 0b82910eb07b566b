"""Models: what a reference means, where its files are, and how they are loaded.

`reference` reads a reference, `embedded` has the packaged model ready, `load` resolves any reference to a folder with a
content digest and loads it. Importing this package imports neither torch nor transformers.
"""

from isogloss.models.reference import ModelRef, parse_model_ref

__all__ = ["ModelRef", "parse_model_ref"]
