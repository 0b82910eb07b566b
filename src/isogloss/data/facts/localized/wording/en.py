"""English wording of the localized kinds."""

SLOTS = {
    "in": ("", " in {}"),
    "here": (" here", " in {}"),
    "in_ours": (" in our country", " in {}"),
    "of_ours": (" of our country", " of {}"),
    "ours": ("our country", "{}"),
}

QUESTIONS = {
    "currency": (
        "What is the national currency{in}?",
        "What is the money used{in_ours} called?",
        "Which currency do people pay with{in_ours}?",
    ),
    "currency-symbol": (
        "What is the symbol of the currency{in}?",
        "Which symbol stands next to prices in shops{in}?",
        "Which sign is used for money{in_ours}?",
    ),
    "currency-code": (
        "What is the three-letter ISO code of the currency{in}?",
        "Which ISO 4217 code does the national currency have{in}?",
        "By which three-letter code do banks know the currency{of_ours}?",
    ),
    "currency-number": (
        "What is the three-digit ISO 4217 number of the currency{in}?",
        "Which numeric ISO code does the national currency have{in}?",
        "By which three-digit number do banks know the currency{of_ours}?",
    ),
    "price": (
        "Which of these looks like a price in a shop{in}?",
        "Which of these amounts is written the way prices usually are{in}?",
        "How are prices usually written{in_ours}?",
    ),
    "capital": (
        "What is the capital{of_ours}?",
        "Which city is the capital{of_ours}?",
        "In which city is the national government seated{in}?",
    ),
    "calling-code": (
        "What is the international calling code{of_ours}?",
        "Which country code do friends abroad dial first to phone somebody{here}?",
        "What does a phone number start with when it is written with the country code{of_ours}?",
    ),
    "emergency": (
        "Which of these is an emergency phone number{in}?",
        "Which number can you call in an emergency{in}?",
        "You need urgent help{in_ours}. Which of these numbers do you dial?",
    ),
    "international-prefix": (
        "Which digits do you dial first to call abroad from a landline{in}?",
        "What is the international dialling prefix{in}?",
        "Which prefix starts a call to a foreign country when you phone from a landline{in_ours}?",
    ),
    "trunk-prefix": (
        "What is the trunk prefix for calls within the country{in}?",
        "Which prefix goes before the area code in a domestic long-distance call{in}?",
        "What do you dial before the area code when you call another city{in_ours}?",
    ),
    "mobile-number": (
        "Which of these looks like a mobile phone number{in}?",
        "Which of these is written like a mobile number{in}?",
        "How does a mobile phone number look{in_ours}?",
    ),
    "landline-number": (
        "Which of these looks like a landline number{in}?",
        "Which of these is written like a home phone number{in}?",
        "How does a landline phone number look{in_ours}?",
    ),
    "toll-free-number": (
        "Which of these looks like a freephone number{in}?",
        "Which of these numbers could you call free of charge{in}?",
        "How does a toll-free phone number look{in_ours}?",
    ),
    "number-length": (
        "How many digits does a mobile number have when dialled{in}?",
        "How many digits do you dial to reach a mobile phone{in}?",
        "What is the length of a mobile number, in digits, as dialled within the country{in_ours}?",
    ),
    "area-code": (
        "What is the area code of the capital{of_ours}?",
        "Which area code do landlines in the capital{of_ours} have?",
        "With which digits does a landline number of the capital{of_ours} begin?",
    ),
    "holiday-date": (
        "Which of these dates is a public holiday every year{in}?",
        "On which of these days are banks and offices closed for a holiday{in}?",
        "Which of these dates is a national holiday{in_ours}?",
    ),
    "holiday-name": (
        "Which of these is a nationwide public holiday{in}?",
        "For which of these occasions does everybody get a day off{in}?",
        "Which of these is an official holiday throughout the country{in_ours}?",
    ),
    "national-day": (
        "What is the date of the national day{of_ours}?",
        "On which date is the national day celebrated{in}?",
        "When is the national day{in}?",
    ),
    "weekend": (
        "Which days make up the weekend{in}?",
        "When is the weekend{in}?",
        "Which days of the week are the weekly rest days{in_ours}?",
    ),
    "first-weekday": (
        "With which day does the week begin on calendars{in}?",
        "Which is the first day of the week on a calendar{in}?",
        "Which day does the week start with{in_ours}?",
    ),
    "decimal-mark": (
        "How is the fraction {number} usually written as a decimal{in}?",
        "What does {number} look like as a decimal number{in}?",
        "How do people write {number} as a decimal number{in_ours}?",
    ),
    "thousands-separator": (
        "How is the number {number} usually written with its digits grouped{in}?",
        "What does {number} look like with thousands separators{in}?",
        "How do people separate the thousands in {number}{in_ours}?",
    ),
    "date-format": (
        "How is {date} usually written in figures{in}?",
        "What does {date} look like as a numeric date{in}?",
        "How do people write {date} using only numbers{in_ours}?",
    ),
    "date-reading": (
        "Which date does {date} usually stand for{in}?",
        "A form{in} bears the date {date}. Which day is meant?",
        "How do people read the date {date}{in_ours}?",
    ),
    "clock": (
        "How is {time} usually written in figures{in}?",
        "What does {time} look like on a timetable{in}?",
        "How do people write {time} in figures{in_ours}?",
    ),
    "utc-offset": (
        "What is the standard time of the capital{of_ours}, relative to UTC?",
        "By how many hours does winter time in the capital{of_ours} differ from UTC?",
        "Which UTC offset do clocks in the capital{of_ours} follow in winter?",
    ),
    "time-zone-id": (
        "Which time zone does a computer use for the capital{of_ours}?",
        "What is the tz database name of the time zone of the capital{of_ours}?",
        "Which tz database zone should a server set to the time of the capital{of_ours} use?",
    ),
    "time-difference": (
        "When it is {time} in {city} in January, what time is it in the capital{of_ours}?",
        "In January the clocks in {city} show {time}. What do they show in the capital{of_ours}?",
        "A call from {city} is set for {time} in January. What time is that in the capital{of_ours}?",
    ),
    "clocks-forward": (
        "When do the clocks go forward{in}?",
        "On which day does daylight saving time begin{in}?",
        "When are clocks put forward by an hour{in_ours}?",
    ),
    "clocks-back": (
        "When do the clocks go back{in}?",
        "On which day does daylight saving time end{in}?",
        "When are clocks put back by an hour{in_ours}?",
    ),
    "neighbour": (
        "Which of these countries shares a land border with {ours}?",
        "Which of these countries is next to {ours}?",
        "With which of these countries does {ours} have a common land border?",
    ),
    "city": (
        "Which of these cities is{in_ours}?",
        "Which of these cities can be reached without leaving {ours}?",
        "Which of these is a big city{in_ours}?",
    ),
    "largest-city": (
        "What is the largest city{of_ours}?",
        "Which city has the most inhabitants{in_ours}?",
        "Which is the most populous city{of_ours}?",
    ),
    "continent": (
        "On which continent is {ours}?",
        "Which continent does {ours} belong to?",
        "Which part of the world is {ours} in?",
    ),
    "area": (
        "About how large is {ours}?",
        "What is the area{of_ours}, roughly?",
        "About how many square kilometres does {ours} cover?",
    ),
    "population": (
        "About how many people live{in_ours}?",
        "What is the population{of_ours}, roughly?",
        "How many inhabitants does {ours} have, approximately?",
    ),
    "domain": (
        "What is the national internet domain{of_ours}?",
        "Which country domain do websites{in_ours} use?",
        "With what do internet addresses{in_ours} typically end, if they use the country's own domain?",
    ),
    "country-code-2": (
        "What is the two-letter ISO code{of_ours}?",
        "Which two letters stand for {ours} in ISO 3166?",
        "By which two-letter country code is {ours} known?",
    ),
    "country-code-3": (
        "What is the three-letter ISO code{of_ours}?",
        "Which three letters stand for {ours} in ISO 3166?",
        "By which three-letter country code is {ours} known?",
    ),
    "country-number": (
        "What is the numeric ISO code{of_ours}?",
        "Which three digits stand for {ours} in ISO 3166?",
        "By which three-digit country number is {ours} known in ISO 3166?",
    ),
    "official-language": (
        "What is the official language{of_ours}?",
        "Which language is official{in}?",
        "In which language are laws published{in_ours}?",
    ),
    "regional-language": (
        "Which of these languages is native to a part{of_ours}?",
        "Which of these languages is traditionally spoken by a community{in_ours}?",
        "Which of these is a regional language{in_ours}?",
    ),
    "postcode": (
        "Which of these looks like a postcode{in}?",
        "Which of these could be the postal code of an address{in}?",
        "How does a postal code look{in_ours}?",
    ),
    "road-distance-unit": (
        "In which unit do road signs give distances{in}?",
        "Which unit is used for the distance between two cities{in}?",
        "In which unit do drivers count the length of a journey{in_ours}?",
    ),
    "speed-unit": (
        "In which unit are speed limits given{in}?",
        "Which unit does the speedometer of a car show most prominently{in}?",
        "In which unit do people say how fast a car is going{in_ours}?",
    ),
    "wind-speed-unit": (
        "In which unit does the weather forecast give the speed of the wind{in}?",
        "Which unit is usual for wind speeds in weather reports{in}?",
        "In which unit do forecasters say how fast the wind blows{in_ours}?",
    ),
    "height-unit": (
        "In which units do people give their height{in}?",
        "Which units are used for a person's height{in}?",
        "In what do people measure their own height{in_ours}?",
    ),
    "body-weight-unit": (
        "In what do people weigh themselves{in}?",
        "In which units do people give their weight{in}?",
        "In which units do bathroom scales show weight{in_ours}?",
    ),
    "floor-area-unit": (
        "In which unit is the size of a home given{in}?",
        "In which unit do adverts give the floor area of an apartment{in}?",
        "In which unit do people say how big their home is{in_ours}?",
    ),
}

CLOCK_CHANGES = {
    "last-6-3": "on the last Sunday of March",
    "2-6-3": "on the second Sunday of March",
    "last-4-4": "on the last Friday of April",
    "1-6-10": "on the first Sunday of October",
    "last-6-9": "on the last Sunday of September",
    "last-6-10": "on the last Sunday of October",
    "1-6-11": "on the first Sunday of November",
    "last-3-10": "on the last Thursday of October",
    "1-6-4": "on the first Sunday of April",
    "never": "never, the time stays the same",
}

TIMES = {
    "15:30": "half past three in the afternoon",
    "20:15": "a quarter past eight in the evening",
    "18:45": "a quarter to seven in the evening",
}
