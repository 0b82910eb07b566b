"""The size of a model, read from its config alone: for plans and estimates, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isogloss.models.quiet import quiet_transformers


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Of the text model: decoder layers, hidden size, tokens in the vocabulary, bytes a stored weight takes, and the class
    that the weights are of."""

    num_layers: int
    hidden_size: int
    vocabulary: int
    bytes_per_weight: int
    architecture: str


def model_shape(folder: Path) -> ModelShape:
    """Read as transformers does: a config.json leaves out what is its family's default."""
    from transformers import AutoConfig

    with quiet_transformers():
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    text = config.get_text_config()
    return ModelShape(
        num_layers=text.num_hidden_layers,
        hidden_size=text.hidden_size,
        vocabulary=text.vocab_size,
        bytes_per_weight=4 if str(config.dtype).endswith("float32") else 2,
        architecture=next(iter(config.architectures or ()), config.model_type),
    )
