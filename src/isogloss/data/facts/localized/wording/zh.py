"""Chinese (simplified) wording of the localized kinds."""

SLOTS = {
    "in": ("", "在中国"),
    "in_comma": ("", "在中国，"),
    "in_ours": ("在我国", "在中国"),
    "of_ours": ("我国的", "中国的"),
    "ours": ("我国", "中国"),
}

QUESTIONS = {
    "currency": (
        "{ours}的法定货币是什么？",
        "{in_ours}使用的货币叫什么？",
        "{in_ours}付款用的是哪种货币？",
    ),
    "currency-symbol": (
        "{ours}货币的符号是什么？",
        "{in_comma}商店的价格旁边写的是哪个货币符号？",
        "{in_ours}用哪个符号表示钱？",
    ),
    "currency-code": (
        "{ours}货币的三字母ISO代码是什么？",
        "{in_ours}流通的法定货币的ISO 4217代码是什么？",
        "银行用哪个三字母代码表示{ours}货币？",
    ),
    "currency-number": (
        "{ours}货币的ISO 4217三位数字代码是什么？",
        "{in_ours}流通的法定货币的ISO数字代码是什么？",
        "银行用哪个三位数字表示{ours}货币？",
    ),
    "price": (
        "下面哪一个像是{ours}商店里的价格？",
        "下面哪个金额符合{ours}书写价格的习惯？",
        "{in_ours}，价格通常怎么写？",
    ),
    "capital": (
        "{ours}首都是哪里？",
        "{ours}首都是哪座城市？",
        "{ours}的中央政府设在哪座城市？",
    ),
    "calling-code": (
        "{of_ours}国际电话区号是多少？",
        "从国外给{in_ours}居住的人打电话，要先拨哪个国家代码？",
        "带国家代码书写时，{of_ours}电话号码以哪几位数字开头？",
    ),
    "emergency": (
        "下面哪个是{of_ours}紧急电话号码？",
        "{in}遇到紧急情况时可以拨打哪个号码？",
        "{in_ours}急需救助时，应该拨打下面哪个号码？",
    ),
    "trunk-prefix": (
        "{in}拨打国内长途时，区号前面要加哪个数字？",
        "{ours}国内长途的冠码是什么？",
        "{in_ours}给另一座城市打电话时，最先拨的数字是什么？",
    ),
    "mobile-number": (
        "下面哪一个像是{of_ours}手机号码？",
        "下面哪一个符合{ours}书写手机号码的格式？",
        "{in_ours}，手机号码是什么样子的？",
    ),
    "landline-number": (
        "下面哪一个像是{of_ours}固定电话号码？",
        "下面哪一个符合{ours}书写家庭电话号码的格式？",
        "{in_ours}，固定电话号码是什么样子的？",
    ),
    "toll-free-number": (
        "下面哪一个像是{of_ours}免费电话号码？",
        "{in}可以免费拨打的号码可能是下面哪一个？",
        "{in_ours}，免费电话号码是什么样子的？",
    ),
    "number-length": (
        "{of_ours}手机号码有多少位数字？",
        "{in}拨打手机要按多少位数字？",
        "{in_ours}，手机号码一共有几位？",
    ),
    "area-code": (
        "{ours}首都的电话区号是多少？",
        "{ours}首都的固定电话用哪个区号？",
        "{ours}首都的固定电话号码以哪几位数字开头？",
    ),
    "holiday-date": (
        "下面哪个日期{in}每年都是法定节假日？",
        "{in_comma}银行和机关因放假而休息的是下面哪一天？",
        "{in_ours}，下面哪个日期是全国放假的日子？",
    ),
    "holiday-name": (
        "下面哪一个是{ours}全国放假的节日？",
        "{in_comma}大家都能放假的是下面哪个日子？",
        "{in_ours}，下面哪个节日是法定节假日？",
    ),
    "national-day": (
        "{of_ours}国庆节是哪一天？",
        "{in}庆祝国庆是在哪一天？",
        "{in_ours}，国庆节在几月几日？",
    ),
    "weekend": (
        "{in_comma}周末是星期几？",
        "{in_comma}周末包括哪几天？",
        "{in_ours}，一周中的休息日是星期几？",
    ),
    "first-weekday": (
        "{in_ours}使用的日历上，一周从星期几开始？",
        "{in_ours}使用的日历把星期几排在最前面？",
        "{in_ours}，日历上每周的第一天是星期几？",
    ),
    "decimal-mark": (
        "{in_comma}分数{number}化成小数通常怎么写？",
        "{in_comma}把{number}写成小数是什么样子？",
        "{in_ours}，人们怎么用小数写{number}？",
    ),
    "thousands-separator": (
        "{in_comma}数字{number}加上分节符通常怎么写？",
        "{in_comma}给{number}加上千位分隔符是什么样子？",
        "{in_ours}，人们怎样分隔{number}的千位？",
    ),
    "date-format": (
        "{in_comma}{date}用数字通常怎么写？",
        "{in_comma}只用数字写{date}是什么样子？",
        "{in_ours}，人们怎样用数字书写{date}？",
    ),
    "date-reading": (
        "{in_comma}日期{date}通常指哪一天？",
        "{in_ours}填写的表格上写着日期{date}，指的是哪一天？",
        "{in_ours}，人们怎样理解{date}这个日期？",
    ),
    "utc-offset": (
        "{ours}首都的标准时间与协调世界时（UTC）相差多少？",
        "一月份，{ours}首都的时间与UTC相差几个小时？",
        "{ours}首都在一月份采用哪个UTC时差？",
    ),
    "time-zone-id": (
        "电脑上用哪个时区表示{ours}首都时间？",
        "在tz数据库中，{ours}首都所用的时区叫什么？",
        "服务器要采用{ours}首都时间，应设置哪个tz时区？",
    ),
    "time-difference": (
        "一月份，{city}时间{time}时，{ours}首都是几点？",
        "一月份，{city}的钟显示{time}，{ours}首都的钟显示几点？",
        "一月份约好在{city}时间{time}通话，那是{ours}首都时间几点？",
    ),
    "clocks-forward": (
        "{in_comma}什么时候开始实行夏令时？",
        "{in_comma}什么时候把时钟拨快一小时？",
        "{in_ours}，哪一天要把钟表调快一小时？",
    ),
    "clocks-back": (
        "{in_comma}什么时候结束夏令时？",
        "{in_comma}什么时候把时钟拨慢一小时？",
        "{in_ours}，哪一天要把钟表调慢一小时？",
    ),
    "neighbour": (
        "下面哪个国家与{ours}陆地接壤？",
        "下面哪个国家是{of_ours}陆上邻国？",
        "{ours}和下面哪个国家有共同的陆地边界？",
    ),
    "city": (
        "下面哪座城市{in_ours}？",
        "下面哪座城市是{of_ours}城市？",
        "下面哪一座是{of_ours}大城市？",
    ),
    "largest-city": (
        "{ours}最大的城市是哪里？",
        "{ours}人口最多的城市是哪一座？",
        "{in_ours}，城区人口最多的是哪座城市？",
    ),
    "continent": (
        "{ours}位于哪个大洲？",
        "{ours}属于哪个洲？",
        "{ours}在世界的哪个洲？",
    ),
    "area": (
        "{of_ours}面积大约是多少？",
        "{of_ours}国土面积大概有多大？",
        "{ours}的领土大约有多少平方公里？",
    ),
    "population": (
        "{of_ours}人口大约是多少？",
        "{in_ours}大约生活着多少人？",
        "{ours}大概有多少人口？",
    ),
    "domain": (
        "{of_ours}国家顶级域名是什么？",
        "{in_ours}建立的网站使用哪个国家域名？",
        "{of_ours}网址如果使用本国域名，以什么结尾？",
    ),
    "country-code-2": (
        "{of_ours}两字母ISO国家代码是什么？",
        "在ISO 3166中，用哪两个字母代表{ours}？",
        "{of_ours}国家代码用两个字母怎么写？",
    ),
    "country-code-3": (
        "{of_ours}三字母ISO国家代码是什么？",
        "在ISO 3166中，用哪三个字母代表{ours}？",
        "{of_ours}国家代码用三个字母怎么写？",
    ),
    "country-number": (
        "{of_ours}ISO数字国家代码是什么？",
        "在ISO 3166中，用哪三位数字代表{ours}？",
        "{of_ours}国家编号用ISO 3166的三位数字怎么写？",
    ),
    "official-language": (
        "{of_ours}官方语言是什么？",
        "{in_ours}通用的官方语言是哪一种？",
        "{in_ours}，法律用哪种语言公布？",
    ),
    "regional-language": (
        "下面哪种语言是{ours}部分地区世代使用的语言？",
        "下面哪种语言是{of_ours}地方语言？",
        "{in_ours}，有群体世代使用的是下面哪种语言？",
    ),
    "postcode": (
        "下面哪一个像是{of_ours}邮政编码？",
        "下面哪一个可能是{ours}某个地址的邮政编码？",
        "{in_ours}，邮政编码是什么样子的？",
    ),
    "paper-size": (
        "{in}打印文件时通常使用哪种尺寸的纸张？",
        "{ours}办公室里最常用的纸张是什么尺寸？",
        "{in_ours}，打印机里一般放什么尺寸的纸？",
    ),
    "temperature": (
        "下面哪一个像是{ours}天气预报里的气温？",
        "下面哪个温度符合{ours}书写气温的习惯？",
        "{in_ours}，气温通常怎么写？",
    ),
    "temperature-unit": (
        "{ours}的天气预报用什么单位表示气温？",
        "{in}说起气温时，一般用哪种温度单位？",
        "{in_ours}，日常生活中使用哪种温度单位？",
    ),
    "road-distance-unit": (
        "{ours}的路牌用什么单位表示距离？",
        "{in}说两座城市之间的距离时，一般用哪个单位？",
        "{in_ours}，开车的路程用什么单位计算？",
    ),
    "speed-unit": (
        "{ours}的道路限速用什么单位表示？",
        "{ours}汽车的速度表用什么单位显示车速？",
        "{in_ours}，车速通常用什么单位表示？",
    ),
    "wind-speed-unit": (
        "{ours}的天气预报用什么单位表示风速？",
        "{in}报告风速时，一般用哪个单位？",
        "{in_ours}，风速通常用什么单位表示？",
    ),
    "height-unit": (
        "{in}说一个人的身高时，一般用什么单位？",
        "{ours}的体检表用什么单位填写身高？",
        "{in_ours}，身高通常用什么单位表示？",
    ),
    "body-weight-unit": (
        "{in}测量体重时，一般用什么单位？",
        "{ours}的体检表用什么单位填写体重？",
        "{in_ours}，体重通常用什么单位表示？",
    ),
    "floor-area-unit": (
        "{ours}的住房面积用什么单位表示？",
        "{ours}的售房广告用什么单位说明房屋面积？",
        "{in_ours}，房子的大小通常用什么单位计算？",
    ),
}

CLOCK_CHANGES = {
    "last-6-3": "三月最后一个星期日",
    "2-6-3": "三月第二个星期日",
    "last-4-4": "四月最后一个星期五",
    "1-6-10": "十月第一个星期日",
    "last-6-9": "九月最后一个星期日",
    "last-6-10": "十月最后一个星期日",
    "1-6-11": "十一月第一个星期日",
    "last-3-10": "十月最后一个星期四",
    "1-6-4": "四月第一个星期日",
    "never": "不调整，全年不变",
}

TIMES: dict[str, str] = {}
