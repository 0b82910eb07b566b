"""Names."""

from __future__ import annotations

#: Names of the conditions that sentences and figures know; others are shown too, without a special role.
BASELINE, EN, LOC_MID, LOC, SUR = "baseline", "en", "loc_mid", "loc", "sur"
COUNTRY, RANDOM, OTHER = "country", "random", "other"

#: The pipeline's own model, as it came.
UNALIGNED = "unaligned"
