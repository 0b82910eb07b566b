from __future__ import annotations

import pytest

from isogloss.data.facts.particles import final_consonant, with_li, with_particle


@pytest.mark.parametrize(
    ("word", "pair", "joined"),
    [
        ("한국", "은/는", "한국은"),
        ("프랑스", "은/는", "프랑스는"),
        ("서울", "이/가", "서울이"),
        ("도쿄", "을/를", "도쿄를"),
        ("몽골", "과/와", "몽골과"),
        ("서울", "으로/로", "서울로"),
        ("부산", "으로/로", "부산으로"),
        ("도쿄", "으로/로", "도쿄로"),
        ("+82", "은/는", "+82는"),
        ("+81", "은/는", "+81은"),
        ("+81", "으로/로", "+81로"),
        ("+30", "이/가", "+30이"),
        ("+33", "을/를", "+33을"),
        ("+46", "을/를", "+46을"),
        (".kr", "은/는", ".kr는"),
        ("USD", "은/는", "USD는"),
        ("KRW", "이/가", "KRW가"),
        ("BRL", "은/는", "BRL은"),
        ("BRL", "으로/로", "BRL로"),
        ("Berlin", "은/는", "Berlin은"),
        ("Oslo", "은/는", "Oslo는"),
        ("콩고(킨샤사)", "은/는", "콩고(킨샤사)는"),
        ("‘서울’", "이/가", "‘서울’이"),
    ],
)
def test_particle_follows_the_last_sound(word: str, pair: str, joined: str) -> None:
    assert with_particle(word, pair) == joined


def test_nothing_to_read_counts_as_open() -> None:
    assert final_consonant("") == ""
    assert final_consonant("()") == ""


@pytest.mark.parametrize(
    ("word", "joined"), [("فرنسا", "لفرنسا"), ("اليابان", "لليابان"), ("ألمانيا", "لألمانيا"), ("اللغة", "للغة")]
)
def test_arabic_preposition_meets_the_article(word: str, joined: str) -> None:
    assert with_li(word) == joined
