"""The stages `localize` and `translate` in front of `data` and `corpus`: by name in the settings, in the store, and once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chat_endpoint import Sent, chat_endpoint, options_in
from command_line import isogloss
from isogloss.errors import UserError
from isogloss.planning.llm_cost import asked_of
from isogloss.spec import load_spec
from isogloss.stages import localize as localize_stage
from isogloss.stages import localize as translate_stage
from isogloss.stages.graph import stages_of
from small_blend import KOREAN, SPANISH, write_blend
from small_data import small_items, write_jsonl
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")

TEXTS = {
    "How do I keep bread fresh for a few days?": "¿Cómo mantengo el pan fresco durante unos días?",
    "Wrap it in a clean cloth and put it into a wooden box.": "Envuélvelo en un paño limpio y guárdalo en una caja de madera.",
}


def answering(messages: list[dict[str, str]], _number: int) -> str | Sent:
    if (options := options_in(messages)) is not None:
        words = SPANISH if "into Spanish" in messages[0]["content"] else KOREAN
        return json.dumps({key: words.get(text, text) for key, text in options.items()}, ensure_ascii=False)
    return TEXTS.get(messages[1]["content"], "이것은 한국어로 쓴 다른 글입니다.")


def write(folder: Path, url: str) -> Path:
    questions, choices = write_blend(folder)
    write_jsonl(folder / "items.jsonl", [row for row in small_items() if row["axis"] == "transfer"])
    prompt, response = TEXTS
    write_jsonl(folder / "english.jsonl", [{"id": "bread", "prompt": {"en": prompt}, "response": {"en": response}}])
    asked = {"kind": "endpoint", "model": "small-one", "url": url, "backoff": 0.001}
    path = folder / "local.yaml"
    settings = {
        "name": "local",
        "model": str(make_tiny_model("gemma3_text", folder / "tiny")),
        "data": {"choices": ["blend", "items.jsonl"], "languages": ["en", "es", "ko"]},
        "localize": {"questions": [str(questions)], "choices": [str(choices)], "second": asked},
        "translate": {"instructions": ["english.jsonl"], "languages": ["es"], "first": asked},
        "align": {"methods": ["mist"], "instructions": ["openassistant"]},
        "compute": {"dtype": "float32"},
        "analyses": {"run": []},
    }
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return path


def test_localized_items_and_translated_rows_reach_data_and_corpus_once(tmp_path: Path) -> None:
    with chat_endpoint(answering) as endpoint:
        write(tmp_path, endpoint.url)
        for until in ("data", "corpus"):
            ended = isogloss("run", "local.yaml", "--until", until, cwd=tmp_path)
            assert ended.code == 0, ended.err
        assert "4 requests" in ended.err or "2 requests" in ended.err
        sent = len(endpoint.requests)
        assert sent == 6  # four dictionaries, a prompt and a response
        again = isogloss("run", "local.yaml", "--until", "data", "--set", "localize.samples=3", cwd=tmp_path)
        assert again.code == 0, again.err
        assert "nothing to do" in again.err
        assert len(endpoint.requests) == sent
    stages = tmp_path / "mlruns" / "stages"
    items = [json.loads(line) for line in next(stages.glob("data-*/choices.jsonl")).read_text().splitlines()]
    local = [item for item in items if item["axis"] == "localization"]
    assert {item["language"] for item in local} == {"es", "ko"}
    assert {item["split"] for item in local} == {"dev1", "dev2", "test"}
    assert not any("España" in item["question"] for item in local)
    (row,) = [json.loads(line) for line in next(stages.glob("corpus-*/instructions.jsonl")).read_text().splitlines()]
    assert row["response"]["es"] == list(TEXTS.values())[1]
    journal = next((tmp_path / "mlruns" / "pipelines").glob("local-*/journal.jsonl")).read_text(encoding="utf-8")
    for name in ("rejected.jsonl", "samples.md", "prompts.json"):
        assert name in journal


def test_the_stages_are_there_only_where_they_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "http://127.0.0.1:9/v1")
    names = [stage.name for stage in stages_of(load_spec(path))]
    assert names.index("localize") < names.index("data")
    assert names.index("translate") < names.index("corpus")
    plain = load_spec(path, ["data.choices=embedded", "align.instructions=embedded"])
    assert not {"localize", "translate"} & {stage.name for stage in stages_of(plain)}


def test_what_changes_no_answer_changes_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "http://127.0.0.1:9/v1")
    same = ["localize.second.concurrency=2", "localize.second.key=MADE_UP", "localize.samples=1"]
    same += ["localize.second.input_price=1", "localize.max_cost=3"]
    other = ["localize.second.model=another"], ["localize.second.temperature=0.5"], ["localize.countries={es: Mexico}"]
    before = localize_stage.settings(load_spec(path))
    assert localize_stage.settings(load_spec(path, same)) == before
    assert load_spec(path, same).digest == load_spec(path).digest
    assert all(localize_stage.settings(load_spec(path, one)) != before for one in other)
    translated = translate_stage.translate_settings(load_spec(path))
    assert translate_stage.translate_settings(load_spec(path, ["translate.first.timeout=9"])) == translated
    assert translate_stage.translate_settings(load_spec(path, ["translate.longest=9"])) != translated


def test_the_plan_counts_what_will_be_asked_and_what_it_costs_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "http://127.0.0.1:9/v1")
    priced = [
        "localize.second.input_price=1000",
        "localize.second.requests_per_minute=1",
        "localize.second.key=NOT_THERE",
    ]
    rules, texts = asked_of(load_spec(path, priced), ["data", "localize", "translate"])
    assert (rules.requests, texts.requests) == (4, 2)  # what people answered, and figures, are not asked for
    assert rules.money == pytest.approx(rules.input_tokens / 1000)
    assert rules.seconds == 240
    assert "4 requests" in rules.sentence()
    assert "about 4 min" in rules.sentence()
    assert texts.money is None  # the same endpoint, by an anchor, but the price was set for one of them
    assert "cost unknown" in texts.sentence()
    (too_dear,) = asked_of(load_spec(path, [*priced, "localize.max_cost=0.1"]), ["localize"])
    assert "localize.max_cost is 0.1" in (too_dear.problem or "")
    assert rules.problem is None
    (first,) = asked_of(load_spec(path, ["localize.first={kind: model, model: embedded}"]), ["localize"])
    assert (first.who, first.second, first.seconds) == ("embedded", "small-one", None)
    published = ["localize.questions=[]", "localize.choices=[]"]
    (half,) = asked_of(load_spec(path, [*published, "localize.items=100"]), ["localize"])
    (whole,) = asked_of(load_spec(path, published), ["localize"])
    assert 0 < half.requests < whole.requests
    assert "by the published set's size" in whole.sentence()


def test_a_missing_section_says_what_it_is_for(tmp_path: Path) -> None:
    path = write(tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(UserError, match=r"localize: is missing.*blend.*by rules"):
        localize_stage.settings(load_spec(path, ["localize=null"]))
    with pytest.raises(UserError, match=r"translate: is missing.*translate.first"):
        translate_stage.translate_settings(load_spec(path, ["translate=null"]))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("localize.second.url=ftp://x", "localize.second.*an endpoint needs its address"),
        ("localize.second.url=http://me:secret@host/v1", "localize.second.*password before"),
        ("localize.second.key=sk-very-secret", "localize.second.key.*name of an environment variable"),
        ("localize.second.modle=x", "localize.second.modle: unknown setting.*did you mean 'model'"),
        ("localize.frist=x", "localize.frist: unknown setting.*did you mean 'first'"),
        ("translate.first={kind: rules}", "translate.*rules translate nothing"),
    ],
)
def test_wrong_settings_are_said_by_their_name(tmp_path: Path, override: str, said: str) -> None:
    path = write(tmp_path, "http://127.0.0.1:9/v1")
    with pytest.raises(UserError, match=said) as error:
        load_spec(path, [override])
    assert "secret" not in str(error.value).replace("no secret", "")
