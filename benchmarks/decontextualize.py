"""How well the rules take the country out of BLEnD's questions: agreement with pairs made by hand, and countries left.

    python benchmarks/decontextualize.py annotations_local_and_english.jsonl

Rows have a question with its country and without (`question`, `question_decontext`, and both in English with `en_` before),
`qid`, `country` and `lang`. The rules were written with the questions of some of BLEnD's authors in view; those of the others
(by the beginning of `qid`) were first looked at by this measurement, and are the ones to go by. Exact: the same text but for
spaces. Checked: it passes the check that a model's edit has to pass. Left: the country, its people or an adjective made from
its name, found by the stem of the word anywhere; the reference's own are in brackets. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from isogloss.data.published.blend import REGION_OF
from isogloss.localize.asking import Unfit
from isogloss.localize.checks import checked_question
from isogloss.localize.places import place_of
from isogloss.localize.removers.common import remove_place

#: Authors whose questions the rules were not written with.
HELD_OUT = frozenset(
    {
        *("New-en", "New-su", "Th-en", "New-gr", "New-pe", "Ni-en", "Ta-pe"),
        *("New-in", "New-spme", "New-ko", "Sa-en", "New-ha", "Nu-in"),
    }
)
#: What gives a place away wherever it stands, also within a word: on purpose not what the rules themselves look for.
_TELLING = {
    "es": "españ|espan|hispan",
    "id": "indones|nusantara",
    "ko": "한국|대한민국|우리나라|남한",
    "el": "ελλ[άαήη]|έλλ",
    "zh": "中国|中华|我国|华人",
    "ar": "جزائر",
    "Spain": "spain|spani|spanish",
    "Indonesia": "indones",
    "South_Korea": "korea",
    "Greece": "greece|greek|hellen",
    "China": "china|chinese",
    "Algeria": "algeri",
    "US": r"\bu\.?s\b(?-i:(?<![a-z]))|united states|america(?!n football)",
    "UK": r"\bu\.?k\b|united kingdom|brit|england",
}


@dataclass(frozen=True)
class Compared:
    """One question: whether the rules agree with the reference, pass the check, and what of the place is left in both."""

    language: str
    held_out: bool
    exact: bool
    checked: bool
    left: bool
    left_in_reference: bool


def compared(question: str, reference: str, *, language: str, country: str, held_out: bool) -> Compared:
    """The rules on one question."""
    place = place_of(REGION_OF[country], language)
    edited = remove_place(question, place)
    try:
        checked = bool(checked_question(question, edited, place))
    except Unfit:
        checked = False
    return Compared(
        language=language,
        held_out=held_out,
        exact=edited.split() == reference.split(),
        checked=checked,
        left=told(edited, language, country),
        left_in_reference=told(reference, language, country),
    )


def told(text: str, language: str, country: str) -> bool:
    """Whether the text gives its country away."""
    return re.search(_TELLING.get(language) or _TELLING[country], text, re.IGNORECASE) is not None


def read(path: Path) -> list[Compared]:
    """Every question in its language, and the English of every country."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        held_out = "-".join(row["qid"].split("-")[:2]) in HELD_OUT
        pairs = [("en", row["en_question"], row["en_question_decontext"])]
        if row["lang"] != "en":
            pairs.append((row["lang"], row["question"], row["question_decontext"]))
        found += [
            compared(question, reference, language=language, country=row["country"], held_out=held_out)
            for language, question, reference in pairs
        ]
    return found


def table(rows: list[Compared]) -> str:
    """Markdown, a line for each language and part."""
    lines = [
        "| language | questions | n | exact | 95 % | passes the check | country left (reference) |",
        "|---|---|---:|---:|---|---:|---:|",
    ]
    for language in ("en", "es", "id", "ko", "el", "zh", "ar"):
        for held_out in (True, False):
            some = [row for row in rows if row.language == language and row.held_out == held_out]
            if not some:
                continue
            exact = sum(row.exact for row in some)
            interval = binomtest(exact, len(some)).proportion_ci(method="wilson")
            lines.append(
                f"| {language} | {'held out' if held_out else 'in view'} | {len(some)} | {100 * exact / len(some):.1f} % | "
                f"{100 * interval.low:.1f} to {100 * interval.high:.1f} | "
                f"{100 * sum(row.checked for row in some) / len(some):.1f} % | "
                f"{sum(row.left for row in some)} ({sum(row.left_in_reference for row in some)}) |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(table(read(Path(sys.argv[1]))))
