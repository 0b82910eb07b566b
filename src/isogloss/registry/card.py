"""The model card of a bundle: its place on the plane, how to load it, its limits and its lineage.

A Hugging Face card: YAML metadata by `huggingface_hub`, then Markdown. Every number comes from the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from isogloss.data.rows import AXES, ENGLISH, Axis
from isogloss.registry.bundle import Bundle
from isogloss.registry.contents import MANIFEST_TAG, POINT_TAG
from isogloss.results.format import ascii_change, ascii_range, markdown_table, rate
from isogloss.results.scores import MACRO, Estimate

#: A picture of the plane with this point; shown where it lies in the bundle's folder.
PICTURE = "plane.png"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
#: What the embedded model is a quantized form of, on the Hugging Face Hub.
_EMBEDDED_ORIGIN = "google/gemma-3-270m"


class Licence(NamedTuple):
    """A licence as the Hub names it, and in words."""

    identifier: str
    link: str | None
    words: str


def licence_of(base: str) -> Licence:
    """The licence of a base model by its reference, as far as the reference tells; else `unknown`."""
    if base == "embedded" or re.match(r"google/gemma-[1-3]", base):
        link = "https://ai.google.dev/gemma/terms"
        return Licence("gemma", link, f"Gemma is provided under and subject to the Gemma Terms of Use: <{link}>.")
    return Licence(
        "unknown",
        None,
        f"Not recorded here. What `{base}` allows, its own model card says; it holds for this model too.",
    )


def card(bundle: Bundle) -> str:
    """README.md of a bundle: a valid Hugging Face model card."""
    from huggingface_hub import ModelCard

    metadata = _metadata(bundle)
    sections = [
        _introduction(bundle),
        _plane(bundle),
        _table(bundle),
        _loading(bundle),
        _limits(bundle),
        _lineage(bundle),
        f"## Licence of the base\n\n{licence_of(bundle.base.ref).words}",
    ]
    text = f"---\n{metadata}\n---\n\n" + "\n\n".join(sections) + "\n"
    return ModelCard(text).content  # parses what was written: metadata that the Hub could not read fails here


def _metadata(bundle: Bundle) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    base, licence = bundle.base.ref, licence_of(bundle.base.ref)
    origin = _EMBEDDED_ORIGIN if base == "embedded" else base.partition("@")[0]
    results = [
        EvalResult(
            task_type="multiple-choice",
            task_name=f"{axis.capitalize()}, {language}",
            dataset_type=bundle.lineage.pipeline,
            dataset_name=f"{bundle.lineage.pipeline} ({axis})",
            dataset_config=f"{axis}-{language}",
            dataset_split="test",
            dataset_revision=bundle.lineage.benchmark_digest,
            metric_type="accuracy",
            metric_name=f"{axis} accuracy, {language}",
            metric_value=round(estimate.value, 4),
        )
        for axis, by_language in bundle.scores.axes.items()
        for language, estimate in by_language.items()
    ]
    data = ModelCardData(
        model_name=bundle.name,
        language=list(bundle.languages) or None,
        license=licence.identifier,
        license_link=licence.link,
        library_name="peft" if bundle.weights == "adapter" else ("transformers" if bundle.weights else "isogloss"),
        pipeline_tag="text-generation",
        base_model=origin if _REPOSITORY.fullmatch(origin) and not base.startswith((".", "/", "~")) else None,
        tags=["isogloss", "steering", "multilingual", bundle.kind],
        eval_results=results or None,
    )
    return data.to_yaml()


def _introduction(bundle: Bundle) -> str:
    made = {
        "steered": "its weights as they are",
        "trained": f"trained ({bundle.checkpoint.upper()})",
        "trained-steered": f"trained ({bundle.checkpoint.upper()})",
    }[bundle.kind]
    steering = [
        f"- {one.vectors.header.kind.upper()}: layer {one.layer} of {bundle.base.num_layers}, γ = {one.gamma:g}, "
        f"γ‖v‖ {100 * one.relative_norm():.0f} % of the residual norm, for {', '.join(one.vectors.languages)}"
        for one in bundle.intervention().components
    ]
    called = f"{_EMBEDDED_ORIGIN}, quantized, as a package of isogloss carries it (`embedded`)"
    base = called if bundle.base.ref == "embedded" else f"`{bundle.base.ref}`"
    lines = [
        f"# {bundle.name}",
        f"{base}, {made}"
        + (
            ", with a vector added to the residual stream in the language of each prompt:"
            if steering
            else "; not steered."
        ),
    ]
    if steering:
        lines.append("\n".join(steering))
        where = "every position" if bundle.positions == "all" else "the positions from the prompt's last token on"
        lines.append(
            f"The vectors are added at {where}, prompt and answer alike. EN pulls towards what the model knows in English, LOC "
            "towards what holds where the language is at home. Layers count from 1 and mean the output of that block."
        )
    return "\n\n".join(lines)


def _plane(bundle: Bundle) -> str:
    deltas = {axis: bundle.scores.delta.get(axis, {}).get(MACRO) for axis in AXES}
    parts = [f"{axis} {_change(one)}" for axis, one in deltas.items() if one is not None]
    text = "## Where it lies on the transfer–localization plane\n\n"
    text += (
        "Transfer: questions with the same answer everywhere. Localization: questions whose answer depends on where the "
        "language is spoken, asked without naming the country. "
        if parts
        else ""
    )
    text += (
        f"Against the unaligned model, mean over the languages besides English, 95 % interval: {'; '.join(parts)} points."
        if parts
        else "Not measured against the unaligned model."
    )
    if (bundle.folder / PICTURE).is_file():
        text += f"\n\n![Change in localization against change in transfer, with this model's point]({PICTURE})"
    return text


def _table(bundle: Bundle) -> str:
    """One row a language: n, accuracy and its interval, and the paired change, on both axes; then English bias."""
    head = ["language", "region"]
    for axis in AXES:
        head += [f"{axis}: n", "accuracy", "95 % interval", "change"]
    head += ["English bias", "change"]
    scores = bundle.scores
    rows = []
    for language in (*_measured(bundle), MACRO):
        row = [f"**{language}**" if language == MACRO else language, bundle.regions.get(language, "")]
        for axis in AXES:
            one = scores.axes.get(axis, {}).get(language)
            delta = scores.delta.get(axis, {}).get(language)
            row += ["–"] * 3 if one is None else [str(one.n), rate(one.value), ascii_range(one)]
            row.append("–" if delta is None else _change(delta))
        bias, bias_change = scores.bias.get(language), scores.bias_delta.get(language)
        row += ["–" if bias is None else rate(bias.value), "–" if bias_change is None else _change(bias_change)]
        rows.append(row)
    table = markdown_table(head, rows)
    scoring = ", ".join(f"{key} {value}" for key, value in sorted(bundle.scoring.items()))
    return (
        "## Scores\n\nOn test questions that chose nothing, in percent; changes are paired, in points, against the unaligned "
        f"model, and intervals resample questions{f' ({scoring})' if scoring else ''}. English bias: how often a question that "
        "is not English gets the answer of the US or Great Britain where that is wrong.\n\n" + table
    )


def _loading(bundle: Bundle) -> str:
    # The card does not know what the model will be registered as: `isogloss promote --name` comes after it.
    ref = "models:/NAME@champion"
    given = next(iter(sorted(bundle.intervention().languages or bundle.languages)), ENGLISH)
    mlflow = f'answers = mlflow.pyfunc.load_model("{ref}").predict([{{"prompt": "…"}}])'
    return (
        "## How to load it\n\n`DIR` is the folder of this card. Out of a registry, where the model is called `NAME` and this "
        "version may have another alias or number, `isogloss fetch` brings it there.\n\n"
        "```python\nimport isogloss\n\n"
        'model = isogloss.load("DIR")\n'
        'print(model.generate(["…", "…"]))                    # the language of each prompt is detected\n'
        f'print(model.generate("…", languages="{given}"))          # or given; steering=False switches it off\n```\n\n'
        f'```\nisogloss fetch {ref} DIR\nisogloss generate DIR "…"\n```\n\n'
        f"```python\nimport mlflow\n\n{mlflow}\n```"
    )


def _limits(bundle: Bundle) -> str:
    scores = bundle.scores
    lines = []
    regions = ", ".join(f"{language} for {region}" for language, region in sorted(bundle.regions.items()))
    if regions:
        lines.append(
            f"One region stands for each language ({regions}). Where else it is spoken, answers may be wrong for the people "
            "who ask; steering can make that worse."
        )
    lines += [_erasure(scores.delta.get(axis, {}), axis) for axis in ("localization", "transfer")]
    if bias := scores.bias.get(MACRO):
        lines.append(
            f"English bias is left: {rate(bias.value)} % ({ascii_range(bias)}) of such questions still get the answer of the "
            "US or Great Britain."
        )
    steered = bundle.intervention().languages
    if steered:
        without = sorted(set(bundle.languages) - steered - {ENGLISH})
        lines.append(
            f"Steered in {', '.join(sorted(steered))}; prompts in other languages"
            + (f" ({', '.join(without)} among them)" if without else "")
            + " are answered unsteered. Indonesian and Malay prompts, and Spanish, Catalan and Galician ones, are hard to tell "
            "apart: give the language where it is known."
        )
    lines.append(
        "Measured on multiple-choice questions of facts. What it does to longer answers, to style, or to safety was not measured."
    )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines if line)


def _erasure(deltas: Mapping[str, Estimate], axis: Axis) -> str:
    """Which languages lost on an axis, clearly (the interval is below zero) or by the point estimate alone."""
    known = {language: one for language, one in deltas.items() if language not in (MACRO, ENGLISH)}
    if not known:
        return ""
    clear = {language: one for language, one in known.items() if one.high is not None and one.high < 0}
    lower = sorted(language for language, one in known.items() if one.value < 0 and language not in clear)
    named = ", ".join(f"{language} {_change(one)}" for language, one in sorted(clear.items()))
    said = (
        f"{axis.capitalize()} was lost in {named}" if clear else f"{axis.capitalize()} was clearly lost in no language"
    )
    return said + (f"; lower, within the interval, in {', '.join(lower)}." if lower else ".")


def _lineage(bundle: Bundle) -> str:
    lineage = bundle.lineage
    commit = lineage.git.commit or "unknown"
    dirty = {True: ", with changes not committed", False: "", None: ", state unknown"}[lineage.git.dirty]
    trained = (
        f"{bundle.checkpoint} ({bundle.weights})"
        if bundle.weights
        else "nothing; the base's weights are used as they are"
    )
    rows: Iterable[tuple[str, str | None]] = (
        ("base", f"{bundle.base.ref} ({bundle.base.architecture}, {bundle.base.num_layers} layers)"),
        ("base digest", bundle.base.digest),
        ("trained", trained),
        ("corpus digest", lineage.corpus_digest),
        ("vectors", "; ".join(_extracted(bundle)) or None),
        ("benchmark digest", lineage.benchmark_digest),
        ("pipeline", f"{lineage.pipeline}, settings {lineage.spec_digest}"),
        ("study", lineage.study),
        ("code", f"isogloss {lineage.code_version or 'of unknown version'}, commit {commit}{dirty}"),
        ("MLflow run", lineage.run_id),
        ("point", bundle.point),
    )
    known = [(name, value) for name, value in rows if value]
    return f"## Where it comes from\n\n{markdown_table(('', ''), known, numbers=False)}"


def _extracted(bundle: Bundle) -> Sequence[str]:
    found = {}
    for one in bundle.intervention().components:
        header = one.vectors.header
        least, most = min(header.pairs.values()), max(header.pairs.values())
        pairs = f"{least}" if least == most else f"{least} to {most}"
        found[header.kind] = f"{header.kind.upper()} from {pairs} pairs a language"
    return [found[kind] for kind in sorted(found)]


def _measured(bundle: Bundle) -> list[str]:
    """Languages with a score, in the bundle's order."""
    there = {language for by_language in bundle.scores.axes.values() for language in by_language} - {MACRO}
    order = {language: place for place, language in enumerate(bundle.languages)}
    return sorted(there, key=lambda language: (order.get(language, len(order)), language))


def _change(estimate: Estimate) -> str:
    """`+2.1 (+0.3 to +4.0)` in points."""
    return ascii_change(estimate, form=" ({} to {})")


# --------------------------------------------------------------------------------------------------------------------
# Tags and description of the registered version in MLflow


def tags_of(bundle: Bundle, *, manifest: str) -> dict[str, str]:
    """Tags of a registered version: point, kind, base, changes on the plane, and lineage. An unknown fact has no tag."""
    lineage = bundle.lineage
    known = {
        POINT_TAG: bundle.point,
        MANIFEST_TAG: manifest,
        "isogloss.version_kind": bundle.kind,
        "isogloss.checkpoint": bundle.checkpoint,
        "isogloss.base": bundle.base.ref,
        "isogloss.base_digest": bundle.base.digest,
        "isogloss.pipeline": lineage.pipeline,
        "isogloss.spec_digest": lineage.spec_digest,
        "isogloss.benchmark_digest": lineage.benchmark_digest,
        "isogloss.corpus_digest": lineage.corpus_digest,
        "isogloss.code_version": lineage.code_version,
        "isogloss.git_commit": lineage.git.commit,
        "isogloss.git_dirty": None if lineage.git.dirty is None else str(lineage.git.dirty).lower(),
        "isogloss.run_id": lineage.run_id,
        "isogloss.study": lineage.study,
        **{f"plane/{axis}": f"{one.value:+.4f}" for axis, one in _changes(bundle).items()},
    }
    return {name: value for name, value in known.items() if value is not None}


def describe(bundle: Bundle) -> str:
    """Two sentences for MLflow's page of the version."""
    steering = ", ".join(
        f"{one.vectors.header.kind.upper()} in layer {one.layer} with γ {one.gamma:g} ({' '.join(one.vectors.languages)})"
        for one in bundle.intervention().components
    )
    changes = "; ".join(f"{axis} {ascii_change(one)} points (n = {one.n})" for axis, one in _changes(bundle).items())
    return (
        f"{bundle.checkpoint} on {bundle.base.ref}, {f'steered: {steering}' if steering else 'not steered'}. "
        f"Macro change against the unaligned model on test: {changes or 'not measured'}."
    )


def _changes(bundle: Bundle) -> dict[str, Estimate]:
    delta = bundle.scores.delta
    return {axis: delta[axis][MACRO] for axis in AXES if MACRO in delta.get(axis, {})}
