"""Movable feasts: how the holidays package names each in English, and its name in the seven languages."""

from __future__ import annotations

#: key: (pattern of the source's English name, "en|es|id|ko|el|zh|ar").
FEASTS: dict[str, tuple[str, str]] = {
    "good-friday": (
        r"^Good Friday",
        "Good Friday|Viernes Santo|Jumat Agung|성금요일|Μεγάλη Παρασκευή|耶稣受难日|الجمعة العظيمة",
    ),
    "easter-monday": (
        r"^Easter Monday",
        "Easter Monday|Lunes de Pascua|Senin Paskah|부활절 월요일|Δευτέρα του Πάσχα|复活节星期一|اثنين الفصح",
    ),
    "whit-monday": (
        r"^(Whit|Pentecost) Monday",
        "Whit Monday|Lunes de Pentecostés|Senin Pentakosta|성령 강림절 월요일|Δευτέρα του Αγίου Πνεύματος"
        "|圣灵降临节星期一|اثنين العنصرة",
    ),
    "clean-monday": (
        r"^(Green|Clean) Monday",
        "Clean Monday|Lunes Limpio|Senin Bersih|정결한 월요일|Καθαρά Δευτέρα|洁净星期一|الاثنين النظيف",
    ),
    "ascension": (
        r"^Ascension",
        "Ascension Day|Día de la Ascensión|Kenaikan Yesus Kristus|예수 승천일"
        "|Ημέρα της Αναλήψεως|耶稣升天节|عيد الصعود",
    ),
    "lunar-new-year": (
        r"^(Lunar|Korean|Chinese|Vietnamese) New Year",
        "Lunar New Year|Año Nuevo chino|Tahun Baru Imlek|설날|Κινεζική Πρωτοχρονιά|春节|رأس السنة الصينية",
    ),
    "vesak": (
        r"Vesak|Buddha's Birthday|Visakha",
        "Buddha's Birthday|Nacimiento de Buda|Hari Raya Waisak|부처님 오신 날|Γενέθλια του Βούδα|佛诞节|عيد ميلاد بوذا",
    ),
    "nyepi": (
        r"^Day of Silence",
        "Day of Silence (Nyepi)|Día del Silencio (Nyepi)|Hari Raya Nyepi|침묵의 날(녜피)|Ημέρα της Σιωπής (Νιέπι)"
        "|静居日|يوم الصمت (نيبي)",
    ),
    "eid-al-fitr": (
        r"^Eid al-Fitr",
        "Eid al-Fitr|Fiesta del fin del Ramadán|Hari Raya Idulfitri|이드 알피트르|Εΐντ αλ-Φιτρ|开斋节|عيد الفطر",
    ),
    "eid-al-adha": (
        r"^Eid al-Adha",
        "Eid al-Adha|Fiesta del Cordero|Hari Raya Iduladha|이드 알아드하|Εΐντ αλ-Άντχα|古尔邦节|عيد الأضحى",
    ),
    "mawlid": (
        r"^Prophet('s| Muhammad's) Birthday",
        "Birthday of the Prophet|Nacimiento del profeta Mahoma|Maulid Nabi Muhammad|예언자 탄신일"
        "|Γενέθλια του Προφήτη|圣纪节|المولد النبوي",
    ),
    "isra-miraj": (
        r"^Isra",
        "Isra and Mi'raj|Viaje nocturno del profeta|Isra Mikraj|이스라와 미라즈"
        "|Ίσρα και Μιράτζ|登霄节|الإسراء والمعراج",
    ),
    "islamic-new-year": (
        r"^Islamic New Year",
        "Islamic New Year|Año Nuevo islámico|Tahun Baru Islam|이슬람 새해|Ισλαμικό Νέο Έτος|伊斯兰教新年"
        "|رأس السنة الهجرية",
    ),
    "ashura": (r"^Ashura", "Ashura|Ashura|Hari Asyura|아슈라|Ασούρα|阿舒拉节|عاشوراء"),
    "qingming": (
        r"^Tomb-Sweeping",
        "Tomb-Sweeping Day|Día de la Limpieza de Tumbas|Hari Ziarah Kubur|청명절|Ημέρα Καθαρισμού Τάφων"
        "|清明节|يوم كنس القبور",
    ),
    "dragon-boat": (
        r"^Dragon Boat",
        "Dragon Boat Festival|Festival del Bote del Dragón|Festival Perahu Naga|단오절|Γιορτή των Δρακόβαρκων"
        "|端午节|عيد قوارب التنين",
    ),
    "mid-autumn": (
        r"^(Mid-Autumn|Chuseok)",
        "Mid-Autumn Festival|Festival del Medio Otoño|Festival Kue Bulan|추석|Γιορτή του Μεσοφθινοπώρου"
        "|中秋节|عيد منتصف الخريف",
    ),
    "diwali": (r"Diwali|Deepavali", "Diwali|Diwali|Hari Raya Diwali|디왈리|Ντιβάλι|排灯节|ديوالي"),
    "songkran": (r"^Songkran", "Songkran|Songkran|Festival Songkran|송끄란|Σονγκράν|宋干节|سونغكران"),
    "carnival": (
        r"^Carnival",
        "Carnival Monday|Lunes de Carnaval|Senin Karnaval|카니발 월요일|Δευτέρα του Καρναβαλιού"
        "|狂欢节星期一|اثنين الكرنفال",
    ),
    "thanksgiving": (
        r"^Thanksgiving",
        "Thanksgiving|Día de Acción de Gracias|Hari Pengucapan Syukur|추수감사절"
        "|Ημέρα των Ευχαριστιών|感恩节|عيد الشكر",
    ),
    "luther-king": (
        r"^Martin Luther King",
        "Martin Luther King Day|Día de Martin Luther King|Hari Martin Luther King|마틴 루서 킹의 날"
        "|Ημέρα Μάρτιν Λούθερ Κινγκ|马丁·路德·金纪念日|يوم مارتن لوثر كينغ",
    ),
    "presidents": (
        r"^Washington's Birthday",
        "Presidents' Day|Día de los Presidentes|Hari Presiden|대통령의 날|Ημέρα των Προέδρων|总统日|يوم الرؤساء",
    ),
    "memorial": (
        r"^Memorial Day",
        "Memorial Day|Día de los Caídos|Hari Mengenang Prajurit|현충일|Ημέρα Μνήμης Πεσόντων|阵亡将士纪念日"
        "|يوم ذكرى الجنود",
    ),
    "spring-bank": (
        r"^Spring Bank Holiday",
        "Spring Bank Holiday|Fiesta bancaria de primavera|Libur Bank Musim Semi|봄 은행 휴일"
        "|Ανοιξιάτικη αργία τραπεζών|春季银行假日|عطلة البنوك الربيعية",
    ),
    "monarch": (
        r"^(King|Queen)'s Birthday",
        "King's Birthday|Cumpleaños del Rey|Ulang Tahun Raja|국왕 탄신일"
        "|Γενέθλια του Βασιλιά|国王诞辰日|عيد ميلاد الملك",
    ),
    "marine": (r"^Marine Day", "Marine Day|Día del Mar|Hari Laut|바다의 날|Ημέρα της Θάλασσας|海之日|يوم البحر"),
    "coming-of-age": (
        r"^Coming of Age",
        "Coming of Age Day|Día de la Mayoría de Edad|Hari Kedewasaan|성년의 날"
        "|Ημέρα της Ενηλικίωσης|成人日|يوم سن الرشد",
    ),
    "respect-for-the-aged": (
        r"^Respect for the Aged",
        "Respect for the Aged Day|Día del Respeto a los Mayores|Hari Penghormatan Lansia|경로의 날"
        "|Ημέρα των Ηλικιωμένων|敬老日|يوم احترام المسنين",
    ),
}
