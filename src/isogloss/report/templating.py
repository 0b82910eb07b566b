"""Where the templates are, and how they are filled."""

from __future__ import annotations

from typing import Any


def rendered(template: str, **values: Any) -> str:
    """A template of this package with every value that it names."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
