"""The Python interface: `isogloss.load(ref)` and `isogloss.steer(model, intervention, languages=…)`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch

from isogloss.data.detect import Routed, route
from isogloss.data.rows import ChoiceItem
from isogloss.errors import RefusedError, UserError
from isogloss.models.load import DType, LoadedModel, adapter_digest, load_model, merged
from isogloss.models.reference import parse_model_ref
from isogloss.registry.bundle import BUNDLE, Bundle, read_bundle
from isogloss.registry.resolve import is_base_of, whole_model
from isogloss.results.scores import Scores
from isogloss.scoring.score import ScoreSettings, score_items
from isogloss.stages.parallel import steered_pass
from isogloss.steering.apply import Positions
from isogloss.steering.apply import steer as _steer
from isogloss.steering.extract import prompt_states
from isogloss.steering.intervention import Intervention
from isogloss.steering.vectors import Token
from isogloss.tracking.store import URI_VARIABLE, database_path, tracking_uri

#: Context manager on any Hugging Face causal LM; see :func:`isogloss.steering.apply.steer`.
steer = _steer

#: Prompts generated for at once.
_BATCH = 16
#: ISO 639's code for a language that could not be told; no vector is for it.
_UNDETERMINED = "und"


def _log(line: str) -> None:
    logging.getLogger("isogloss").warning(line)


@dataclass(frozen=True)
class Model:
    """A loaded model with what people do with it. `loaded.model` and `loaded.tokenizer` are the Hugging Face objects.

    `intervention` is what a promoted model is steered by unless told otherwise, None for any other; `served` are the
    languages that it was measured in.
    """

    loaded: LoadedModel
    intervention: Intervention | None = None
    positions: Positions = "all"
    served: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the model is steered in, or was measured in where it is trained and unsteered."""
        steered = set() if self.intervention is None else self.intervention.languages
        return tuple(sorted({*steered, *self.served}))

    def generate(
        self,
        prompts: str | Sequence[str],
        *,
        intervention: Intervention | None = None,
        languages: str | Sequence[str | None] | None = None,
        steering: bool = True,
        en_gamma: float | None = None,
        loc_gamma: float | None = None,
        chat: bool = False,
        max_new_tokens: int = 64,
        notice: Callable[[str], None] = _log,
        **settings: Any,
    ) -> list[str]:
        """Continue each prompt; returns only what was added. Greedy unless `settings` (of `generate`) say otherwise.

        A promoted model is steered by its own intervention: each prompt in its language, detected unless `languages`
        gives it (one for all, or one each, None to detect). Prompts in other languages are served unsteered, with one
        `notice`. `steering=False` switches it off; `en_gamma` and `loc_gamma` put another strength in γ's place.
        With an `intervention` of your own, `languages` is needed and each must have a vector.

        `chat` puts each prompt through the tokenizer's chat template as a user's turn.

        Raises UserError for languages or strengths that do not fit, and RefusedError for vectors of another model.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        if intervention is not None and languages is None:
            raise UserError("steered generation needs `languages`: one for each prompt, or one for all")
        own = intervention is None
        active = self._active(intervention, steering=steering, en_gamma=en_gamma, loc_gamma=loc_gamma)
        named: list[str] = []
        if active is not None and texts:
            routed = route(texts, served=self.languages if own else active.languages, languages=languages)
            if own and (line := routed.notice(self.languages)):
                notice(line)
            named = [one or _UNDETERMINED for one in routed.languages]
        answers: list[str] = []
        for start in range(0, len(texts), _BATCH):
            rows = slice(start, start + _BATCH)
            context = (
                nullcontext()
                if active is None
                else self.steered(active, named[rows], missing="unsteered" if own else "error")
            )
            with context:
                answers += self._continue(texts[rows], chat=chat, max_new_tokens=max_new_tokens, **settings)
        return answers

    def route(self, prompts: Sequence[str], *, languages: str | Sequence[str | None] | None = None) -> Routed:
        """The language of each prompt, as :meth:`generate` takes it."""
        return route(prompts, served=self.languages, languages=languages)

    def score(
        self,
        items: Sequence[ChoiceItem],
        *,
        intervention: Intervention | None = None,
        steering: bool = True,
        en_gamma: float | None = None,
        loc_gamma: float | None = None,
        settings: ScoreSettings = ScoreSettings(),
    ) -> Scores:
        """Score choice items, steered as :meth:`generate`; rows of a language without a vector stay unsteered."""
        active = self._active(intervention, steering=steering, en_gamma=en_gamma, loc_gamma=loc_gamma)
        one = steered_pass(self.loaded, "scores", active or Intervention(()), positions=self.positions)
        return score_items(self.loaded.model, self.loaded.tokenizer, items, settings=settings, passes=[one])["scores"]

    def hidden_states(self, prompts: str | Sequence[str], *, token: Token = "last") -> torch.Tensor:
        """Float32 [prompts, layers, hidden]: the last token's state, or the mean over non-special tokens, at each layer.

        Row l−1 of the second axis is layer l. Unsteered.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        return prompt_states(self.loaded.model, self.loaded.tokenizer, texts, token=token)

    def steered(self, intervention: Intervention, languages: str | Sequence[str], **settings: Any) -> Any:
        """`isogloss.steer` on this model, with its digest checked against the vectors'."""
        return _steer(
            self.loaded.model,
            intervention,
            languages=languages,
            model_digest=self.loaded.digest,
            **{"positions": self.positions, **settings},
        )

    def _active(
        self, given: Intervention | None, *, steering: bool, en_gamma: float | None, loc_gamma: float | None
    ) -> Intervention | None:
        chosen = given if given is not None else self.intervention
        overrides = {kind: gamma for kind, gamma in (("en", en_gamma), ("loc", loc_gamma)) if gamma is not None}
        if overrides and not steering:
            raise UserError("a strength was given, and steering switched off; give one or the other")
        kinds = set() if chosen is None else {one.vectors.header.kind for one in chosen.components}
        for kind in overrides:
            if kind not in kinds:
                there = ", ".join(sorted(one.upper() for one in kinds)) or "none at all"
                raise UserError(
                    f"{kind}_gamma: the model '{self.loaded.ref}' has no {kind.upper()}-steering; it has {there}"
                )
        if chosen is None or not steering or not chosen.components:
            return None
        return Intervention(
            tuple(replace(one, gamma=overrides.get(one.vectors.header.kind, one.gamma)) for one in chosen.components)
        )

    def _continue(self, texts: Sequence[str], *, chat: bool, max_new_tokens: int, **settings: Any) -> list[str]:
        model: Any = self.loaded.model
        tokenizer: Any = self.loaded.tokenizer
        if chat:
            if not tokenizer.chat_template:
                raise UserError(f"chat: the tokenizer of '{self.loaded.ref}' has no chat template; leave it out")
            turns = [[{"role": "user", "content": text}] for text in texts]
            texts = [tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in turns]
        before, tokenizer.padding_side = tokenizer.padding_side, "left"
        try:
            # The template has written the special tokens already.
            encoded = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=not chat).to(model.device)
        finally:
            tokenizer.padding_side = before
        if not bool(encoded["attention_mask"].any(dim=-1).all()):
            raise UserError(f"a prompt is empty, and '{self.loaded.ref}' puts no token of its own before it")
        options = {"do_sample": False, "pad_token_id": tokenizer.pad_token_id, **settings}
        with torch.inference_mode():
            ids = model.generate(**encoded, max_new_tokens=max_new_tokens, **options)
        return tokenizer.batch_decode(ids[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True)


def load(ref: str, *, dtype: DType = "float32", device: str = "cpu", base: str | None = None) -> Model:
    """Load `embedded`, a local directory, `org/name[@revision]`, a bundle's folder, or `models:/NAME@alias`.

    A bundle gives its base with what was trained on it, steered by its intervention. `base` says where its base model is
    now, if not under the reference it was made with.

    Raises UserError for anything that cannot be loaded, RefusedError for a damaged bundle or one of another base.
    """
    bundle = find_bundle(ref)
    if bundle is not None:
        return load_bundle(bundle, dtype=dtype, device=device, base=base)
    if base is not None:
        raise UserError(f"model '{ref}' is no bundle, and stands on no base; leave out base='{base}'")
    return Model(load_model(ref, dtype=dtype, device=device))


def find_bundle(ref: str) -> Bundle | None:
    """The bundle that `ref` names, read and verified, or None where it names something else."""
    if (Path(ref).expanduser() / BUNDLE).is_file():
        return read_bundle(Path(ref).expanduser())
    if ref.startswith("models:") and parse_model_ref(ref).kind == "registry":
        return read_bundle(_from_registry(ref))
    return None


def _from_registry(ref: str) -> Path:
    """The verified folder of a registered version, in the cache; the registry is this folder's or MLFLOW_TRACKING_URI's."""
    from isogloss.registry.fetch import cached
    from isogloss.tracking.store import connect

    uri = tracking_uri(Path.cwd())
    database = database_path(uri)
    if database is not None and not database.is_file():  # asking would make an empty one
        raise UserError(
            f"model '{ref}': there is no MLflow store at {database}; go to the project's folder or set {URI_VARIABLE}"
        )
    with connect(uri) as client:
        return cached(ref, client=client)


def load_bundle(bundle: Bundle, *, dtype: DType = "float32", device: str = "cpu", base: str | None = None) -> Model:
    """The model of a bundle that was read; see :func:`load`."""
    if bundle.weights == "full":
        assert bundle.model_folder is not None, "a bundle with weights has their folder"
        loaded = load_model(str(bundle.model_folder), dtype=dtype, device=device)
    else:
        loaded = _on_base(bundle, base or bundle.base.ref, dtype=dtype, device=device)
    return Model(
        loaded,
        intervention=bundle.intervention(),
        positions=bundle.positions,
        served=bundle.languages,
    )


def _on_base(bundle: Bundle, ref: str, *, dtype: DType, device: str) -> LoadedModel:
    """The base, which must be the one that the bundle was made on, with the bundle's adapter where it has one."""
    found = whole_model(ref, uri=tracking_uri(Path.cwd()))
    if not is_base_of(bundle, found):
        raise RefusedError(
            f"{bundle.folder}: '{bundle.name}' was made on '{bundle.base.ref}' with digest {bundle.base.digest}, and "
            f"'{ref}' now has {found.digest}; vectors and adapters fit their own base alone. Name the folder of the right "
            "one: isogloss.load(…, base=…) or --base"
        )
    folder = bundle.model_folder
    if folder is None:
        return replace(load_model(found.ref, dtype=dtype, device=device), digest=bundle.base.digest)
    if dtype not in get_args(DType):
        raise UserError(f"dtype '{dtype}' is not offered; it is {' or '.join(get_args(DType))}")
    loaded = load_model(found.ref, dtype="float32", device=device)
    model = merged(loaded.model, folder).to(getattr(torch, dtype))
    return replace(
        loaded,
        model=model.eval().requires_grad_(False),
        path=folder,
        digest=adapter_digest(folder, bundle.base.digest),
        dtype=dtype,
    )
