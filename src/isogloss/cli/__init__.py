"""The command line.

Run as: `isogloss COMMAND …` or `python -m isogloss COMMAND …`. Commands import torch, mlflow and the like when they are
called: `isogloss --help` loads none of them.
"""

from isogloss.cli.main import main

__all__ = ["main"]
