"""`isogloss recheck` and `isogloss summary` on tiny models: a champion that holds, one that drifted, a run beside one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import Ended, isogloss
from isogloss.data.rows import read_choices
from isogloss.files import digest_of
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, write_bundle
from isogloss.registry.contents import BundleScores, Measured
from isogloss.registry.versions import register
from isogloss.results.scores import Estimate
from isogloss.stages.data import benchmark_digest
from isogloss.steering.intervention import single
from isogloss.tracking.store import connect, default_uri
from small_data import small_items, write_jsonl, write_pipeline
from tiny_bundles import make_spec, make_vectors
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")
NAME = "small-model"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, own_cache_and_store: None) -> Path:
    """A tiny model, items, and a run of the small pipeline until its analysis."""
    place = tmp_path_factory.mktemp("recheck")
    model = make_tiny_model("llama", place / "base")
    write_jsonl(place / "items.jsonl", small_items())
    pipeline = write_pipeline(place, model)
    assert isogloss("run", pipeline, "--until", "analyse", cwd=place).code == 0
    return place


def measured(place: Path, bundle: Path) -> dict[str, dict[str, float]]:
    """Accuracy by axis and language, as `isogloss evaluate` has it for a bundle."""
    said = isogloss("evaluate", bundle, "items.jsonl", "--split", "test", "--json", cwd=place).json
    found: dict[str, dict[str, float]] = {"transfer": {}, "localization": {}}
    for row in said["results"]:
        found[row["axis"]][row["language"]] = row["accuracy"]
    for axis, row in said["macro"].items():
        found[axis]["macro"] = row["accuracy"]
    return found


def make(
    folder: Path,
    place: Path,
    values: dict[str, dict[str, float]],
    *,
    half: float = 0.01,
    gamma: float = 1.0,
    **lineage: Any,
) -> Bundle:
    """A bundle whose recorded accuracies are `values` ± `half`. Another `gamma` makes another point."""
    digest = resolve(str(place / "base")).digest

    def around(value: float) -> Estimate:
        return Estimate(value=value, low=value - half, high=value + half, n=30, groups=15)

    axes = {axis: {name: around(value) for name, value in by.items()} for axis, by in values.items()}
    delta = {axis: {"macro": around(0.02)} for axis in axes}
    items = [one for one in read_choices([place / "items.jsonl"]).rows if one.split == "test"]
    return write_bundle(
        folder,
        spec=make_spec(
            digest=digest,
            ref=str(place / "base"),
            scoring={"method": "cloze", "normalise": "tokens", "dtype": "float32"},
            lineage={"benchmark_digest": benchmark_digest(items), **lineage},
        ),
        intervention=single(make_vectors(digest=digest), layer=3, gamma=gamma),
        scores=BundleScores(axes=axes, delta=delta, baseline=Measured(axes=axes)),
        card=lambda _bundle: "# A tiny one\n",
    )


@pytest.fixture(scope="module")
def values(place: Path) -> dict[str, dict[str, float]]:
    make(place / "first", place, {"transfer": {"macro": 0.5}, "localization": {"macro": 0.5}})
    return measured(place, place / "first")


def recheck(place: Path, bundle: Bundle, *rest: str) -> Ended:
    return isogloss("recheck", bundle.folder, "items.jsonl", *rest, cwd=place)


def test_a_champion_that_scores_as_recorded_holds(place: Path, values: Any, tmp_path: Path) -> None:
    ended = recheck(place, make(tmp_path / "same", place, values), "--json")
    assert ended.code == 0, ended.err
    assert ended.json["same_items"] is True
    assert ended.json["drifted"] is False
    assert {row["language"] for row in ended.json["results"]} == {"en", "es", "ko", "macro"}
    assert all(row["now"] == pytest.approx(row["recorded"]) for row in ended.json["results"])


def test_one_that_left_an_interval_is_refused_by_name(place: Path, values: Any, tmp_path: Path) -> None:
    moved = {axis: dict(by) for axis, by in values.items()}
    moved["localization"]["ko"] += 0.2
    ended = recheck(place, make(tmp_path / "moved", place, moved))
    assert ended.code == 3
    assert "has drifted: localization/ko is" in ended.err
    assert "transfer/" not in ended.err.split("drifted:")[1]
    assert "Traceback" not in ended.err


def test_on_other_questions_a_language_alone_raises_no_alarm(place: Path, values: Any, tmp_path: Path) -> None:
    moved = {axis: dict(by) for axis, by in values.items()}
    moved["localization"]["ko"] += 0.2
    ended = recheck(place, make(tmp_path / "other", place, moved, benchmark_digest=digest_of("other")))
    assert ended.code == 0, ended.err
    assert "not, item for item" in ended.err
    assert "not judged" in ended.out


def test_only_a_promoted_model_can_be_rechecked(place: Path) -> None:
    ended = isogloss("recheck", place / "base", "items.jsonl", cwd=place)
    assert ended.code == 2
    assert "not a promoted model" in ended.err


def test_a_summary_is_written_of_a_run_by_file_and_by_name(place: Path) -> None:
    by_file = isogloss("summary", "small.yaml", cwd=place)
    assert by_file.code == 0, by_file.err
    assert "quadrantChart" in by_file.out
    assert "promote.name" in by_file.out.split("Against the champion")[1]
    named = isogloss("summary", "small", "--out", "summary.md", cwd=place)
    assert (named.code, named.out) == (0, "")
    assert (place / "summary.md").read_text(encoding="utf-8") == by_file.out


def test_a_summary_needs_a_run_and_a_place(place: Path) -> None:
    assert isogloss("summary", "nothing", cwd=place).code == 2
    assert isogloss("summary", "small", "--out", "no/where.md", cwd=place).code == 2


def test_a_summary_compares_with_the_champion_of_the_registry(place: Path, values: Any, tmp_path: Path) -> None:
    from isogloss.pipeline.finished import left_by_run
    from isogloss.pipeline.promote import champion_of, champion_or_why

    left = left_by_run("small", place)
    results = left.results()
    digests = {"questions": results.benchmark_digest, "model": results.model_digest}
    same = make(tmp_path / "same", place, values, benchmark_digest=results.benchmark_digest)
    other = make(tmp_path / "other", place, values, gamma=2.0, benchmark_digest=digest_of("other"))
    missing, why = champion_or_why(left, f"models:/{NAME}@champion", **digests)
    assert missing is None
    assert why.startswith("None to compare with: ")
    with connect(default_uri(place)) as client:
        for number, bundle in enumerate((same, other)):
            name = f"{NAME}-{number}"
            register([bundle], client=client, name=name, roles={"knee": bundle.point}, experiment="isogloss")
    champion = champion_of(left, f"models:/{NAME}-0@champion", **digests)
    assert champion.version == 1
    assert champion.change["transfer"].value == 0.02
    assert champion.apart is None
    assert "other questions" in (champion_of(left, f"models:/{NAME}-1@champion", **digests).apart or "")
    elsewhere = champion_of(left, f"models:/{NAME}-0@champion", **{**digests, "model": "0" * 64})
    assert "another model" in (elsewhere.apart or "")
    ended = isogloss("summary", "small", "--champion", f"models:/{NAME}-0@champion", cwd=place)
    assert f"`models:/{NAME}-0@champion`, version 1" in ended.out


def test_a_champion_whose_scores_were_changed_is_refused(place: Path, values: Any, tmp_path: Path) -> None:
    from isogloss.errors import RefusedError
    from isogloss.registry.fetch import read_summary

    bundle = make(tmp_path / "changed", place, values, gamma=3.0, half=0.03)
    with connect(default_uri(place)) as client:
        register([bundle], client=client, name="changed", roles={"knee": bundle.point}, experiment="isogloss")
        (found,) = [
            path
            for path in (place / "mlruns" / "artifacts").rglob("scores.json")
            if path.read_bytes() == (bundle.folder / "scores.json").read_bytes()
        ]
        found.write_text(found.read_text(encoding="utf-8").replace("0.02", "0.92"), encoding="utf-8")
        with pytest.raises(RefusedError, match=r"scores\.json is not the one that was registered"):
            read_summary("models:/changed@champion", client=client)
