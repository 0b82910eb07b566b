"""The `evaluate` modules: loaded by path offline, alone and combined, equal to the library's own statistics."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import UserError
from isogloss.results.scores import ItemScore
from isogloss.scoring import statistics
from isogloss.scoring.metrics import columns as metrics


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The `evaluate` package, offline, with its caches in a folder of the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_EVALUATE_OFFLINE", "1")
        import evaluate

        cache = tmp_path_factory.mktemp("evaluate")
        patch.setattr(evaluate.config, "HF_EVALUATE_OFFLINE", True)
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", cache / "metrics")
        yield evaluate


@pytest.fixture(scope="module")
def columns() -> dict[str, list[Any]]:
    rng = random.Random(0)
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "predictions",
            "references",
            "groups",
            "languages",
            "axes",
            "baseline_predictions",
            "english_options",
        )
    }
    for axis in ("transfer", "localization"):
        for language in ("en", "ko", "es"):
            for group in range(25):
                answer = rng.randrange(4)
                localized = axis == "localization" and language != "en" and group % 2
                rows["predictions"].append(rng.choice([answer, rng.randrange(4)]))
                rows["references"].append(answer)
                rows["groups"].append(f"{axis}-{group}")
                rows["languages"].append(language)
                rows["axes"].append(axis)
                rows["baseline_predictions"].append(rng.randrange(4))
                rows["english_options"].append([(answer + 1) % 4, (answer + 2) % 4] if localized else [])
    return rows


@pytest.fixture(scope="module")
def items(columns: dict[str, list[Any]]) -> dict[str, list[ItemScore]]:
    """The same rows as item scores, `after` and `before`."""

    def scored(picks: list[int]) -> list[ItemScore]:
        return [
            ItemScore(
                id=str(row),
                group=columns["groups"][row],
                language=columns["languages"][row],
                axis=columns["axes"][row],
                answer=columns["references"][row],
                picked=picked,
                english=picked in english if (english := columns["english_options"][row]) else None,
                option_scores=(),
            )
            for row, picked in enumerate(picks)
        ]

    return {"after": scored(columns["predictions"]), "before": scored(columns["baseline_predictions"])}


SHARED = ("predictions", "references", "groups", "languages", "axes")


def of_axis(items: list[ItemScore], axis: str) -> list[ItemScore]:
    return [item for item in items if item.axis == axis]


def assert_equals(found: dict[str, Any], name: str, estimates: dict[str, Any]) -> None:
    for language, estimate in estimates.items():
        key = f"{name}/{language}"
        assert (found[key], found[f"{key}/low"], found[f"{key}/high"]) == (estimate.value, estimate.low, estimate.high)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("accuracy_by_language", ()),
        ("english_bias", ("english_options",)),
        ("transfer_delta", ("baseline_predictions",)),
        ("localization_delta", ("baseline_predictions",)),
    ],
)
def test_each_module_needs_only_the_shared_columns_and_its_own(
    evaluate: Any, columns: dict[str, list[Any]], items: dict[str, list[ItemScore]], name: str, own: tuple[str, ...]
) -> None:
    module = evaluate.load(metrics.path(name))
    found = module.compute(**{column: columns[column] for column in (*SHARED, *own)})
    after, before = items["after"], items["before"]
    expected = {
        "accuracy_by_language": {
            "transfer/acc": statistics.accuracies(of_axis(after, "transfer")),
            "localization/acc": statistics.accuracies(of_axis(after, "localization")),
        },
        "english_bias": {"bias/english": statistics.bias_rates(of_axis(after, "localization"))},
        "transfer_delta": {
            "plane/transfer": statistics.differences(of_axis(after, "transfer"), of_axis(before, "transfer"))
        },
        "localization_delta": {
            "plane/localization": statistics.differences(
                of_axis(after, "localization"), of_axis(before, "localization")
            )
        },
    }[name]
    assert len(found) == 3 * sum(len(estimates) for estimates in expected.values())
    for key, estimates in expected.items():
        assert_equals(found, key, estimates)


def test_all_four_combine_in_one_call(
    evaluate: Any, columns: dict[str, list[Any]], items: dict[str, list[ItemScore]]
) -> None:
    combined = evaluate.combine([metrics.path(name) for name in metrics.NAMES])
    found = combined.compute(**columns, seed=3)
    assert_equals(found, "transfer/acc", statistics.accuracies(of_axis(items["after"], "transfer"), seed=3))
    assert_equals(
        found,
        "plane/localization",
        statistics.differences(
            of_axis(items["after"], "localization"), of_axis(items["before"], "localization"), seed=3
        ),
    )
    assert {"bias/english/macro", "plane/transfer/macro"} <= found.keys()
    assert "bias/english/en" not in found


def test_batches_give_what_one_call_gives(evaluate: Any, columns: dict[str, list[Any]]) -> None:
    combined = evaluate.combine([metrics.path(name) for name in metrics.NAMES])
    for start in range(0, len(columns["predictions"]), 40):
        combined.add_batch(**{name: column[start : start + 40] for name, column in columns.items()})
    in_batches = combined.compute()
    assert in_batches == combined.compute(**columns)


def test_an_input_that_no_metric_takes_is_refused(evaluate: Any, columns: dict[str, list[Any]]) -> None:
    module = evaluate.load(metrics.path("accuracy_by_language"))
    with pytest.raises(UserError, match=r"'baseline_prediction'.*did you mean 'baseline_predictions'"):
        module.compute(**{name: columns[name] for name in SHARED}, baseline_prediction=[])


def test_an_unknown_axis_is_refused(evaluate: Any, columns: dict[str, list[Any]]) -> None:
    module = evaluate.load(metrics.path("accuracy_by_language"))
    wrong = {name: columns[name] for name in SHARED} | {"axes": ["transfers"] * len(columns["axes"])}
    with pytest.raises(UserError, match="did you mean 'transfer'"):
        module.compute(**wrong)


def test_path_names_a_folder_and_refuses_what_is_not_there() -> None:
    for name in metrics.NAMES:
        assert (Path(metrics.path(name)) / f"{name}.py").is_file()
    with pytest.raises(UserError, match="did you mean 'english_bias'"):
        metrics.path("english_bia")
