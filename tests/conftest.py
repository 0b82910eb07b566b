"""Shared fixtures. Pytest puts this folder on `sys.path`, so tests can import `tiny_models`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

# No test may reach the network. Set before anything imports huggingface_hub, which reads them once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Before torch: its waiting threads sleep instead of spinning, which on a busy machine costs seconds a test.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from isogloss.models.load import LoadedModel


@pytest.fixture(scope="session")
def embedded() -> LoadedModel:
    """The real embedded model in fp32 from the usual cache (converted there on the first use). Treat as read-only."""
    from isogloss.models.load import load_model

    return load_model("embedded")
