"""The scripts that a page carries: the plotting library whole, and our own; and the policy that admits nothing else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Scripts:
    """The library's text and ours, and the content policy of a page with both: no address, no other script, no `eval`."""

    library: str
    own: str
    policy: str


@cache
def scripts() -> Scripts:
    """The scripts of every page; the library comes from the installed package, so that no network is needed."""
    import vl_convert

    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    own = files("isogloss.report").joinpath("templates", "page.js").read_text(encoding="utf-8")
    for text in (library, own):
        assert "</script" not in text.lower(), "a script must not end its own element"
    admitted = " ".join(f"'sha256-{_digest(text)}'" for text in (library, own))
    policy = (
        f"default-src 'none'; script-src {admitted}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    return Scripts(library, own, policy)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
