"""What the model reads, letter by letter, and which tokens an option is made of."""

import pytest

from families import tiny
from isogloss.data.benchmark.wording import language_file, languages
from isogloss.data.rows import ChoiceItem
from isogloss.scoring.prompts import cloze_prompt, continuations_of, encode_continuation, letter_prompt, prompt_of
from small_data import item


def row(**changes):
    return ChoiceItem.model_validate(item(**changes))


def test_the_letter_prompt_is_the_papers():
    assert letter_prompt("¿Qué?", ["sí", "no"]) == (
        "¿Qué?\nAnswer with the letter of the correct option only.\nA. sí\nB. no\nAnswer:"
    )


def test_twenty_six_options_have_twenty_six_letters():
    many = row(options=[str(n) for n in range(26)])
    assert letter_prompt("?", many.options).count("\n") == 28
    assert "\nZ. 25\n" in letter_prompt("?", many.options)
    assert continuations_of(many, "letter")[-1] == " Z"
    assert len(set(continuations_of(many, "letter"))) == 26


def test_the_cloze_prompt_asks_in_the_questions_own_language():
    assert len({language_file(language).answer for language in languages()}) == len(languages())
    assert cloze_prompt("¿Qué?", "es") == "¿Qué?\nRespuesta:"
    assert cloze_prompt("Vad?", "sv") == "Vad?\n→"


def test_prompt_and_continuations_follow_the_scoring():
    one = row()
    assert prompt_of(one, "cloze") == "¿Sí?\nRespuesta:"
    assert prompt_of(one, "cloze", question="En España, ¿sí?") == "En España, ¿sí?\nRespuesta:"
    assert prompt_of(one, "letter") == letter_prompt("¿Sí?", one.options)
    assert continuations_of(one, "cloze") == [" sí", " no"]
    assert continuations_of(one, "letter") == [" A", " B"]


@pytest.mark.parametrize("continuation", [" A", " sí", " 하나", " the the"])
def test_prompt_and_continuation_are_the_whole_text(continuation):
    _, tokenizer = tiny("llama")
    prompt = "¿Qué?\nRespuesta:"
    prompt_ids = tokenizer.encode(prompt)
    ids = encode_continuation(tokenizer, prompt, prompt_ids, continuation)
    assert tokenizer.decode([*prompt_ids, *ids], skip_special_tokens=True) == prompt + continuation


class Merging:
    """Bytes, but a colon followed by a space is one token: the prompt's last token changes with what follows."""

    def encode(self, text, *, add_special_tokens=True):
        ids, place = [1] if add_special_tokens else [], 0
        while place < len(text):
            merged = text.startswith(": ", place)
            ids.append(999 if merged else ord(text[place]))
            place += 2 if merged else 1
        return ids


def test_where_prompt_and_continuation_would_merge_the_prompt_stays():
    """All options share one prompt, so it is encoded the same whatever follows."""
    tokenizer = Merging()
    prompt_ids = tokenizer.encode("Q:")
    assert encode_continuation(tokenizer, "Q:", prompt_ids, " ab") == [ord(" "), ord("a"), ord("b")]
    assert encode_continuation(tokenizer, "Q", tokenizer.encode("Q"), " ab") == [ord(" "), ord("a"), ord("b")]
