"""Names of capitals and large cities that CLDR lacks or misspells, chosen from those that geonames lists.

geonames lists each city's names in many languages without saying which is which; the tables say which of them is used
in which language. `places` checks them.
"""

from __future__ import annotations

#: {country: capital as "en|es|id|ko|el|zh|ar"}
CAPITALS = {
    "AE": "Abu Dhabi|Abu Dabi|Abu Dhabi|아부다비|Άμπου Ντάμπι|阿布扎比|أبوظبي",
    "AL": "Tirana|Tirana|Tirana|티라나|Τίρανα|地拉那|تيرانا",
    "AU": "Canberra|Canberra|Canberra|캔버라|Καμπέρα|堪培拉|كانبرا",
    "BB": "Bridgetown|Bridgetown|Bridgetown|브리지타운|Μπριτζτάουν|布里奇敦|بريدجتاون",
    "BH": "Manama|Manama|Manama|마나마|Μανάμα|麦纳麦|المنامة",
    "BN": "Bandar Seri Begawan|Bandar Seri Begawan|Bandar Seri Begawan|"
    "반다르스리브가완|Μπαντάρ Σερί Μπεγκαβάν|斯里巴加湾市|بندر سري بكاوان",
    "BZ": "Belmopan|Belmopán|Belmopan|벨모판|Μπελμοπάν|贝尔莫潘|بلموبان",
    "CA": "Ottawa|Ottawa|Ottawa|오타와|Οττάβα|渥太华|أوتاوا",
    "CM": "Yaoundé|Yaundé|Yaoundé|야운데|Γιαουντέ|雅温得|ياوندي",
    "CN": "Beijing|Pekín|Beijing|베이징|Πεκίνο|北京|بكين",
    "CR": "San José|San José|San José|산호세|Σαν Χοσέ|圣何塞|سان خوسيه",
    "CV": "Praia|Praia|Praia|프라이아|Πράια|普拉亚|برايا",
    "EC": "Quito|Quito|Quito|키토|Κίτο|基多|كيتو",
    "ER": "Asmara|Asmara|Asmara|아스마라|Ασμάρα|阿斯马拉|أسمرة",
    "FJ": "Suva|Suva|Suva|수바|Σούβα|苏瓦|سوفا",
    "GY": "Georgetown|Georgetown|Georgetown|조지타운|Τζορτζτάουν|乔治敦|جورج تاون",
    "IN": "New Delhi|Nueva Delhi|New Delhi|뉴델리|Νέο Δελχί|新德里|نيودلهي",
    "JM": "Kingston|Kingston|Kingston|킹스턴|Κίνγκστον|金斯敦|كينغستون",
    "KM": "Moroni|Moroni|Moroni|모로니|Μορόνι|莫罗尼|موروني",
    "LB": "Beirut|Beirut|Beirut|베이루트|Βηρυτός|贝鲁特|بيروت",
    "MA": "Rabat|Rabat|Rabat|라바트|Ραμπάτ|拉巴特|الرباط",
    "ME": "Podgorica|Podgorica|Podgorica|포드고리차|Ποντγκόριτσα|波德戈里察|بودغوريتسا",
    "MN": "Ulaanbaatar|Ulán Bator|Ulan Bator|울란바토르|Ουλάν Μπατόρ|乌兰巴托|أولان باتور",
    "MT": "Valletta|La Valeta|Valletta|발레타|Βαλέτα|瓦莱塔|فاليتا",
    "MU": "Port Louis|Port Louis|Port Louis|포트루이스|Πορ Λουί|路易港|بور لويس",
    "MV": "Malé|Malé|Malé|말레|Μαλέ|马累|ماليه",
    "MW": "Lilongwe|Lilongüe|Lilongwe|릴롱궤|Λιλόνγκουε|利隆圭|ليلونغوي",
    "NG": "Abuja|Abuya|Abuja|아부자|Αμπούζα|阿布贾|أبوجا",
    "NZ": "Wellington|Wellington|Wellington|웰링턴|Ουέλλινγκτον|惠灵顿|ويلينغتون",
    "PK": "Islamabad|Islamabad|Islamabad|이슬라마바드|Ισλαμαμπάντ|伊斯兰堡|إسلام آباد",
    "QA": "Doha|Doha|Doha|도하|Ντόχα|多哈|الدوحة",
    "SB": "Honiara|Honiara|Honiara|호니아라|Χονιάρα|霍尼亚拉|هونيارا",
    "TR": "Ankara|Ankara|Ankara|앙카라|Άγκυρα|安卡拉|أنقرة",
    "US": "Washington|Washington|Washington|워싱턴|Ουάσιγκτον|华盛顿|واشنطن",
    "VN": "Hanoi|Hanói|Hanoi|하노이|Ανόι|河内|هانوي",
    "VU": "Port Vila|Port Vila|Port Vila|포트빌라|Πορτ Βίλα|维拉港|بورت فيلا",
}

#: {country: its large cities that are not the capital, in the same order of languages}
CITIES: dict[str, tuple[str, ...]] = {
    "AT": (
        "Salzburg|Salzburgo|Salzburg|잘츠부르크|Σάλτσμπουργκ|萨尔茨堡|سالزبورغ",
        "Graz|Graz|Graz|그라츠|Γκρατς|格拉茨|غراتس",
    ),
    "AU": ("Brisbane|Brisbane|Brisbane|브리즈번|Μπρισμπέιν|布里斯班|بريزبان",),
    "BE": ("Antwerp|Amberes|Antwerpen|안트베르펜|Αμβέρσα|安特卫普|أنتويرب",),
    "BR": ("Rio de Janeiro|Río de Janeiro|Rio de Janeiro|리우데자네이루|Ρίο ντε Τζανέιρο|里约热内卢|ريو دي جانيرو",),
    "CA": (
        "Vancouver|Vancouver|Vancouver|밴쿠버|Βανκούβερ|温哥华|فانكوفر",
        "Calgary|Calgary|Calgary|캘거리|Κάλγκαρι|卡尔加里|كالغاري",
        "Montreal|Montreal|Montreal|몬트리올|Μόντρεαλ|蒙特利尔|مونتريال",
    ),
    "CH": (
        "Geneva|Ginebra|Jenewa|제네바|Γενεύη|日内瓦|جنيف",
        "Basel|Basilea|Basel|바젤|Βασιλεία|巴塞尔|بازل",
    ),
    "CO": (
        "Medellín|Medellín|Medellín|메데인|Μεδεγίν|麦德林|ميديلين",
        "Cali|Cali|Cali|칼리|Κάλι|卡利|كالي",
    ),
    "CZ": ("Brno|Brno|Brno|브르노|Μπρνο|布尔诺|برنو",),
    "DE": (
        "Hamburg|Hamburgo|Hamburg|함부르크|Αμβούργο|汉堡|هامبورغ",
        "Munich|Múnich|München|뮌헨|Μόναχο|慕尼黑|ميونخ",
        "Cologne|Colonia|Köln|쾰른|Κολωνία|科隆|كولونيا",
    ),
    "EG": ("Alexandria|Alejandría|Iskandariyah|알렉산드리아|Αλεξάνδρεια|亚历山大港|الإسكندرية",),
    "ES": (
        "Barcelona|Barcelona|Barcelona|바르셀로나|Βαρκελώνη|巴塞罗那|برشلونة",
        "Seville|Sevilla|Sevilla|세비야|Σεβίλλη|塞维利亚|إشبيلية",
        "Bilbao|Bilbao|Bilbao|빌바오|Μπιλμπάο|毕尔巴鄂|بلباو",
    ),
    "FR": (
        "Marseille|Marsella|Marseille|마르세유|Μασσαλία|马赛|مارسيليا",
        "Lyon|Lyon|Lyon|리옹|Λυών|里昂|ليون",
        "Nice|Niza|Nice|니스|Νίκαια|尼斯|نيس",
        "Strasbourg|Estrasburgo|Strasbourg|스트라스부르|Στρασβούργο|斯特拉斯堡|ستراسبورغ",
    ),
    "GB": (
        "Manchester|Mánchester|Manchester|맨체스터|Μάντσεστερ|曼彻斯特|مانشستر",
        "Liverpool|Liverpool|Liverpool|리버풀|Λίβερπουλ|利物浦|ليفربول",
        "Edinburgh|Edimburgo|Edinburgh|에든버러|Εδιμβούργο|爱丁堡|إدنبرة",
    ),
    "GH": ("Kumasi|Kumasi|Kumasi|쿠마시|Κουμάσι|库马西|كوماسي",),
    "GR": ("Thessaloniki|Salónica|Thessaloniki|테살로니키|Θεσσαλονίκη|塞萨洛尼基|سالونيك",),
    "ID": (
        "Surabaya|Surabaya|Surabaya|수라바야|Σουραμπάγια|泗水|سورابايا",
        "Bandung|Bandung|Bandung|반둥|Μπαντούνγκ|万隆|باندونغ",
    ),
    "IL": ("Haifa|Haifa|Haifa|하이파|Χάιφα|海法|حيفا",),
    "IN": (
        "Mumbai|Bombay|Mumbai|뭄바이|Βομβάη|孟买|مومباي",
        "Chennai|Chennai|Chennai|첸나이|Τσεννάι|金奈|تشيناي",
        "Bengaluru|Bangalore|Bengaluru|벵갈루루|Μπανγκαλόρ|班加罗尔|بنغالور",
    ),
    "IQ": (
        "Basra|Basora|Basra|바스라|Βασόρα|巴士拉|البصرة",
        "Mosul|Mosul|Mosul|모술|Μοσούλη|摩苏尔|الموصل",
    ),
    "IR": ("Shiraz|Shiraz|Shiraz|시라즈|Σιράζ|设拉子|شيراز",),
    "IT": (
        "Naples|Nápoles|Napoli|나폴리|Νάπολη|那不勒斯|نابولي",
        "Turin|Turín|Torino|토리노|Τορίνο|都灵|تورينو",
    ),
    "JP": (
        "Kyoto|Kioto|Kyoto|교토|Κιότο|京都|كيوتو",
        "Sapporo|Sapporo|Sapporo|삿포로|Σαππόρο|札幌|سابورو",
    ),
    "KE": ("Mombasa|Mombasa|Mombasa|몸바사|Μομπάσα|蒙巴萨|مومباسا",),
    "KR": (
        "Busan|Busan|Busan|부산|Μπουσάν|釜山|بوسان",
        "Incheon|Incheon|Incheon|인천|Ίντσον|仁川|إنتشون",
    ),
    "MX": ("Guadalajara|Guadalajara|Guadalajara|과달라하라|Γουαδαλαχάρα|瓜达拉哈拉|غوادالاخارا",),
    "NL": (
        "Rotterdam|Róterdam|Rotterdam|로테르담|Ρότερνταμ|鹿特丹|روتردام",
        "Utrecht|Utrecht|Utrecht|위트레흐트|Ουτρέχτη|乌得勒支|أوترخت",
    ),
    "PE": ("Arequipa|Arequipa|Arequipa|아레키파|Αρεκίπα|阿雷基帕|أريكويبا",),
    "PK": (
        "Lahore|Lahore|Lahore|라호르|Λαχόρη|拉合尔|لاهور",
        "Peshawar|Peshawar|Peshawar|페샤와르|Πεσαβάρ|白沙瓦|بيشاور",
    ),
    "PL": (
        "Krakow|Cracovia|Krakow|크라쿠프|Κρακοβία|克拉科夫|كراكوف",
        "Gdansk|Gdansk|Gdansk|그단스크|Γκντανσκ|格但斯克|غدانسك",
    ),
    "RU": (
        "Novosibirsk|Novosibirsk|Novosibirsk|노보시비르스크|Νοβοσιμπίρσκ|新西伯利亚|نوفوسيبيرسك",
        "Volgograd|Volgogrado|Volgograd|볼고그라드|Βόλγκογκραντ|伏尔加格勒|فولغوغراد",
    ),
    "SA": (
        "Jeddah|Yeda|Jeddah|제다|Τζέντα|吉达|جدة",
        "Mecca|La Meca|Mekkah|메카|Μέκκα|麦加|مكة المكرمة",
    ),
    "SE": ("Gothenburg|Gotemburgo|Göteborg|예테보리|Γκέτεμποργκ|哥德堡|غوتنبرغ",),
    "SY": (
        "Aleppo|Alepo|Aleppo|알레포|Χαλέπι|阿勒颇|حلب",
        "Homs|Homs|Homs|홈스|Χομς|霍姆斯|حمص",
    ),
    "TR": (
        "Izmir|Esmirna|Izmir|이즈미르|Σμύρνη|伊兹密尔|إزمير",
        "Bursa|Bursa|Bursa|부르사|Προύσα|布尔萨|بورصة",
    ),
    "UA": (
        "Odesa|Odesa|Odesa|오데사|Οδησσός|敖德萨|أوديسا",
        "Lviv|Leópolis|Lviv|리비우|Λβιβ|利沃夫|لفيف",
    ),
    "US": (
        "Phoenix|Phoenix|Phoenix|피닉스|Φοίνιξ|凤凰城|فينيكس",
        "Houston|Houston|Houston|휴스턴|Χιούστον|休斯敦|هيوستن",
    ),
    "ZA": (
        "Cape Town|Ciudad del Cabo|Cape Town|케이프타운|Κέιπ Τάουν|开普敦|كيب تاون",
        "Durban|Durban|Durban|더반|Ντέρμπαν|德班|ديربان",
    ),
}
