"""Scoring speed and agreement, side by side in one run: `python benchmarks/scoring.py [MODEL]`.

Naive: one forward per option, all logits, batch of one. Ours: separate rows, options packed behind their prompt, bfloat16,
and a sweep over layers that shares the layers below the steered one against the same sweep in full forwards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from isogloss.data.benchmark.benchmark import build_benchmark
from isogloss.data.rows import ChoiceItem
from isogloss.models.load import load_model
from isogloss.scoring.prompts import continuations_of, encode_continuation, prompt_of
from isogloss.scoring.score import BASELINE, Pass, ScoreSettings, score_items
from isogloss.stages.data import take
from isogloss.stages.parallel import steered_pass
from isogloss.steering.extract import extract_vectors, loc_pairs, take_pairs
from isogloss.steering.intervention import single

SETTINGS = ScoreSettings(normalise="none")


@torch.inference_mode()
def naive(model: Any, tokenizer: Any, items: list[ChoiceItem]) -> list[list[float]]:
    """Log-likelihood of each option by the model's own full logits, one sequence at a time."""
    table = []
    for item in items:
        prompt = prompt_of(item, "cloze")
        prefix = tokenizer.encode(prompt)
        row = []
        for text in continuations_of(item, "cloze"):
            tokens = encode_continuation(tokenizer, prompt, prefix, text)
            logits = model(input_ids=torch.tensor([prefix + tokens])).logits[0, len(prefix) - 1 : -1].float()
            row.append(float(logits.log_softmax(-1)[range(len(tokens)), tokens].sum()))
        table.append(row)
    return table


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """(result, seconds)."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def main(ref: str = "embedded") -> None:
    """Print one line a way of scoring: seconds, speed against naive, agreement with naive."""
    items = take([item for item in build_benchmark(seed=0) if item.split == "dev2"], limit=10, seed=0)
    full = load_model(ref)
    reference, base = timed(lambda: naive(full.model, full.tokenizer, items))
    print(f"{len(items)} items, {torch.get_num_threads()} threads\n{'naive float32':<28}{base:8.1f} s   1.0 ×")

    def compare(name: str, loaded: Any, settings: ScoreSettings) -> None:
        score = lambda: score_items(loaded.model, loaded.tokenizer, items, settings=settings)["baseline"]  # noqa: E731
        scores, seconds = timed(score)
        apart = max(
            abs(a - b)
            for one, row in zip(scores, reference, strict=True)
            for a, b in zip(one.option_scores, row, strict=True)
        )
        same = sum(one.picked == row.index(max(row)) for one, row in zip(scores, reference, strict=True)) / len(items)
        print(
            f"{name:<28}{seconds:8.1f} s {base / seconds:5.1f} ×   largest difference {apart:.1e}, same pick {same:.1%}"
        )

    compare("separate rows, float32", full, ScoreSettings(normalise="none", packing="separate"))
    compare("packed rows, float32", full, SETTINGS)
    compare("packed rows, bfloat16", load_model(ref, dtype="bfloat16"), SETTINGS)

    pairs = take_pairs(loc_pairs(items, lambda item, question: prompt_of(item, "cloze", question=question)), most=5)
    vectors = extract_vectors(
        full.model, full.tokenizer, pairs, kind="loc", model_name=ref, model_digest=full.digest, scoring="cloze"
    )
    few = items[::6]
    layers = range(1, full.num_layers + 1)
    shared = [steered_pass(full, f"{layer}", single(vectors, layer=layer, gamma=1.0)) for layer in layers]
    whole = [Pass(name=one.name, context=one.context, first_layer=1) for one in shared]

    def sweep(passes: list[Pass]) -> Any:
        return score_items(full.model, full.tokenizer, few, settings=SETTINGS, passes=[BASELINE, *passes])

    ours, fast = timed(lambda: sweep(shared))
    theirs, slow = timed(lambda: sweep(whole))
    apart = max(
        abs(a - b)
        for name in ours
        for one, other in zip(ours[name], theirs[name], strict=True)
        for a, b in zip(one.option_scores, other.option_scores, strict=True)
    )
    print(f"{'sweep, full forwards':<28}{slow:8.1f} s   1.0 ×")
    print(f"{'sweep, shared lower layers':<28}{fast:8.1f} s {slow / fast:5.1f} ×   largest difference {apart:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
