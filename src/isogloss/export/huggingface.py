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
from pathlib import Path

from isogloss.export.folder import CARD, copy_papers, new_folder
from isogloss.files import MANIFEST

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
