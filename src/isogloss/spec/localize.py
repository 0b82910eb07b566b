"""The sections `localize` and `translate`: what is put into other languages, and who is asked to do it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from isogloss.spec.section import Count, Positive, Section

Kind = Literal["rules", "endpoint", "model"]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

#: Settings of who is asked that change how fast, how dearly or whether an answer comes, but never which.
NOT_ANSWERS = frozenset(
    {
        *("key", "timeout", "retries", "backoff", "concurrency", "requests_per_minute", "tokens_per_minute"),
        *("input_price", "output_price", "device", "batch"),
    }
)
_NOT_IN_A_KEY = {"first": NOT_ANSWERS, "second": NOT_ANSWERS, "max_cost": True, "samples": True}
#: What of the two sections changes no result.
NOT_LOCALIZED: Any = _NOT_IN_A_KEY
NOT_TRANSLATED: Any = _NOT_IN_A_KEY


class AskerSection(Section):
    """Who is asked: `rules` (no model), `endpoint` (OpenAI's chat completions at `url`), or `model` (a model reference).

    `model` is the name at the endpoint, or the reference. `key` is the NAME of the environment variable that holds the
    API key; the key itself belongs into no file. `body` are further fields of a request, for endpoints that want some
    (`{max_completion_tokens: 2048}` then takes the place of `max_tokens`); a `temperature` of null is not sent.
    `max_tokens` bounds an answer; an answer that is malformed is asked for again, up to `tries` times in all. `timeout`
    and `backoff` (the first wait after a failure, doubled each time) are in seconds; a request is sent `retries` times
    more after timeouts, 429 and 5xx. `input_price` and `output_price` are in money a million tokens. `batch` is the
    number of prompts that a local model reads at once.
    """

    kind: Kind = "rules"
    model: str = ""
    url: str = ""
    key: str | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.0
    body: dict[str, Any] = Field(default_factory=dict)
    max_tokens: Count = 2048
    tries: Count = 2
    timeout: Positive = 120.0
    retries: Annotated[int, Field(ge=0, le=20)] = 5
    backoff: Positive = 1.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    input_price: Price = 0.0
    output_price: Price = 0.0
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    batch: Count = 8

    @field_validator("key")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        # The value is not repeated: it may be the key.
        if value is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,63}", value):
            raise ValueError("is the name of an environment variable, such as OPENAI_API_KEY, and never the key itself")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "endpoint" and not re.match(r"https?://[^/\s]+", self.url):
            raise ValueError("url: an endpoint needs its address, for example https://api.openai.com/v1")
        if self.kind == "endpoint" and re.search(r"/(?:chat/)?completions/?$", self.url):
            raise ValueError("url: goes up to the version, for example …/v1; /chat/completions is put after it")
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise ValueError("url: holds a name or password before the '@'; name the key's variable in `key`")
        if self.kind != "rules" and not self.model:
            raise ValueError(
                f"model: {'an endpoint' if self.kind == 'endpoint' else 'a local model'} needs a model's name"
            )
        return self

    @property
    def shown(self) -> str:
        """What a person calls it."""
        return "rules" if self.kind == "rules" else self.model

    @property
    def priced(self) -> bool:
        """Whether a price is set."""
        return bool(self.input_price or self.output_price)


def _check_limit(max_cost: float | None, first: AskerSection, second: AskerSection | None) -> None:
    """Raises ValueError for a limit that no endpoint could ever reach."""
    endpoints = [one for one in (first, second) if one is not None and one.kind == "endpoint"]
    if max_cost is not None and endpoints and not any(one.priced for one in endpoints):
        name = "first" if first.kind == "endpoint" else "second"
        raise ValueError(
            f"max_cost: limits nothing without prices; set {name}.input_price and {name}.output_price (money a million "
            "tokens), or leave max_cost out"
        )


class LocalizeSection(Section):
    """Localized BLEnD: in-language, decontextualized, regional multiple choice.

    `questions` (question or annotation files) and `choices` (multiple-choice rows) are in the publisher's columns; without
    them the published set is read by name. `countries` says which country stands for a language where it is not the
    paper's (`es: Mexico`). `first` is asked; what does not pass the checks goes to `second`, and else is rejected with
    its reason. Rules translate no options: these come from what the annotators answered in both languages. The whole
    work may cost `max_cost`. `items` bounds the items a language; `samples` those a person is shown.
    """

    questions: tuple[Path, ...] = ()
    choices: tuple[Path, ...] = ()
    countries: dict[str, str] = Field(default_factory=dict)
    first: AskerSection = AskerSection()
    second: AskerSection | None = None
    max_cost: Price | None = None
    items: Count | None = None
    samples: Annotated[int, Field(ge=0)] = 10
    seed: int = 0

    @model_validator(mode="after")
    def _limited(self) -> Self:
        _check_limit(self.max_cost, self.first, self.second)
        return self


class TranslateSection(Section):
    """Translated instructions: English prompts with responses, in other languages.

    `instructions` are files of the project's instructions with English in them; without them OpenAssistant is read by
    name. `languages` are those translated into (default: the data's). `rows` bounds how many are (the paper took 6,000).
    `shortest` and `longest` bound the translation's characters relative to the original's, after what the script saves.
    """

    instructions: tuple[Path, ...] = ()
    languages: tuple[str, ...] = ()
    first: AskerSection
    second: AskerSection | None = None
    rows: Count | None = 6000
    max_cost: Price | None = None
    shortest: Positive = 0.4
    longest: Positive = 2.5
    samples: Annotated[int, Field(ge=0)] = 10
    seed: int = 0

    @model_validator(mode="after")
    def _not_by_rules(self) -> Self:
        for name, asker in (("first", self.first), ("second", self.second)):
            if asker is not None and asker.kind == "rules":
                raise ValueError(f"{name}.kind: rules translate nothing; name an endpoint or a model")
        return self

    @model_validator(mode="after")
    def _limited(self) -> Self:
        _check_limit(self.max_cost, self.first, self.second)
        return self
