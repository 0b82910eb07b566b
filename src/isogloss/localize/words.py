"""Small words by language: those that tie a place to a sentence, and those that may stand in its stead."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    # Casefolded as the words are that are looked up: a Greek final sigma becomes another letter.
    return frozenset(text.casefold().split())


#: What may go with a place. In Chinese single characters, in Arabic also those joined to it.
TIES: Mapping[str, frozenset[str]] = {
    "en": _words(
        "the a an in of from for by to at on within across throughout around living based born located made 's s"
    ),
    "es": _words("el la los las un una de del en a al por para desde entre con lo toda todo"),
    "id": _words("di dari ke oleh untuk bagi pada dalam seluruh negara wilayah masyarakat warga"),
    "ko": _words(
        "에서 에서는 에서의 에서도 에서만 에서만의 에선 의 만의 은 는 이 가 을 를 도 로 으로 으로는 에 에는 에도 에게 에게는 "
        "사람 내 내의 내에서 국내 국내에서"
    ),
    "el": _words("ο η το οι τα του της των τον την τη τους τις στον στην στη στο στους στις στα σε από για"),
    "zh": frozenset("在的中里对于来说而言人民，,境内国各地全"),
    "ar": _words("في من ال ب ل داخل لدى عند بين على الشعب دولة عدا باستثناء بالنسبة"),
}

#: What may come in: the most general words for people and country, and articles in another form.
STEADS: Mapping[str, frozenset[str]] = {
    "en": _words("the a an people person country in of nation"),
    "es": _words(
        "el la los las un una de del al a e en personas persona gente ciudadanos mujeres país nación este su propio promedio "
        "habitantes"
    ),
    "id": _words("di orang masyarakat negara negeri ini nasional orang-orang warga"),
    "ko": _words(
        "사람 사람들 사람들은 사람들이 사람들에게 사람들의 사람들을 "
        "자국 자국의 자국과 자국에 자국보다 나라 국민 모국어 음식"
    ),
    "el": _words(
        "ο η το οι τα του της των τον την τη τους τις στη στην στον στους άνθρωποι ανθρώπους ανθρώπων άνθρωπος "
        "άνθρωπο χώρα χώρας "
        "γυναίκες γυναικών γυναίκα γυναίκας κάτοικοι πολίτες τοπικής"
    ),
    "zh": frozenset("在人们民本国家地当的各该"),
    "ar": _words("الناس للناس الدولة البلد للدولة البلاد الأشخاص في من بلد"),
}
#: What ends a question.
QUESTION_MARKS = "?？؟;;"
