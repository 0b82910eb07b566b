"""Wordings of the questions about countries and cities (fields: see `grammar`)."""

from __future__ import annotations

from isogloss.data.facts.fact import Wording

PLACES: dict[str, Wording] = {
    "capital-of": {
        "en": (
            "What is the capital of {the}?",
            "Which city is the capital of {the}?",
            "What is the name of the capital of {the}?",
        ),
        "es": ("¿Cuál es la capital {de}?", "¿Qué ciudad es la capital {de}?", "¿Cómo se llama la capital {de}?"),
        "id": (
            "Apa ibu kota {name}?",
            "Kota mana yang menjadi ibu kota {name}?",
            "Apa nama ibu kota {name}?",
        ),
        "ko": (
            "{name}의 수도는 어디인가요?",
            "{name}의 수도는 어느 도시인가요?",
            "{name}의 수도 이름은 무엇인가요?",
        ),
        "el": (
            "Ποια είναι η πρωτεύουσα {gen};",
            "Ποια πόλη είναι η πρωτεύουσα {gen};",
            "Πώς λέγεται η πρωτεύουσα {gen};",
        ),
        "zh": ("{name}的首都是哪里？", "{name}的首都是哪座城市？", "{name}的首都叫什么？"),
        "ar": ("ما هي عاصمة {name}؟", "أي مدينة هي عاصمة {name}؟", "ما اسم عاصمة {name}؟"),
    },
    "country-of-capital": {
        "en": (
            "Which country has {name} as its capital?",
            "{name} is the capital of which country?",
            "Of which country is {name} the capital?",
        ),
        "es": (
            "¿Qué país tiene como capital {name}?",
            "¿De qué país es capital {name}?",
            "¿Cuál es el país cuya capital es {name}?",
        ),
        "id": (
            "Negara mana yang beribu kota {name}?",
            "{name} adalah ibu kota negara mana?",
            "Negara mana yang ibu kotanya {name}?",
        ),
        "ko": (
            "{object} 수도로 하는 나라는 어디인가요?",
            "{topic} 어느 나라의 수도인가요?",
            "수도가 {name}인 나라는 어디인가요?",
        ),
        "el": (
            "Ποιας χώρας πρωτεύουσα είναι η πόλη {name};",
            "Σε ποια χώρα είναι πρωτεύουσα η πόλη {name};",
            "Ποια είναι η χώρα της οποίας πρωτεύουσα είναι η πόλη {name};",
        ),
        "zh": ("哪个国家的首都是{name}？", "{name}是哪个国家的首都？", "以{name}为首都的是哪个国家？"),
        "ar": ("ما الدولة التي عاصمتها {name}؟", "عاصمة أي دولة هي {name}؟", "أي دولة عاصمتها {name}؟"),
    },
    "country-of-city": {
        "en": (
            "In which country is the city of {name}?",
            "Which country is {name} in?",
            "Which country does the city of {name} belong to?",
        ),
        "es": (
            "¿En qué país está la ciudad de {name}?",
            "¿En qué país se encuentra {name}?",
            "¿A qué país pertenece la ciudad de {name}?",
        ),
        "id": (
            "Di negara mana kota {name} berada?",
            "{name} terletak di negara mana?",
            "Kota {name} termasuk wilayah negara mana?",
        ),
        "ko": (
            "{called} 도시는 어느 나라에 있나요?",
            "{topic} 어느 나라에 있나요?",
            "{topic} 어느 나라의 도시인가요?",
        ),
        "el": (
            "Σε ποια χώρα βρίσκεται η πόλη {name};",
            "Ποια είναι η χώρα όπου βρίσκεται η πόλη {name};",
            "Σε ποια χώρα ανήκει η πόλη {name};",
        ),
        "zh": ("{name}这座城市位于哪个国家？", "{name}在哪个国家？", "{name}是哪个国家的城市？"),
        "ar": (
            "في أي دولة تقع مدينة {name}؟",
            "ما الدولة التي تقع فيها مدينة {name}؟",
            "إلى أي دولة تنتمي مدينة {name}؟",
        ),
    },
    "continent-of": {
        "en": (
            "On which continent is {the}?",
            "Which continent does the territory of {the} belong to?",
            "Which continent is {the} in?",
        ),
        "es": (
            "¿En qué continente {lies} {el}?",
            "¿A qué continente {belongs} {el}?",
            "¿Cuál es el continente en el que {lies} {el}?",
        ),
        "id": (
            "Di benua mana {name} berada?",
            "{name} termasuk benua apa?",
            "Apa nama benua tempat {name} berada?",
        ),
        "ko": (
            "{topic} 어느 대륙에 있나요?",
            "{topic} 어느 대륙에 속하나요?",
            "{subject} 있는 대륙은 어디인가요?",
        ),
        "el": (
            "Σε ποια ήπειρο {lies} {nom};",
            "Σε ποια ήπειρο {belongs} {nom};",
            "Ποια είναι η ήπειρος όπου {lies} {nom};",
        ),
        "zh": ("{name}位于哪个大洲？", "{name}属于哪个大洲？", "{name}所在的大洲是哪个？"),
        "ar": (
            "في أي قارة تقع أراضي {name}؟",
            "إلى أي قارة تنتمي أراضي {name}؟",
            "ما القارة التي تقع فيها أراضي {name}؟",
        ),
    },
    "borders": {
        "en": (
            "Which country borders {the} by land?",
            "Which country shares a land border with {the}?",
            "Which country is a land neighbour of {the}?",
        ),
        "es": (
            "¿Qué país limita por tierra con {el}?",
            "¿Qué país comparte frontera terrestre con {el}?",
            "¿Qué país es vecino terrestre {de}?",
        ),
        "id": (
            "Negara mana yang berbatasan darat dengan {name}?",
            "Negara mana yang memiliki perbatasan darat dengan {name}?",
            "Negara mana yang bertetangga langsung di darat dengan {name}?",
        ),
        "ko": (
            "{with} 육지에서 국경을 맞댄 나라는 어디인가요?",
            "{with} 육지 국경을 공유하는 나라는 어디인가요?",
            "{with} 육지로 이웃한 나라는 어디인가요?",
        ),
        "el": (
            "Με ποια χώρα {borders} στην ξηρά {nom};",
            "Με ποια χώρα {has} χερσαία σύνορα {nom};",
            "Ποια χώρα είναι χερσαίος γείτονας {gen};",
        ),
        "zh": ("哪个国家与{name}接壤？", "哪个国家与{name}有陆地边界？", "{name}的陆上邻国是哪个国家？"),
        "ar": (
            "أي دولة لها حدود برية مع {name}؟",
            "ما الدولة التي تشترك في حدود برية مع {name}؟",
            "ما الدولة المجاورة {li} برًّا؟",
        ),
    },
    "currency-of": {
        "en": (
            "What is the currency of {the}?",
            "Which currency is used in {the}?",
            "What is the name of the currency of {the}?",
        ),
        "es": ("¿Cuál es la moneda {de}?", "¿Qué moneda se usa en {el}?", "¿Cómo se llama la moneda {de}?"),
        "id": (
            "Apa mata uang {name}?",
            "Mata uang apa yang digunakan di {name}?",
            "Apa nama mata uang {name}?",
        ),
        "ko": (
            "{name}의 통화는 무엇인가요?",
            "{name}에서는 어떤 통화를 사용하나요?",
            "{name} 통화의 이름은 무엇인가요?",
        ),
        "el": (
            "Ποιο είναι το νόμισμα {gen};",
            "Ποιο είναι το επίσημο νόμισμα {gen};",
            "Πώς λέγεται το νόμισμα {gen};",
        ),
        "zh": ("{name}的货币是什么？", "{name}使用哪种货币？", "{name}的货币叫什么？"),
        "ar": ("ما هي عملة {name}؟", "ما العملة المستخدمة في {name}؟", "ما اسم عملة {name}؟"),
    },
    "language-of": {
        "en": (
            "Which language is an official language of {the}?",
            "Which language has official status in {the}?",
            "What is an official language of {the}?",
        ),
        "es": (
            "¿Qué idioma es oficial en {el}?",
            "¿Qué idioma tiene carácter oficial en {el}?",
            "¿Qué lengua es lengua oficial {de}?",
        ),
        "id": (
            "Bahasa apa yang menjadi bahasa resmi {name}?",
            "Bahasa apa yang berstatus resmi di {name}?",
            "Apa bahasa resmi {name}?",
        ),
        "ko": (
            "{name}의 공용어는 무엇인가요?",
            "{name}에서 공용어의 지위를 가진 언어는 무엇인가요?",
            "{name}에서는 어떤 언어가 공용어인가요?",
        ),
        "el": (
            "Ποια γλώσσα είναι επίσημη γλώσσα {gen};",
            "Ποια γλώσσα αναγνωρίζεται ως επίσημη από το κράτος {gen};",
            "Ποια είναι επίσημη γλώσσα {gen};",
        ),
        "zh": ("{name}的官方语言是什么？", "哪种语言在{name}具有官方地位？", "哪种语言是{name}的官方语言？"),
        "ar": (
            "ما اللغة الرسمية في {name}؟",
            "ما اللغة التي تتمتع بصفة رسمية في {name}؟",
            "أي لغة هي لغة رسمية في {name}؟",
        ),
    },
}
