"""isogloss: measure and steer multilingual language models on the transfer–localization plane.

`isogloss.load(ref)` gives a model with `generate`, `score` and `hidden_states`; `isogloss.steer(model, intervention,
languages=…)` steers any Hugging Face causal LM inside a context. Importing the package itself imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.api import Model, load, steer

__version__ = "0.1.0"
__all__ = ["Model", "load", "steer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from isogloss import api

        return getattr(api, name)
    raise AttributeError(f"module 'isogloss' has no attribute '{name}'")
