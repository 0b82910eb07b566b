"""Spanish wording of the localized kinds."""

SLOTS = {
    "in": ("", " en España"),
    "here": (" aquí", " en España"),
    "in_ours": (" en nuestro país", " en España"),
    "of_ours": (" de nuestro país", " de España"),
    "ours": ("nuestro país", "España"),
}

QUESTIONS = {
    "currency": (
        "¿Cuál es la moneda nacional{in}?",
        "¿Cómo se llama el dinero que se usa{in}?",
        "¿Con qué moneda se paga{in_ours}?",
    ),
    "currency-symbol": (
        "¿Cuál es el símbolo de la moneda{in}?",
        "¿Qué símbolo acompaña a los precios en las tiendas{in}?",
        "¿Qué signo se usa para el dinero{in_ours}?",
    ),
    "currency-code": (
        "¿Cuál es el código ISO de tres letras de la moneda{in}?",
        "¿Qué código ISO 4217 tiene la moneda nacional{in}?",
        "¿Con qué código de tres letras identifican los bancos la moneda{of_ours}?",
    ),
    "currency-number": (
        "¿Cuál es el número ISO 4217 de tres cifras de la moneda{in}?",
        "¿Qué código ISO numérico tiene la moneda nacional{in}?",
        "¿Con qué número de tres cifras identifican los bancos la moneda{of_ours}?",
    ),
    "price": (
        "¿Cuál de estos parece un precio de una tienda{in}?",
        "¿Cuál de estos importes está escrito como suelen escribirse los precios{in}?",
        "¿Cómo se suelen escribir los precios{in_ours}?",
    ),
    "capital": (
        "¿Cuál es la capital{of_ours}?",
        "¿Qué ciudad es la capital{of_ours}?",
        "¿En qué ciudad tiene su sede el Gobierno nacional{in}?",
    ),
    "calling-code": (
        "¿Cuál es el prefijo telefónico internacional{of_ours}?",
        "¿Qué código de país se marca desde el extranjero para llamar a alguien{here}?",
        "¿Por qué cifras empieza un número de teléfono escrito con el código de país{of_ours}?",
    ),
    "emergency": (
        "¿Cuál de estos es un número de teléfono de emergencias{in}?",
        "¿A qué número se puede llamar en caso de emergencia{in}?",
        "Necesitas ayuda urgente{in_ours}. ¿Cuál de estos números marcas?",
    ),
    "international-prefix": (
        "¿Qué cifras se marcan primero para llamar al extranjero desde un teléfono fijo{in}?",
        "¿Cuál es el prefijo de salida internacional{in}?",
        "¿Con qué prefijo empieza una llamada a otro país desde un teléfono fijo{in_ours}?",
    ),
    "mobile-number": (
        "¿Cuál de estos parece un número de teléfono móvil{in}?",
        "¿Cuál de estos está escrito como un número de móvil{in}?",
        "¿Qué aspecto tiene un número de móvil{in_ours}?",
    ),
    "landline-number": (
        "¿Cuál de estos parece un número de teléfono fijo{in}?",
        "¿Cuál de estos está escrito como el teléfono fijo de una casa{in}?",
        "¿Qué aspecto tiene un número de teléfono fijo{in_ours}?",
    ),
    "toll-free-number": (
        "¿Cuál de estos parece un número de teléfono gratuito{in}?",
        "¿A cuál de estos números se podría llamar gratis{in}?",
        "¿Qué aspecto tiene un número de llamada gratuita{in_ours}?",
    ),
    "number-length": (
        "¿Cuántas cifras tiene un número de móvil{in}?",
        "¿Cuántas cifras se marcan para llamar a un móvil{in}?",
        "¿Qué longitud tiene, en cifras, un número de móvil{in_ours}?",
    ),
    "area-code": (
        "¿Cuál es el prefijo telefónico de la capital{of_ours}?",
        "¿Qué prefijo tienen los teléfonos fijos de la capital{of_ours}?",
        "¿Por qué cifras empieza un teléfono fijo de la capital{of_ours}?",
    ),
    "holiday-date": (
        "¿Cuál de estas fechas es festivo todos los años{in}?",
        "¿En cuál de estos días cierran los bancos y las oficinas por ser festivo{in}?",
        "¿Cuál de estas fechas es fiesta nacional{in_ours}?",
    ),
    "holiday-name": (
        "¿Cuál de estos días es festivo en todo el país{in}?",
        "¿En cuál de estas ocasiones todo el mundo tiene el día libre{in}?",
        "¿Cuál de estas fiestas es oficial a nivel nacional{in_ours}?",
    ),
    "national-day": (
        "¿En qué fecha es la fiesta nacional{of_ours}?",
        "¿Qué día se celebra la fiesta nacional{in}?",
        "¿Cuándo es el día de la fiesta nacional{in}?",
    ),
    "weekend": (
        "¿Qué días forman el fin de semana{in}?",
        "¿Cuándo es el fin de semana{in}?",
        "¿Qué días de la semana son de descanso semanal{in_ours}?",
    ),
    "first-weekday": (
        "¿Por qué día empieza la semana en los calendarios{in}?",
        "¿Cuál es el primer día de la semana en un calendario{in}?",
        "¿Con qué día comienza la semana{in_ours}?",
    ),
    "decimal-mark": (
        "¿Cómo se suele escribir la fracción {number} como número decimal{in}?",
        "¿Qué aspecto tiene {number} escrito como número decimal{in}?",
        "¿Cómo escribe la gente {number} en forma decimal{in_ours}?",
    ),
    "thousands-separator": (
        "¿Cómo se suele escribir el número {number} con las cifras agrupadas{in}?",
        "¿Qué aspecto tiene {number} con separadores de millares{in}?",
        "¿Cómo separa la gente los millares en {number}{in_ours}?",
    ),
    "date-format": (
        "¿Cómo se suele escribir en cifras el {date}{in}?",
        "¿Qué aspecto tiene el {date} como fecha numérica{in}?",
        "¿Cómo escribe la gente el {date} usando solo números{in_ours}?",
    ),
    "date-reading": (
        "¿Qué día suele significar la fecha {date}{in}?",
        "Un formulario{in} lleva la fecha {date}. ¿De qué día se trata?",
        "¿Cómo lee la gente la fecha {date}{in_ours}?",
    ),
    "clock": (
        "¿Cómo se suelen escribir en cifras {time}{in}?",
        "¿Cómo aparecen {time} en un horario de trenes{in}?",
        "¿Cómo escribe la gente en cifras {time}{in_ours}?",
    ),
    "utc-offset": (
        "¿Cuál es la hora oficial de invierno en la capital{of_ours} respecto a UTC?",
        "¿Cuántas horas se diferencia de UTC la hora de invierno de la capital{of_ours}?",
        "¿Qué huso respecto a UTC siguen en invierno los relojes de la capital{of_ours}?",
    ),
    "time-zone-id": (
        "¿Qué zona horaria usa un ordenador para la capital{of_ours}?",
        "¿Cómo se llama en la base de datos tz la zona horaria de la capital{of_ours}?",
        "¿Qué zona de la base de datos tz hay que poner en un servidor con la hora de la capital{of_ours}?",
    ),
    "time-difference": (
        "Cuando en {city} son las {time} de un día de enero, ¿qué hora es en la capital{of_ours}?",
        "En enero, los relojes de {city} marcan las {time}. ¿Qué hora marcan en la capital{of_ours}?",
        "Una llamada desde {city} está fijada en enero para las {time}. ¿Qué hora será en la capital{of_ours}?",
    ),
    "clocks-forward": (
        "¿Cuándo se adelantan los relojes{in}?",
        "¿Qué día empieza el horario de verano{in}?",
        "¿Cuándo se adelanta una hora el reloj{in_ours}?",
    ),
    "clocks-back": (
        "¿Cuándo se atrasan los relojes{in}?",
        "¿Qué día termina el horario de verano{in}?",
        "¿Cuándo se atrasa una hora el reloj{in_ours}?",
    ),
    "neighbour": (
        "¿Cuál de estos países tiene frontera terrestre con {ours}?",
        "¿Cuál de estos países es vecino{of_ours}?",
        "¿Con cuál de estos países comparte {ours} una frontera terrestre?",
    ),
    "city": (
        "¿Cuál de estas ciudades está{in_ours}?",
        "¿A cuál de estas ciudades se puede ir sin salir{of_ours}?",
        "¿Cuál de estas es una gran ciudad{of_ours}?",
    ),
    "largest-city": (
        "¿Cuál es la ciudad más grande{of_ours}?",
        "¿Qué ciudad tiene más habitantes{in_ours}?",
        "¿Cuál es la ciudad más poblada{of_ours}?",
    ),
    "continent": (
        "¿En qué continente está {ours}?",
        "¿A qué continente pertenece {ours}?",
        "¿En qué parte del mundo se encuentra {ours}?",
    ),
    "area": (
        "¿Qué superficie tiene {ours}, aproximadamente?",
        "¿Cuál es, más o menos, la extensión{of_ours}?",
        "¿Cuántos kilómetros cuadrados ocupa {ours}, aproximadamente?",
    ),
    "population": (
        "¿Cuántas personas viven{in_ours}, aproximadamente?",
        "¿Cuál es, más o menos, la población{of_ours}?",
        "¿Cuántos habitantes tiene {ours}, aproximadamente?",
    ),
    "domain": (
        "¿Cuál es el dominio nacional de internet{of_ours}?",
        "¿Qué dominio de país usan las páginas web{in_ours}?",
        "¿En qué terminan las direcciones de internet con el dominio propio{of_ours}?",
    ),
    "country-code-2": (
        "¿Cuál es el código ISO de dos letras{of_ours}?",
        "¿Qué dos letras representan a {ours} en la norma ISO 3166?",
        "¿Con qué código de país de dos letras se identifica a {ours}?",
    ),
    "country-code-3": (
        "¿Cuál es el código ISO de tres letras{of_ours}?",
        "¿Qué tres letras representan a {ours} en la norma ISO 3166?",
        "¿Con qué código de país de tres letras se identifica a {ours}?",
    ),
    "country-number": (
        "¿Cuál es el código ISO numérico{of_ours}?",
        "¿Qué tres cifras representan a {ours} en la norma ISO 3166?",
        "¿Con qué número de tres cifras se identifica a {ours} en la norma ISO 3166?",
    ),
    "official-language": (
        "¿Cuál es el idioma oficial{of_ours}?",
        "¿Qué lengua es oficial en todo el territorio{of_ours}?",
        "¿En qué idioma se publican las leyes estatales{in_ours}?",
    ),
    "regional-language": (
        "¿Cuál de estas lenguas es propia de una parte{of_ours}?",
        "¿Cuál de estas lenguas habla tradicionalmente una comunidad{in_ours}?",
        "¿Cuál de estas es una lengua regional{in_ours}?",
    ),
    "postcode": (
        "¿Cuál de estos parece un código postal{in}?",
        "¿Cuál de estos podría ser el código postal de una dirección{in}?",
        "¿Qué aspecto tiene un código postal{in_ours}?",
    ),
    "paper-size": (
        "¿Qué tamaño de papel se usa normalmente en las impresoras{in}?",
        "¿En qué tamaño de papel se imprimen los documentos de oficina{in}?",
        "¿Qué tamaño tiene una hoja de papel corriente{in_ours}?",
    ),
    "temperature": (
        "¿Cuál de estas temperaturas podría aparecer en un pronóstico del tiempo{in}?",
        "¿Cuál de estas temperaturas está escrita como en los partes meteorológicos{in}?",
        "¿Cómo se suele indicar la temperatura del aire{in_ours}?",
    ),
    "temperature-unit": (
        "¿En qué unidad se da la temperatura en el pronóstico del tiempo{in}?",
        "¿Qué unidad de temperatura se usa en la vida diaria{in}?",
        "¿En qué unidad se dice qué temperatura hace{in_ours}?",
    ),
    "road-distance-unit": (
        "¿En qué unidad indican las distancias las señales de tráfico{in}?",
        "¿En qué unidad se da la distancia por carretera entre dos ciudades{in}?",
        "¿En qué unidad cuentan los conductores la longitud de un viaje{in_ours}?",
    ),
    "speed-unit": (
        "¿En qué unidad se dan los límites de velocidad{in}?",
        "¿En qué unidad marca la velocidad el velocímetro de un coche{in}?",
        "¿En qué unidad se dice a qué velocidad va un coche{in_ours}?",
    ),
    "wind-speed-unit": (
        "¿En qué unidad se da la velocidad del viento en el pronóstico del tiempo{in}?",
        "¿Qué unidad es habitual para la velocidad del viento{in}?",
        "¿En qué unidad dicen los partes meteorológicos con qué fuerza sopla el viento{in_ours}?",
    ),
    "height-unit": (
        "¿En qué unidades se da la estatura de una persona{in}?",
        "¿Qué unidades se usan para decir cuánto mide alguien{in}?",
        "¿En qué unidades dice la gente su altura{in_ours}?",
    ),
    "body-weight-unit": (
        "¿En qué se mide el peso de una persona{in}?",
        "¿En qué unidades se da el peso de una persona{in}?",
        "¿En qué unidades marca el peso una báscula de baño{in_ours}?",
    ),
    "floor-area-unit": (
        "¿En qué unidad se da la superficie de una vivienda{in}?",
        "¿En qué unidad indican los anuncios el tamaño de un piso{in}?",
        "¿En qué unidad se dice lo grande que es una casa{in_ours}?",
    ),
}

CLOCK_CHANGES = {
    "last-6-3": "el último domingo de marzo",
    "2-6-3": "el segundo domingo de marzo",
    "last-4-4": "el último viernes de abril",
    "1-6-10": "el primer domingo de octubre",
    "last-6-9": "el último domingo de septiembre",
    "last-6-10": "el último domingo de octubre",
    "1-6-11": "el primer domingo de noviembre",
    "last-3-10": "el último jueves de octubre",
    "1-6-4": "el primer domingo de abril",
    "never": "nunca, la hora no se cambia",
}

TIMES = {
    "15:30": "las tres y media de la tarde",
    "20:15": "las ocho y cuarto de la tarde",
    "18:45": "las siete menos cuarto de la tarde",
}
