"""The command line. Heavy imports wait inside the commands: `isogloss --help` needs neither torch nor mlflow."""

from isogloss.cli.main import main

__all__ = ["main"]
