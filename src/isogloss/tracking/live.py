"""Doing something every few seconds, from a thread of its own, while something else goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds between two looks at what is new.
LOOK_SECONDS = 2.0

_logger = logging.getLogger(__name__)


@contextmanager
def meanwhile(act: Callable[[], None], *, every: float = LOOK_SECONDS) -> Iterator[None]:
    """While open, `act` is called every `every` seconds; a call under way is waited for at the end.

    What `act` raises ends it with a warning and stops nothing else: whatever it left undone is for its caller to do.
    """
    over = threading.Event()

    def repeat() -> None:
        try:
            while not over.wait(every):
                act()
        except Exception:
            _logger.warning("what goes on is no longer shown while it does; it will be when it is over", exc_info=True)

    thread = threading.Thread(target=repeat, name="isogloss-meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
