"""The commands and their options; what each does waits in a module of its own, imported when it is called."""

from __future__ import annotations

from importlib import import_module

from isogloss.cli.commands.app import app

__all__ = ["app"]

# Commands register as their modules are imported, and `isogloss --help` shows them in that order.
for _name in ("runs", "models", "results", "registry", "data", "machine"):
    import_module(f"{__name__}.{_name}")
