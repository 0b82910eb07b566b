"""FLORES+ and FLORES-200: the same sentences in more than two hundred languages, joined by their number (NLLB Team 2022).

A file holds one language and split (`dev/spa_Latn`, 997 sentences; `devtest`, 1,012). Its columns are FLORES+'s `id` and `text`,
or FLORES-200's `id`, `URL` and `sentence` (`sentence_spa_Latn` where languages stand side by side).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from pydantic import AliasChoices, Field, create_model

from isogloss.data.published.catalogue import FLORES, holding
from isogloss.data.published.source import SetFiles, Wanted
from isogloss.data.published.tables import LeftOut, Loaded, PublishedRow, Whole, checked_rows, require_good
from isogloss.data.rows import ParallelRow
from isogloss.errors import UserError, did_you_mean

#: ISO 639-1 → the publishers' codes (ISO 639-3 and script), FLORES+'s first.
CODES: dict[str, tuple[str, ...]] = {
    **{"af": ("afr_Latn",), "am": ("amh_Ethi",), "ar": ("arb_Arab",), "as": ("asm_Beng",), "az": ("azj_Latn",)},
    **{"be": ("bel_Cyrl",), "bg": ("bul_Cyrl",), "bn": ("ben_Beng",), "bs": ("bos_Latn",), "ca": ("cat_Latn",)},
    **{"cs": ("ces_Latn",), "cy": ("cym_Latn",), "da": ("dan_Latn",), "de": ("deu_Latn",), "el": ("ell_Grek",)},
    **{"en": ("eng_Latn",), "es": ("spa_Latn",), "et": ("ekk_Latn", "est_Latn"), "eu": ("eus_Latn",)},
    **{"fa": ("pes_Arab",), "fi": ("fin_Latn",), "fr": ("fra_Latn",), "ga": ("gle_Latn",), "gl": ("glg_Latn",)},
    **{"gu": ("guj_Gujr",), "ha": ("hau_Latn",), "he": ("heb_Hebr",), "hi": ("hin_Deva",), "hr": ("hrv_Latn",)},
    **{"hu": ("hun_Latn",), "hy": ("hye_Armn",), "id": ("ind_Latn",), "ig": ("ibo_Latn",), "is": ("isl_Latn",)},
    **{"it": ("ita_Latn",), "ja": ("jpn_Jpan",), "jv": ("jav_Latn",), "ka": ("kat_Geor",), "kk": ("kaz_Cyrl",)},
    **{"km": ("khm_Khmr",), "kn": ("kan_Knda",), "ko": ("kor_Hang",), "ky": ("kir_Cyrl",), "lo": ("lao_Laoo",)},
    **{"lt": ("lit_Latn",), "lv": ("lvs_Latn",), "mg": ("plt_Latn",), "mk": ("mkd_Cyrl",), "ml": ("mal_Mlym",)},
    **{"mn": ("khk_Cyrl",), "mr": ("mar_Deva",), "ms": ("zsm_Latn",), "mt": ("mlt_Latn",), "my": ("mya_Mymr",)},
    **{"ne": ("npi_Deva",), "nl": ("nld_Latn",), "no": ("nob_Latn",), "ny": ("nya_Latn",), "pa": ("pan_Guru",)},
    **{"pl": ("pol_Latn",), "pt": ("por_Latn",), "ro": ("ron_Latn",), "ru": ("rus_Cyrl",), "si": ("sin_Sinh",)},
    **{"sk": ("slk_Latn",), "sl": ("slv_Latn",), "sn": ("sna_Latn",), "so": ("som_Latn",), "sq": ("als_Latn",)},
    **{"sr": ("srp_Cyrl",), "su": ("sun_Latn",), "sv": ("swe_Latn",), "sw": ("swh_Latn",), "ta": ("tam_Taml",)},
    **{"te": ("tel_Telu",), "th": ("tha_Thai",), "tl": ("fil_Latn", "tgl_Latn"), "tr": ("tur_Latn",)},
    **{"uk": ("ukr_Cyrl",), "ur": ("urd_Arab",), "uz": ("uzn_Latn",), "vi": ("vie_Latn",), "xh": ("xho_Latn",)},
    **{"yo": ("yor_Latn",), "zh": ("cmn_Hans", "zho_Hans"), "zu": ("zul_Latn",)},
}
#: Up to this share of a language's pages may differ, as where an address was mended; above, the numbers are others.
_MENDED = 0.05
#: Languages side by side in one file.
_ALL = "all"
#: A variety has its glottocode behind the language's code: `cat_Latn_vale1238` is Valencian.
_VARIETY = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}_[a-z0-9]{4}\d{4}(?!\d)")


class FloresRow(PublishedRow):
    """The columns that all versions share; the sentence's own column depends on the language."""

    id: Whole
    url: str | None = Field(None, validation_alias=AliasChoices("url", "URL"))
    sentence: str
    split: str | None = None


def wanted(languages: Sequence[str], *, split: str = "dev") -> Wanted:
    """A split's sentences in each language. Raises UserError for a language whose code is not known."""
    for language in languages:
        if language not in CODES:
            raise UserError(
                f"FLORES has no '{language}' that is known here{did_you_mean(language, CODES)}; there are {', '.join(CODES)}"
            )
    return {language: partial(_of_language, language=language, split=split) for language in languages}


def _of_language(names: Sequence[str], *, language: str, split: str) -> list[str]:
    """The language's own file, and one of its varieties only where there is none."""
    words = (*CODES[language], _ALL)
    plain = [name for name in names if not _VARIETY.search(name)]
    return holding(plain, words=words, splits=(split,)) or holding(names, words=words, splits=(split,))


def read_flores(files: SetFiles, *, split: str = "dev") -> Loaded[ParallelRow]:
    """Sentences with their translations, in the order of their numbers; those that a language lacks are counted.

    Raises DataError with every bad row, and where one number means different sentences in two languages.
    """
    problems: list[str] = []
    sentences: dict[int, dict[str, str]] = {}
    pages: dict[int, tuple[str, str]] = {}
    notices: list[str] = []
    for language, paths in files.parts.items():
        seen: dict[int, str] = {}
        elsewhere: list[str] = []
        for where, _, row in checked_rows(paths, _row_type(language), problems, mend=files.mend):
            if row.split not in (None, split):
                continue
            if row.id in seen:
                problems.append(f"{where}: id: {row.id} already stands at {seen[row.id]}")
            elif not row.sentence.strip():
                problems.append(f"{where}: text: is empty")
            else:
                sentences.setdefault(row.id, {})[language] = row.sentence
                if row.url and pages.setdefault(row.id, (row.url, where))[0] != row.url:
                    elsewhere.append(f"{where}: url: sentence {row.id} is of another page than at {pages[row.id][1]}")
            seen.setdefault(row.id, where)
        if len(elsewhere) > _MENDED * len(seen):
            problems += elsewhere
        elif elsewhere:
            notices.append(f"{language}: {len(elsewhere)} sentences name another page (the first: {elsewhere[0]})")
    require_good(problems, files)
    left_out = LeftOut()
    rows = []
    for number, text in sorted(sentences.items()):
        if lacking := [language for language in files.parts if language not in text]:
            left_out.add(f"not in {', '.join(lacking)}", f"sentence {number}")
        else:
            rows.append(ParallelRow(id=f"{FLORES.name}-{split}-{number:04d}", text=text))
    if not rows:
        raise UserError(
            f"{files.folder}: the files of {', '.join(files.parts)} share no sentence of {split}. Fetch them again: {files.mend}"
        )
    return Loaded(rows=tuple(rows), files=files, notices=(*notices, *left_out.notices()))


def _row_type(language: str) -> type[FloresRow]:
    """The sentence's column is `text`, `sentence`, or `sentence_CODE`."""
    columns = AliasChoices("text", "sentence", *(f"sentence_{code}" for code in CODES[language]))
    return create_model(f"FloresRow_{language}", __base__=FloresRow, sentence=(str, Field(validation_alias=columns)))
