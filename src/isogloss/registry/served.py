"""What MLflow runs to load a registered version; see `isogloss.registry.pyfunc`."""

from __future__ import annotations

from mlflow.models import set_model

from isogloss.registry.pyfunc import RegisteredModel

set_model(RegisteredModel())
