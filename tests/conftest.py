"""Shared fixtures. Pytest puts this folder on `sys.path`, so tests can import `tiny_models`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# No test may reach the network. Set before anything imports huggingface_hub, which reads them once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Before torch: its waiting threads sleep instead of spinning, which on a busy machine costs seconds a test.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from isogloss.models.load import LoadedModel


@pytest.fixture(scope="module")
def own_cache_and_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty model cache, and each folder's own MLflow store, for the tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="session")
def embedded() -> LoadedModel:
    """The real embedded model in fp32 from the usual cache (converted there on the first use). Treat as read-only."""
    from isogloss.models.load import load_model

    return load_model("embedded")
