"""`isogloss export`: a promoted model as a Hugging Face folder, llama.cpp control vectors, or folded checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from isogloss.api import find_bundle, load_bundle
from isogloss.cli.shown import say
from isogloss.errors import UserError, did_you_mean
from isogloss.export.control_vectors import export_control_vectors
from isogloss.export.folded import export_folded
from isogloss.export.huggingface import check_new, export_huggingface, steered_languages
from isogloss.registry.bundle import Bundle

Form = Literal["hf", "gguf", "folded"]


def export_command(ref: str, dest: Path, *, form: Form, languages: Sequence[str], base: str | None) -> None:
    """Write `dest` and say what is in it and how to load it."""
    check_new(dest)
    bundle = find_bundle(ref)
    if bundle is None:
        raise UserError(
            f"'{ref}' is not a promoted model; export takes a bundle's folder (isogloss fetch models:/NAME@champion DIR) or "
            "models:/NAME@alias"
        )
    if form == "hf":
        if languages or base:
            raise UserError("hf holds all languages and no base: leave out --language and --base")
        export_huggingface(bundle.folder, dest, model=bundle.model_folder, base=bundle.base.ref)
        say(f"a Hugging Face folder is in {dest}")
        say(f"next: hf upload NAMESPACE/{bundle.name} {dest}")
        return
    chosen = _languages(bundle, languages, form=form)
    if form == "gguf":
        if base:
            raise UserError("gguf holds vectors alone: leave out --base")
        files = export_control_vectors(
            bundle.folder,
            dest,
            name=bundle.name,
            intervention=bundle.intervention(),
            positions=bundle.positions,
            languages=chosen,
            architecture=bundle.base.architecture,
            trained=bundle.weights is not None,
        )
        say(f"{len(files)} control vectors are in {dest}")
        say(f"next: llama-cli -m MODEL.gguf --control-vector {dest / files[0]} -p PROMPT")
        return
    loaded = load_bundle(bundle, base=base).loaded
    export_folded(
        bundle.folder,
        dest,
        loaded=loaded,
        intervention=bundle.intervention(),
        positions=bundle.positions,
        languages=chosen,
    )
    say(f"one plain model for each of {', '.join(chosen)} is in {dest}")
    say(f'next: isogloss generate {dest / chosen[0]} "…"')


def _languages(bundle: Bundle, wanted: Sequence[str], *, form: Form) -> tuple[str, ...]:
    there = steered_languages(bundle.intervention())
    if not there:
        raise UserError(f"{form}: '{bundle.name}' is trained and not steered, so there is no vector; export it as hf")
    for language in wanted:
        if language not in there:
            raise UserError(
                f"--language {language}: no vector for it{did_you_mean(language, there)}; there are {', '.join(there)}"
            )
    return tuple(dict.fromkeys(wanted)) or there
