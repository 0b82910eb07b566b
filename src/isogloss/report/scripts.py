"""The scripts that a page carries: the plotting library whole, and our own; and the policy that admits nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from isogloss.files import digest_of, read_json, write_json
from isogloss.models.cache import cache_dir

#: What the page calls of the plotting library.
_USED = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True, slots=True)
class Scripts:
    """The library's text and ours, and the content policy of a page with both: no address, no other script, no `eval`."""

    library: str
    own: str
    policy: str


@cache
def scripts() -> Scripts:
    """The scripts of every page; the library comes from the installed package, so that no network is needed."""
    library = _library()
    own = files("isogloss.report").joinpath("templates", "page.js").read_text(encoding="utf-8")
    for text in (library, own):
        assert "</script" not in text.lower(), "a script must not end its own element"
    admitted = " ".join(f"'sha256-{_digest(text)}'" for text in (library, own))
    policy = (
        f"default-src 'none'; script-src {admitted}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    return Scripts(library, own, policy)


def _library() -> str:
    """The plotting library as one script. Making it takes seconds, so the cache keeps it by the version it comes from."""
    import vl_convert

    kept = cache_dir() / "scripts" / f"{digest_of([version('vl-convert-python'), _USED])[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # absent or damaged: it is made anew
        found = read_json(kept)
        if found["sha256"] == _digest(found["text"]):
            return found["text"]
    text = vl_convert.javascript_bundle(_USED)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_json(kept, {"sha256": _digest(text), "text": text})
    return text


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
