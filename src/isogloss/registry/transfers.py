"""While files travel to and from a store: longer waits, since a model's weights take time, and no bar for each file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
#: The longest silence of a server while it takes or gives a file, in seconds.
TRANSFER_SECONDS = 300


@contextmanager
def transfers() -> Iterator[None]:
    """While open, MLflow waits `TRANSFER_SECONDS` for a server that is busy with a file, and draws nothing."""
    before = {name: os.environ.get(name) for name in (_TIMEOUT, _BAR)}
    longest = max(TRANSFER_SECONDS, int(before[_TIMEOUT] or 0))
    os.environ.update({_TIMEOUT: str(longest), _BAR: "false"})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
