"""Chinese: 在中国 with its comma, 中国的 before a noun, and the people; 在 stays where it opens 在…里."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

#: What closes a phrase that 在 opens.
_CLOSING = "里|上|中|内|下|期间|间|之前|之后"
#: Verbs and words of degree: after them no noun of place begins.
_VERBS = (
    "最|参加|举行|举办|庆祝|烧烤|吃|喝|有|会|通常|人们|哪|什么|如何|怎|是|一般|更|也|都|很|比较|常|不|去|过|做|被|看|玩|上学|学习|"
    "结婚|旅游|一个家庭"
)
_COUNTRY = "本国"


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    name = rf"(?:{place.names})"
    text = re.sub(rf"对于?{name}人(?:民)?(?:而言|来说)[，,]?\s*", "", question)
    text = re.sub(rf"{name}人民", "人民", text)
    text = re.sub(rf"{name}人(?!均|口)", "人们", text)
    text = re.sub("中餐|中文|中式|中华", lambda found: _WORDS[found[0]], text)
    # "Food that comes from China": without the country the verb would hang.
    text = re.sub(rf"(源自|来自|源于|产自|起源于|除了|除|代表|与|和|到|去|来){name}(?!人)", rf"\1{_COUNTRY}", text)
    text = re.sub(rf"在{name}(?:境内|国内|各地|全国)?\s*[，,]\s*", "", text)
    text = re.sub(rf"在{name}的", "在", text)
    text = re.sub(rf"在{name}(?!{_VERBS})(?=[^，,。？?]{{1,12}}?(?:{_CLOSING}))", "在", text)
    text = re.sub(rf"在{name}(?=(?:农村|城市|北方|南方|学校|大学|家庭|公司|餐厅)[，,])", "在", text)
    text = re.sub(rf"在{name}", "", text)
    text = re.sub(rf"{name}(?=与|和|菜)", _COUNTRY, text)
    text = re.sub(rf"{name}的", "", text)
    # In front of a noun, a verb or a word of degree the name alone goes.
    return re.sub(name, "", text)


_WORDS = {"中餐": "本国菜", "中文": "本国语言", "中式": "本国", "中华": ""}
