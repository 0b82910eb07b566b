"""Stage `vectors`: EN and LOC vectors of every language and layer, from the dev1 items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isogloss.methods.job import FINAL
from isogloss.scoring.prompts import prompts_by
from isogloss.spec import PipelineSpec
from isogloss.stages.data import datasets_of
from isogloss.stages.parallel import split_items
from isogloss.stages.stage import Metric, StageOutcome, StageRun
from isogloss.steering.extract import Pair, en_pairs, extract_vectors, loc_pairs, take_pairs
from isogloss.steering.vectors import HEADER, TENSORS, Kind

FOLDERS: dict[Kind, str] = {"en": "en", "loc": "loc"}


def settings(spec: PipelineSpec) -> Any:
    """How pairs are chosen and read."""
    return [spec.vectors.model_dump(), spec.scoring.method]


def pairs_of(data: Path, spec: PipelineSpec) -> dict[Kind, list[Pair]]:
    """The pairs that vectors are taken from: EN of the universal items of dev1, LOC of its localized ones."""
    prompt, most = prompts_by(spec.scoring.method), spec.vectors.pairs
    return {
        "en": take_pairs(en_pairs(split_items(data, "dev1", axis="transfer"), prompt), most=most),
        "loc": take_pairs(loc_pairs(split_items(data, "dev1", axis="localization"), prompt), most=most),
    }


def run(stage: StageRun, *, method: str = "") -> StageOutcome:
    """Extract both kinds: EN from universal items, LOC from localized ones; of a trained model where `method` is given."""
    loaded = stage.model(stage.inputs[f"align-{method}"] / FINAL) if method else stage.model()
    pairs = pairs_of(stage.inputs["data"], stage.spec)
    metrics = []
    for kind, folder in FOLDERS.items():
        chosen = pairs[kind]
        distinct = {text for pair in chosen for text in (pair.towards, pair.away)}
        label = f"{kind.upper()} vectors of {method}" if method else f"{kind.upper()} vectors"
        with stage.progress(len(distinct), label) as advance:
            vectors = extract_vectors(
                loaded.model,
                loaded.tokenizer,
                chosen,
                kind=kind,
                model_name=method or stage.base_ref,
                model_digest=loaded.digest,
                scoring=stage.spec.scoring.method,
                token=stage.spec.vectors.token,
                token_budget=stage.spec.compute.token_budget,
                progress=advance,
            )
        vectors.save(stage.out / folder)
        header = vectors.header
        for language, norms in header.norms.items():
            for layer, (norm, residual) in enumerate(zip(norms, header.residual_norms[language], strict=True), start=1):
                metrics.append(
                    Metric(name=f"vectors/{kind}/relative_norm/{language}", value=norm / residual, step=layer)
                )
    return StageOutcome(
        params={"vectors.token": stage.spec.vectors.token},
        metrics=tuple(metrics),
        artifacts={
            f"{folder}/{name}": f"vectors/{folder}" for folder in FOLDERS.values() for name in (TENSORS, HEADER)
        },
        datasets=datasets_of(stage.inputs["data"], "choices-dev1"),
    )
