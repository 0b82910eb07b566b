"""Universal facts as statements in the seven languages, for sentences that are translations of each other.

`{field}` is a field of the subject and `{answer[field]}` of the answer (see `grammar`, and `answer_forms` below). As in
the questions, cases and agreements that depend on a name are avoided wherever there is no field for them: Greek says
"the city …" and "the territory of …", Arabic "the lands of …".
"""

from __future__ import annotations

from collections.abc import Mapping

from isogloss.data.facts.fact import Fact
from isogloss.data.facts.grammar import code_forms, country_forms, name_forms

#: kind: {language: statement}
STATEMENTS: dict[str, Mapping[str, str]] = {
    "capital-of": {
        "en": "The capital of {the} is {answer[name]}.",
        "es": "La capital {de} es {answer[name]}.",
        "id": "Ibu kota {name} adalah {answer[name]}.",
        "ko": "{name}의 수도는 {answer[name]}입니다.",
        "el": "Πρωτεύουσα {gen} είναι η πόλη {answer[name]}.",
        "zh": "{name}的首都是{answer[name]}。",
        "ar": "عاصمة {name} هي {answer[name]}.",
    },
    "country-of-capital": {
        "en": "{name} is the capital of {answer[the]}.",
        "es": "{name} es la capital {answer[de]}.",
        "id": "{name} adalah ibu kota {answer[name]}.",
        "ko": "{topic} {answer[name]}의 수도입니다.",
        "el": "Η πόλη {name} είναι η πρωτεύουσα {answer[gen]}.",
        "zh": "{name}是{answer[name]}的首都。",
        "ar": "مدينة {name} هي عاصمة {answer[name]}.",
    },
    "country-of-city": {
        "en": "{name} is a city in {answer[the]}.",
        "es": "{name} es una ciudad {answer[de]}.",
        "id": "{name} adalah sebuah kota di {answer[name]}.",
        "ko": "{topic} {answer[name]}에 있는 도시입니다.",
        "el": "Η πόλη {name} βρίσκεται στην επικράτεια {answer[gen]}.",
        "zh": "{name}是{answer[name]}的一座城市。",
        "ar": "تقع مدينة {name} في {answer[name]}.",
    },
    "continent-of": {
        "en": "{the} is in {answer[name]}.",
        "es": "{el} {lies} en {answer[name]}.",
        "id": "{name} berada di benua {answer[name]}.",
        "ko": "{topic} {answer[name]}에 있습니다.",
        "el": "{nom} {lies} {answer[in]}.",
        "zh": "{name}位于{answer[name]}。",
        "ar": "تقع أراضي {name} في {answer[name]}.",
    },
    "borders": {
        "en": "{the} shares a land border with {answer[the]}.",
        "es": "{el} {shares} frontera terrestre con {answer[el]}.",
        "id": "{name} berbatasan darat dengan {answer[name]}.",
        "ko": "{topic} 육지에서 {answer[with]} 국경을 맞대고 있습니다.",
        "el": "{nom} και {answer[nom]} έχουν κοινά χερσαία σύνορα.",
        "zh": "{name}与{answer[name]}接壤。",
        "ar": "توجد حدود برية بين {name} و{answer[name]}.",
    },
    "currency-of": {
        "en": "The currency of {the} is the {answer[name]}.",
        "es": "La moneda {de} es el {answer[name]}.",
        "id": "Mata uang {name} adalah {answer[lower]}.",
        "ko": "{name}의 통화는 {answer[name]}입니다.",
        "el": "Το νόμισμα {gen} είναι το {answer[lower]}.",
        "zh": "{name}的货币是{answer[name]}。",
        "ar": "عملة {name} هي {answer[definite]}.",
    },
    "currency-code-of": {
        "en": "The ISO 4217 code of the currency of {the} is {answer[name]}.",
        "es": "El código ISO 4217 de la moneda {de} es {answer[name]}.",
        "id": "Kode ISO 4217 mata uang {name} adalah {answer[name]}.",
        "ko": "{name} 통화의 ISO 4217 코드는 {answer[name]}입니다.",
        "el": "Ο κωδικός ISO 4217 του νομίσματος {gen} είναι {answer[name]}.",
        "zh": "{name}货币的ISO 4217代码是{answer[name]}。",
        "ar": "رمز ISO 4217 لعملة {name} هو {answer[name]}.",
    },
    "language-of": {
        "en": "{answer[name]} is an official language of {the}.",
        "es": "El {answer[name]} es idioma oficial {de}.",
        "id": "{answer[name]} adalah bahasa resmi {name}.",
        "ko": "{answer[topic]} {name}의 공용어입니다.",
        "el": "{answer[noun]} είναι επίσημη γλώσσα {gen}.",
        "zh": "{answer[name]}是{name}的官方语言。",
        "ar": "{answer[noun]} هي لغة رسمية في {name}.",
    },
    "calling-code-of": {
        "en": "The international calling code of {the} is {answer[name]}.",
        "es": "El prefijo telefónico internacional {de} es {answer[name]}.",
        "id": "Kode panggilan internasional {name} adalah {answer[name]}.",
        "ko": "{name}의 국제전화 국가 번호는 {answer[name]}입니다.",
        "el": "Ο διεθνής κωδικός κλήσης {gen} είναι {answer[name]}.",
        "zh": "{name}的国际电话区号是{answer[name]}。",
        "ar": "رمز الاتصال الدولي {li} هو {answer[name]}.",
    },
    "country-of-calling-code": {
        "en": "Phone numbers that begin with {name} belong to {answer[the]}.",
        "es": "Los números de teléfono que empiezan por {name} son {answer[de]}.",
        "id": "Nomor telepon yang diawali {name} berasal dari {answer[name]}.",
        "ko": "{to} 시작하는 전화번호는 {answer[name]}의 번호입니다.",
        "el": "Οι αριθμοί τηλεφώνου που αρχίζουν με {name} είναι {answer[gen]}.",
        "zh": "以{name}开头的电话号码属于{answer[name]}。",
        "ar": "أرقام الهاتف التي تبدأ بالرمز {name} تعود إلى {answer[name]}.",
    },
    "domain-of": {
        "en": "The national internet domain of {the} is {answer[name]}.",
        "es": "El dominio de internet {de} es {answer[name]}.",
        "id": "Domain internet negara {name} adalah {answer[name]}.",
        "ko": "{name}의 인터넷 국가 도메인은 {answer[name]}입니다.",
        "el": "Το διαδικτυακό όνομα χώρου {gen} είναι {answer[name]}.",
        "zh": "{name}的国家互联网域名是{answer[name]}。",
        "ar": "نطاق الإنترنت الوطني {li} هو {answer[name]}.",
    },
    "language-code": {
        "en": "The ISO 639-1 code of the {name} language is {answer[name]}.",
        "es": "El código ISO 639-1 del idioma {name} es {answer[name]}.",
        "id": "Kode ISO 639-1 {lower} adalah {answer[name]}.",
        "ko": "{name}의 ISO 639-1 코드는 {answer[name]}입니다.",
        "el": "Ο κωδικός ISO 639-1 της γλώσσας «{name}» είναι {answer[name]}.",
        "zh": "{name}的ISO 639-1代码是{answer[name]}。",
        "ar": "رمز ISO 639-1 للغة {name} هو {answer[name]}.",
    },
    "language-of-code": {
        "en": "In ISO 639-1, “{name}” stands for the {answer[name]} language.",
        "es": "En la norma ISO 639-1, «{name}» corresponde al idioma {answer[name]}.",
        "id": "Dalam ISO 639-1, “{name}” mewakili {answer[lower]}.",
        "ko": "ISO 639-1에서 ‘{name}’ 코드는 {answer[object]} 나타냅니다.",
        "el": "Στο ISO 639-1, ο κωδικός «{name}» αντιστοιχεί στη γλώσσα «{answer[name]}».",
        "zh": "在ISO 639-1中，“{name}”表示{answer[name]}。",
        "ar": "في معيار ISO 639-1، يشير الرمز «{name}» إلى {answer[noun]}.",
    },
}

#: Shared currencies with the Arabic article, by ISO 4217; CLDR has the names without.
_ARABIC_CURRENCIES = {
    "AUD": "الدولار الأسترالي",
    "CHF": "الفرنك السويسري",
    "EUR": "اليورو",
    "USD": "الدولار الأمريكي",
    "XAF": "فرنك وسط أفريقيا",
    "XCD": "دولار شرق الكاريبي",
    "XOF": "فرنك غرب أفريقيا",
}
_COUNTRY_ANSWERS = frozenset(("country-of-capital", "country-of-city", "country-of-calling-code", "borders"))
_CODE_ANSWERS = frozenset(("calling-code-of", "domain-of", "currency-code-of", "language-code"))
_LANGUAGE_ANSWERS = frozenset(("language-of", "language-of-code"))
#: Before these letters (π, τ and κ with their clusters, vowels) the Greek article keeps its -ν.
_GREEK_NU = frozenset("αεηιοωυάέήίόύώκπτξψ")


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _language_noun(name: str, language: str) -> str:
    """A language's name as the subject of a Greek sentence, or with the Arabic noun that it belongs to."""
    if language == "el":
        # Neuter plurals (Αγγλικά); names taken over from the language itself are not declined.
        return f"τα {_lower(name)}" if name.endswith("ά") else f"η γλώσσα «{name}»"
    if language == "ar":
        # A feminine adjective agrees with "the language"; other names stand in the genitive behind "language of".
        adjective = name.startswith("ال") and name.endswith("ية") and " " not in name
        return f"اللغة {name}" if adjective else f"لغة {name}"
    return name


def answer_forms(fact: Fact, language: str) -> dict[str, str]:
    """Fields of the right answer: those of `grammar`, `in` (a continent), `definite` (a currency), `noun` (a language).

    `lower` is the name as it stands inside a sentence where CLDR has it as a title (Indonesian, Greek).
    """
    name = fact.answer.text[language]
    if fact.kind in _COUNTRY_ANSWERS:
        return country_forms(fact.answer.key, name, language)
    if fact.kind in _CODE_ANSWERS:
        return code_forms(name, language)
    forms = {"lower": _lower(name)} | name_forms(name, language)
    if fact.kind == "continent-of" and language == "el":
        forms["in"] = f"{'στην' if name[0].lower() in _GREEK_NU else 'στη'} {name}"
    if fact.kind == "currency-of" and language == "ar":
        forms["definite"] = _ARABIC_CURRENCIES[fact.answer.key]
    if fact.kind in _LANGUAGE_ANSWERS:
        forms["noun"] = _language_noun(name, language)
    return forms


def statement(fact: Fact, language: str) -> str:
    """The fact as a sentence in a language."""
    text = STATEMENTS[fact.kind][language].format(**fact.subject[language], answer=answer_forms(fact, language))
    return text[0].upper() + text[1:]
