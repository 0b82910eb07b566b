"""The code file that MLflow runs to load a registered version. Short because it is copied into every version."""

from __future__ import annotations

from mlflow.models import set_model

from isogloss.registry.pyfunc import RegisteredModel

set_model(RegisteredModel())
