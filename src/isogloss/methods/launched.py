"""A process that the launcher started: `python -m isogloss.methods.launched FOLDER`. The worker, with an end of its own.

It ends as soon as the work is done: communication libraries that take themselves apart at exit, each process at another
moment, abort now and then, after everything has been written.
"""

from __future__ import annotations

import logging
import os
import sys

from isogloss.errors import EXIT_BUG
from isogloss.methods.worker import main


def run(arguments: list[str]) -> int:
    """The worker's exit code; a bug's traceback goes to stderr."""
    try:
        return main(arguments)
    except Exception:
        logging.getLogger(__name__).exception("the training failed")
        return EXIT_BUG


if __name__ == "__main__":
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
