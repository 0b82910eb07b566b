"""Wordings of the questions about codes: calling codes, domains, currencies, languages (fields: see `grammar`)."""

from __future__ import annotations

from isogloss.data.facts.fact import Wording

CODES: dict[str, Wording] = {
    "calling-code-of": {
        "en": (
            "What is the international calling code of {the}?",
            "What is the telephone country code for {the}?",
            "Which code do you dial to call {the} from abroad?",
        ),
        "es": (
            "¿Cuál es el prefijo telefónico internacional {de}?",
            "¿Cuál es el código telefónico {de}?",
            "¿Qué prefijo se marca para llamar {a} desde el extranjero?",
        ),
        "id": (
            "Berapa kode panggilan internasional {name}?",
            "Berapa kode telepon negara {name}?",
            "Kode apa yang dipakai untuk menelepon ke {name} dari luar negeri?",
        ),
        "ko": (
            "{name}의 국제전화 국가 번호는 무엇인가요?",
            "{name}의 전화 국가 번호는 몇 번인가요?",
            "해외에서 {name}에 전화를 걸 때 쓰는 국가 번호는 무엇인가요?",
        ),
        "el": (
            "Ποιος είναι ο διεθνής κωδικός κλήσης {gen};",
            "Ποιος είναι ο τηλεφωνικός κωδικός χώρας {gen};",
            "Ποιο είναι το πρόθεμα για κλήσεις από το εξωτερικό προς τα τηλέφωνα {gen};",
        ),
        "zh": (
            "{name}的国际电话区号是多少？",
            "{name}的电话国家代码是多少？",
            "从国外拨打{name}的电话要先拨什么代码？",
        ),
        "ar": (
            "ما هو رمز الاتصال الدولي {li}؟",
            "ما رمز الهاتف الدولي {li}؟",
            "ما الرمز المستخدم للاتصال بهواتف {name} من الخارج؟",
        ),
    },
    "country-of-calling-code": {
        "en": (
            "Which country has the international calling code {name}?",
            "Which country does the telephone code {name} belong to?",
            "Phone numbers that begin with {name} belong to which country?",
        ),
        "es": (
            "¿Qué país tiene el prefijo telefónico internacional {name}?",
            "¿A qué país corresponde el código telefónico {name}?",
            "¿De qué país son los números de teléfono que empiezan por {name}?",
        ),
        "id": (
            "Negara mana yang memiliki kode panggilan internasional {name}?",
            "Kode telepon {name} adalah milik negara mana?",
            "Nomor telepon yang diawali {name} berasal dari negara mana?",
        ),
        "ko": (
            "국제전화 국가 번호가 {name}인 나라는 어디인가요?",
            "전화 국가 번호 {topic} 어느 나라의 번호인가요?",
            "{to} 시작하는 전화번호는 어느 나라의 번호인가요?",
        ),
        "el": (
            "Ποια χώρα έχει τον διεθνή κωδικό κλήσης {name};",
            "Σε ποια χώρα ανήκει ο τηλεφωνικός κωδικός {name};",
            "Ποιας χώρας είναι οι αριθμοί τηλεφώνου που αρχίζουν με {name};",
        ),
        "zh": (
            "国际电话区号{name}属于哪个国家？",
            "哪个国家的电话国家代码是{name}？",
            "以{name}开头的电话号码属于哪个国家？",
        ),
        "ar": (
            "ما الدولة التي رمز الاتصال الدولي الخاص بها هو {name}؟",
            "إلى أي دولة يعود رمز الهاتف الدولي {name}؟",
            "إلى أي دولة تعود أرقام الهاتف التي تبدأ بالرمز {name}؟",
        ),
    },
    "domain-of": {
        "en": (
            "What is the national internet domain of {the}?",
            "What is the country-code top-level domain of {the}?",
            "Which domain do web addresses of {the} end in?",
        ),
        "es": (
            "¿Cuál es el dominio de internet {de}?",
            "¿Cuál es el dominio de nivel superior geográfico {de}?",
            "¿En qué dominio terminan las direcciones web {de}?",
        ),
        "id": (
            "Apa domain internet negara {name}?",
            "Apa domain tingkat teratas kode negara {name}?",
            "Alamat situs web {name} berakhiran domain apa?",
        ),
        "ko": (
            "{name}의 인터넷 국가 도메인은 무엇인가요?",
            "{name}의 국가 코드 최상위 도메인은 무엇인가요?",
            "{name}의 웹 주소는 어떤 도메인으로 끝나나요?",
        ),
        "el": (
            "Ποιο είναι το διαδικτυακό όνομα χώρου {gen};",
            "Ποιος είναι ο εθνικός τομέας ανώτατου επιπέδου {gen};",
            "Με ποια κατάληξη τελειώνουν οι διευθύνσεις ιστού {gen};",
        ),
        "zh": (
            "{name}的国家互联网域名是什么？",
            "{name}的国家顶级域名是什么？",
            "{name}的网址以什么域名结尾？",
        ),
        "ar": (
            "ما هو نطاق الإنترنت الوطني {li}؟",
            "ما نطاق المستوى الأعلى الوطني {li}؟",
            "بأي نطاق تنتهي عناوين مواقع الويب في {name}؟",
        ),
    },
    "currency-code-of": {
        "en": (
            "What is the three-letter code of the currency of {the}?",
            "What is the ISO 4217 code of the currency of {the}?",
            "What is the international abbreviation of the currency of {the}?",
        ),
        "es": (
            "¿Cuál es el código de tres letras de la moneda {de}?",
            "¿Cuál es el código ISO 4217 de la moneda {de}?",
            "¿Cuál es la abreviatura internacional de la moneda {de}?",
        ),
        "id": (
            "Apa kode tiga huruf mata uang {name}?",
            "Apa kode ISO 4217 mata uang {name}?",
            "Apa singkatan internasional mata uang {name}?",
        ),
        "ko": (
            "{name} 통화의 세 글자 코드는 무엇인가요?",
            "{name} 통화의 ISO 4217 코드는 무엇인가요?",
            "{name} 통화의 국제 약어는 무엇인가요?",
        ),
        "el": (
            "Ποιος είναι ο κωδικός τριών γραμμάτων του νομίσματος {gen};",
            "Ποιος είναι ο κωδικός ISO 4217 του νομίσματος {gen};",
            "Ποια είναι η διεθνής συντομογραφία του νομίσματος {gen};",
        ),
        "zh": (
            "{name}货币的三字母代码是什么？",
            "{name}货币的ISO 4217代码是什么？",
            "{name}货币的国际缩写是什么？",
        ),
        "ar": (
            "ما الرمز المكون من ثلاثة أحرف لعملة {name}؟",
            "ما رمز ISO 4217 لعملة {name}؟",
            "ما الاختصار الدولي لعملة {name}؟",
        ),
    },
    "language-code": {
        "en": (
            "What is the ISO 639-1 code of the {name} language?",
            "What is the two-letter code of the {name} language?",
            "How is the {name} language abbreviated in ISO 639-1?",
        ),
        "es": (
            "¿Cuál es el código ISO 639-1 del idioma {name}?",
            "¿Cuál es el código de dos letras del idioma {name}?",
            "¿Cómo se abrevia el idioma {name} en la norma ISO 639-1?",
        ),
        "id": (
            "Apa kode ISO 639-1 {lower}?",
            "Apa kode dua huruf {lower}?",
            "Apa singkatan {lower} dalam ISO 639-1?",
        ),
        "ko": (
            "{name}의 ISO 639-1 코드는 무엇인가요?",
            "{name}의 두 글자 코드는 무엇인가요?",
            "ISO 639-1에서 {topic} 어떻게 줄여 쓰나요?",
        ),
        "el": (
            "Ποιος είναι ο κωδικός ISO 639-1 της γλώσσας «{name}»;",
            "Ποιος είναι ο κωδικός δύο γραμμάτων της γλώσσας «{name}»;",
            "Πώς συντομογραφείται η γλώσσα «{name}» στο ISO 639-1;",
        ),
        "zh": (
            "{name}的ISO 639-1代码是什么？",
            "{name}的两字母代码是什么？",
            "{name}在ISO 639-1中缩写为什么？",
        ),
        "ar": (
            "ما رمز ISO 639-1 للغة {name}؟",
            "ما الرمز المكون من حرفين للغة {name}؟",
            "ما الاختصار المخصص للغة {name} في معيار ISO 639-1؟",
        ),
    },
    "language-of-code": {
        "en": (
            "Which language has the ISO 639-1 code “{name}”?",
            "Which language does the two-letter code “{name}” stand for?",
            "Which language is abbreviated as “{name}” in ISO 639-1?",
        ),
        "es": (
            "¿Qué idioma tiene el código ISO 639-1 «{name}»?",
            "¿A qué idioma corresponde el código de dos letras «{name}»?",
            "¿Qué idioma se abrevia «{name}» en la norma ISO 639-1?",
        ),
        "id": (
            "Bahasa apa yang memiliki kode ISO 639-1 “{name}”?",
            "Kode dua huruf “{name}” mewakili bahasa apa?",
            "Bahasa apa yang disingkat “{name}” dalam ISO 639-1?",
        ),
        "ko": (
            "ISO 639-1 코드가 ‘{name}’인 언어는 무엇인가요?",
            "두 글자 코드 ‘{name}’에 해당하는 언어는 무엇인가요?",
            "ISO 639-1에서 ‘{name}’ 코드로 줄여 쓰는 언어는 무엇인가요?",
        ),
        "el": (
            "Ποια γλώσσα έχει τον κωδικό ISO 639-1 «{name}»;",
            "Σε ποια γλώσσα αντιστοιχεί ο κωδικός δύο γραμμάτων «{name}»;",
            "Ποια γλώσσα συντομογραφείται ως «{name}» στο ISO 639-1;",
        ),
        "zh": (
            "哪种语言的ISO 639-1代码是“{name}”？",
            "两字母代码“{name}”表示哪种语言？",
            "在ISO 639-1中缩写为“{name}”的是哪种语言？",
        ),
        "ar": (
            "ما اللغة التي رمزها في معيار ISO 639-1 هو «{name}»؟",
            "إلى أي لغة يشير الرمز المكون من حرفين «{name}»؟",
            "ما اللغة التي تُختصر بالرمز «{name}» في معيار ISO 639-1؟",
        ),
    },
}
