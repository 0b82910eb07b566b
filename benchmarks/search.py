"""Trials a minute of a search, side by side in one run: `python benchmarks/search.py [--items N] [--trials N] [--threads N]`.

The same random points of the default ranges, scored by the trial scorer, by full evaluations (`score_items`), by full
evaluations with the scorer's matrix products (which tells what is algorithm and what is kernel), and by lm-eval in the
same process, steered by the same context, for the first `--lm-eval` points. The sides take turns, so that a busy machine is
busy for all. Loading the model, extracting the vectors and making lm-eval's tasks are not counted; making the scorer is
shown apart. Asserts that the scores agree.

lm-eval is needed for its side alone: pip install lm-eval==0.4.13
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from random import Random
from typing import Any

import torch

from isogloss.data.benchmark.benchmark import build_benchmark
from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.models.forward import fast_linear
from isogloss.models.load import LoadedModel, load_model
from isogloss.results.scores import ItemScore, Scores
from isogloss.scoring.prompts import continuations_of, prompt_of
from isogloss.scoring.score import ScoreSettings, score_items
from isogloss.scoring.steering_scorer import TrialScorer
from isogloss.stages.data import take
from isogloss.stages.parallel import steered_pass
from isogloss.steering.apply import steer
from isogloss.steering.extract import en_pairs, extract_vectors, loc_pairs, take_pairs
from isogloss.steering.intervention import Intervention, single, surgical
from isogloss.steering.vectors import SteeringVectors

SETTINGS = ScoreSettings(normalise="none")
PAIRS = 20


def vectors_of(loaded: LoadedModel, items: Sequence[ChoiceItem]) -> tuple[SteeringVectors, SteeringVectors]:
    """EN and LOC vectors from a few pairs of dev1: their quality does not matter here."""
    prompt = lambda item, question: prompt_of(item, "cloze", question=question)  # noqa: E731
    en, loc = (
        extract_vectors(
            loaded.model,
            loaded.tokenizer,
            take_pairs(pairs, most=PAIRS),
            kind=kind,  # type: ignore[arg-type]
            model_name=str(loaded.ref),
            model_digest=loaded.digest,
            scoring="cloze",
        )
        for kind, pairs in (("en", en_pairs(items, prompt)), ("loc", loc_pairs(items, prompt)))
    )
    return en, loc


def random_points(en: SteeringVectors, loc: SteeringVectors, *, count: int, seed: int = 0) -> list[Intervention]:
    """EN in the lower two thirds of the layers with γ in 0…1, LOC in the upper two thirds with γ in 0…3."""
    random, layers = Random(seed), en.header.num_layers
    return [
        surgical(
            single(en, layer=random.randint(1, 2 * layers // 3), gamma=random.uniform(0, 1)),
            single(loc, layer=random.randint(layers // 3 + 1, layers), gamma=random.uniform(0, 3)),
        )
        for _ in range(count)
    ]


class Harness:
    """lm-eval's own evaluation of the items: a multiple-choice task a language, because a run is steered as one."""

    def __init__(self, loaded: LoadedModel, items: Sequence[ChoiceItem], *, batch: int) -> None:
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.models.huggingface import HFLM

        self.loaded, self.items = loaded, items
        self.runner = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch)
        self.tasks: dict[str, Any] = {}
        for language in sorted({item.language for item in items}):
            config = {
                "task": f"choices_{language}",
                "custom_dataset": lambda language=language, **_: _documents(items, language),
                "test_split": "test",
                "output_type": "multiple_choice",
                "doc_to_text": "{{prompt}}",
                "doc_to_choice": "options",
                "doc_to_target": "answer",
                "target_delimiter": "",
            }
            self.tasks[language] = ConfigurableTask(config=config)

    def score(self, point: Intervention) -> Scores:
        """All items under `point`."""
        from lm_eval import simple_evaluate

        found: dict[str, ItemScore] = {}
        by_id = {item.id: item for item in self.items}
        for language, task in self.tasks.items():
            with steer(self.loaded.model, point, languages=language, missing="unsteered"):
                results = simple_evaluate(model=self.runner, tasks=[task], bootstrap_iters=0)
            assert results is not None
            for sample in results["samples"][f"choices_{language}"]:
                item = by_id[sample["doc"]["id"]]
                found[item.id] = ItemScore.of(item, [float(one[0]) for one in sample["filtered_resps"]])
        return Scores(condition="lm-eval", items=tuple(found[item.id] for item in self.items))


def _documents(items: Sequence[ChoiceItem], language: str) -> Any:
    from datasets import Dataset

    return {
        "test": Dataset.from_list(
            [
                {
                    "id": item.id,
                    "prompt": prompt_of(item, "cloze"),
                    "options": continuations_of(item, "cloze"),
                    "answer": item.answer,
                }
                for item in items
                if item.language == language
            ]
        )
    }


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Append the wall time of the context."""
    started = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - started)


def apart(ours: Scores, theirs: Scores) -> tuple[float, float]:
    """Largest difference of an option's log-likelihood, relative to it (at least 1), and difference of the mean gold
    probability, which is what a trial is judged by."""
    pairs = list(zip(ours, theirs, strict=True))
    scores = max(
        abs(a - b) / max(1.0, abs(b))
        for one, other in pairs
        for a, b in zip(one.option_scores, other.option_scores, strict=True)
    )
    return scores, abs(sum(one.probability - other.probability for one, other in pairs)) / len(pairs)


def main() -> None:
    """Print one line a side: trials a minute, how the scorer compares, agreement with the full evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20, help="dev2 items a language and axis (six languages)")
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lm-eval", type=int, default=2, help="trials that lm-eval runs too; 0 leaves it out")
    parser.add_argument("--lm-eval-batch", type=int, default=8)
    parser.add_argument("--memory", type=float, default=2.0, help="GiB for kept hidden states")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    loaded = load_model("embedded")
    benchmark = build_benchmark(seed=0)
    en, loc = vectors_of(loaded, [item for item in benchmark if item.split == "dev1"])
    items = [item for item in benchmark if item.split == "dev2" and item.language != ENGLISH]
    items = take(items, limit=options.items, seed=0)
    points = random_points(en, loc, count=options.trials)
    harness = None
    if options.lm_eval and find_spec("lm_eval") is None:
        print("lm-eval is not installed, so its side is left out: pip install lm-eval==0.4.13")
    elif options.lm_eval:
        harness = Harness(loaded, items, batch=options.lm_eval_batch)

    seconds: dict[str, list[float]] = {"making": [], "scorer": [], "full": [], "full, fast": [], "lm-eval": []}
    with timed(seconds["making"]):
        scorer = TrialScorer(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=SETTINGS,
            first_layers=[point.components[0].layer for point in random_points(en, loc, count=500, seed=1)],
            positions="all",
            memory_bytes=int(options.memory * 2**30),
        )
    differences: dict[str, list[tuple[float, float]]] = {name: [] for name in seconds}

    def side(name: str, work: Callable[[], Scores], against: Scores | None) -> Scores:
        with timed(seconds[name]):
            scores = work()
        if against is not None:
            differences[name].append(apart(scores, against))
        return scores

    for number, point in enumerate(points):
        one = steered_pass(loaded, "trial", point)

        def full(one: Any = one) -> Scores:
            return score_items(loaded.model, loaded.tokenizer, items, settings=SETTINGS, passes=[one])["trial"]

        def full_fast() -> Scores:
            with fast_linear():
                return full()

        expected = side("full", full, None)
        side("scorer", lambda one=one: scorer.score(one), expected)  # type: ignore[misc]
        side("full, fast", full_fast, expected)
        if harness is not None and number < options.lm_eval:
            side("lm-eval", lambda point=point: harness.score(point), expected)  # type: ignore[misc]

    threads = torch.get_num_threads()
    print(f"{len(items)} items, {len(points)} trials, {threads} threads; layers kept: {list(scorer.kept_layers)}")
    print(f"making the scorer, once a study: {seconds['making'][0]:.1f} s")
    names = {
        "scorer": "trial scorer",
        "full": "full evaluations",
        "full, fast": "full, the scorer's products",
        "lm-eval": "lm-eval",
    }
    for key, name in names.items():
        if taken := seconds[key]:
            each = sum(taken) / len(taken)
            # Against the scorer's time for the same trials.
            same = each / (sum(seconds["scorer"][: len(taken)]) / len(taken))
            agreement = ""
            if differences[key]:
                score, share = (max(values) for values in zip(*differences[key], strict=True))
                agreement = (
                    f"   apart from full: log-likelihoods {score:.1e} relative, mean gold probability {share:.1e}"
                )
            print(f"{name:<28}{60 / each:7.2f} trials a minute   scorer {same:5.1f} × as fast{agreement}")
    for key, tolerance in (("scorer", 1e-5), ("full, fast", 1e-5), ("lm-eval", 5e-5)):
        for score, share in differences[key]:
            assert max(score, share) <= tolerance, f"{names[key]}: apart by {score:.1e} and {share:.1e}"


if __name__ == "__main__":
    main()
