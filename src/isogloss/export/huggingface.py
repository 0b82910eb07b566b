"""`hf`: a folder for the Hugging Face Hub, with the weights where transformers and PEFT look for them.

```
README.md             model card; its `base_model` names what the vectors and the adapter belong on
plane.png             the card's picture, where there is one
intervention.json     layers, γ and languages
vectors/en, vectors/loc   vectors.safetensors (one float32 tensor [layers, hidden] a language) and their header
scores.json           test scores with intervals
adapter_…  or  config.json, model.safetensors, tokenizer…     only where something was trained
```
The trained files are the bundle's own, byte for byte, so that vectors taken from that model still fit it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from isogloss.errors import RefusedError, UserError
from isogloss.files import MANIFEST, sealed_folder, write_atomic
from isogloss.steering.apply import Positions
from isogloss.steering.intervention import Intervention

# --------------------------------------------------------------------------------------------------------------------
# The folder of an export: new, whole or absent, with the papers of the model in it.

CARD = "README.md"


@contextmanager
def new_folder(dest: Path, *, form: str) -> Iterator[Path]:
    """Fill `dest`, which must not exist; sealed by a manifest, or nothing is left. Raises UserError where it exists."""
    check_new(dest)
    with sealed_folder(dest, kind="export", form=form) as aside:
        yield aside
        check_new(dest)  # nobody else put something there meanwhile


def check_new(dest: Path) -> None:
    """Raise UserError where something stands at `dest` already."""
    if dest.exists() or dest.is_symlink():
        raise UserError(f"{dest}: is there already; name a new folder or remove it")


def copy_papers(source: Path, folder: Path, names: tuple[str, ...], *, note: str = "") -> None:
    """Copy the files and folders `names` that `source` has, and put `note` behind the model card."""
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        elif (source / name).is_file():
            shutil.copy2(source / name, folder / name)
    if note:
        card = folder / CARD
        before = card.read_text(encoding="utf-8").rstrip() + "\n\n" if card.is_file() else ""
        write_atomic(card, f"{before}{note.strip()}\n")


# --------------------------------------------------------------------------------------------------------------------

_PAPERS = (CARD, "plane.png", "intervention.json", "scores.json", "vectors")


def export_huggingface(bundle: Path, dest: Path, *, model: Path | None, base: str) -> None:
    """Write `dest` from the bundle's folder and, where something was trained, its folder `model`; `base` is by reference.

    Raises UserError where `dest` exists.
    """
    with new_folder(dest, form="hf") as aside:
        copy_papers(bundle, aside, _PAPERS, note=_note(model, base))
        for path in sorted(model.iterdir()) if model is not None else ():
            if path.name in (MANIFEST, CARD):
                continue
            if path.is_dir():
                shutil.copytree(path, aside / path.name)
            else:
                shutil.copy2(path, aside / path.name)


def _note(model: Path | None, base: str) -> str:
    if model is None:
        files = f"No weights are here: the vectors in `vectors/` belong on `{base}`, which is loaded by its own name."
    elif (model / "adapter_config.json").is_file():
        files = (
            f"`adapter_model.safetensors` is a PEFT adapter on `{base}` "
            "(`PeftModel.from_pretrained(base, FOLDER)`); it is unsteered until the vectors are added."
        )
    else:
        files = "The weights load with `AutoModelForCausalLM.from_pretrained(FOLDER)`, unsteered until the vectors are added."
    return (
        f"## Files\n\n{files} `intervention.json` says which vector is added to the output of which decoder block (counted "
        "from 1), times which γ. Row l−1 of a language's tensor in `vectors/KIND/vectors.safetensors` belongs to layer l."
    )


# --------------------------------------------------------------------------------------------------------------------
# What an intervention adds, worked out: for one language, one float32 vector a layer with γ multiplied in.


def additions(intervention: Intervention, language: str) -> dict[int, torch.Tensor]:
    """{layer: Σ γ·v [hidden]} of a language over the components that have a vector for it, γ = 0 left out."""
    found: dict[int, torch.Tensor] = {}
    for one in intervention.components:
        if one.gamma != 0 and language in one.vectors.tensors:
            addition = one.gamma * one.vectors.at(language, one.layer)
            found[one.layer] = found[one.layer] + addition if one.layer in found else addition
    return dict(sorted(found.items()))


def steered_languages(intervention: Intervention) -> tuple[str, ...]:
    """The languages that anything is added for, sorted."""
    return tuple(sorted(one for one in intervention.languages if additions(intervention, one)))


def check_everywhere(positions: Positions, *, form: str) -> None:
    """Raise RefusedError unless all positions are steered: what is added once for all cannot tell them apart."""
    if positions != "all":
        raise RefusedError(
            f"{form}: the model is steered at the positions '{positions}', and this form adds a vector at every position; "
            "export it as hf and load it with isogloss"
        )
