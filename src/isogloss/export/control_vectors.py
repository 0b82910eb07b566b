"""`gguf`: control vectors for llama.cpp, one file a language, since llama.cpp adds one vector to every row.

The convention, as llama.cpp's sources have it (`common_control_vector_load`, `llama_adapter_cvec`, `build_cvec`):
`general.architecture` is `controlvector`, and the float32 tensor `direction.N` [hidden] is added to the output of the block
with index N, counted from 0, residual included, at every position. Our layer l is the output of the l-th block counted
from 1, so it becomes `direction.{l−1}`. There is no `direction.0`: nothing can be added after the first block. `N` runs
to the last block's index; a tensor that is absent counts as zero. The file's γ is 1: ours is multiplied in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from isogloss.errors import RefusedError, UserError
from isogloss.export.huggingface import CARD, additions, check_everywhere, copy_papers, new_folder
from isogloss.steering.apply import Positions
from isogloss.steering.intervention import Intervention

ARCHITECTURE = "controlvector"
_PAPERS = (CARD, "plane.png", "intervention.json", "scores.json")


def export_control_vectors(
    bundle: Path,
    dest: Path,
    *,
    name: str,
    intervention: Intervention,
    positions: Positions,
    languages: Sequence[str],
    architecture: str,
    trained: bool,
) -> tuple[str, ...]:
    """Write `dest/NAME-LANGUAGE.gguf` for each language, beside the bundle's card. Returns the files' names.

    `architecture` is the model's, for the hint in the file; `trained` says that the vectors belong on trained weights.

    Raises:
        RefusedError: something is added after the first block, or not at every position.
        UserError: `dest` exists.
    """
    check_everywhere(positions, form="gguf")
    found = {language: additions(intervention, language) for language in languages}
    if any(1 in layers for layers in found.values()):
        raise RefusedError("gguf: the model is steered in layer 1, and llama.cpp adds nothing after its first block")
    stem = re.sub(r"[^\w.-]+", "-", name)
    files = {language: f"{stem}-{language}.gguf" for language in languages}
    with new_folder(dest, form="gguf") as aside:
        for language, layers in found.items():
            _write(aside / files[language], layers, name=name, language=language, architecture=architecture)
        copy_papers(bundle, aside, _PAPERS, note=_note(files, trained=trained))
    return tuple(files.values())


def direction(layer: int) -> str:
    """The tensor's name for layer l = 2…L. Raises UserError for layer 1, which llama.cpp has no place for."""
    if layer < 2:
        raise UserError(f"layer {layer}: llama.cpp's first direction is added to layer 2")
    return f"direction.{layer - 1}"


def _write(path: Path, layers: dict[int, torch.Tensor], *, name: str, language: str, architecture: str) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    writer.add_name(f"{name} ({language})")
    writer.add_description(f"isogloss steering for prompts in '{language}', gamma multiplied in: use it at scale 1")
    writer.add_languages([language])
    if hint := model_hint(architecture):
        writer.add_string("controlvector.model_hint", hint)
    writer.add_int32("controlvector.layer_count", len(layers))
    for layer, addition in layers.items():
        writer.add_tensor(direction(layer), addition.float().contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model_hint(architecture: str) -> str | None:
    """llama.cpp's name of a Hugging Face architecture (`Gemma3ForCausalLM`, `gemma3_text` → `gemma3`), or None."""
    import gguf

    plain = re.sub(r"(for(causallm|conditionalgeneration)|model|_text)$", "", architecture.lower())
    return plain if plain in gguf.MODEL_ARCH_NAMES.values() else None


def _note(files: dict[str, str], *, trained: bool) -> str:
    rows = "\n".join(f"| {language} | `{file}` |" for language, file in files.items())
    example = next(iter(files.values()))
    weights = "the trained model, converted to GGUF (adapter merged)" if trained else "the base model as GGUF"
    return (
        "## Control vectors for llama.cpp\n\nOne file a language; take the one of the prompt's language. γ is multiplied "
        f'in: use it at scale 1, on {weights}.\n\n```\nllama-cli -m MODEL.gguf --control-vector {example} -p "…"\n```\n\n'
        f"| language | file |\n|---|---|\n{rows}\n"
    )
