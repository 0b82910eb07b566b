"""Read a YAML of settings: what cannot be read is refused by the file's name, with the closest one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from isogloss.errors import UserError, did_you_mean

#: What the YAML reader raises: a date that is none is a ValueError, brackets without end a RecursionError.
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def read_yaml(path: Path, *, what: str) -> Any:
    """The value in `path`; `what` it should be ("pipeline") is for the messages. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        beside = sorted(path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        known = did_you_mean(str(path), map(str, beside)) or did_you_mean(f"{path}.yaml", map(str, beside))
        raise UserError(f"{path}: no such {what}{known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a {what}: {error}") from error
    try:
        return yaml.safe_load(text)
    except NOT_YAML as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
