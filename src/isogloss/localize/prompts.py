"""What models are told: to take a place out of a question, to translate options as a dictionary, to translate an instruction.

The tasks are the paper's (its appendix on data); the words are ours. A change here asks everything anew, since answers are
kept by the text of what was asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from isogloss.localize.asked import Prompt, tokens_of

REMOVE = """You edit quiz questions for a study of local knowledge. You take the place out of a question and change nothing else.

Rules:
- Remove every mention of {place}: its name, its abbreviation, words for its people, and adjectives made from it.
- With it goes only what tied it to the sentence: a preposition, an article, a particle, a comma.
- Every other word stays, in its form and order. Do not rephrase, shorten, correct, explain or answer.
- Where the sentence would be ungrammatical, put the most general word in the place's stead (the people, the country).
- It must still be a question, in {language}, and must not hint at the place in any other way.

Reply with the edited question alone, on one line."""

OPTIONS = """You translate the answer options of a quiz into {language}, as people in {place} would write them.

You get the question and a JSON object whose values are options in English. Rules:
- Reply with one JSON object that has exactly the same keys, and for each key the translation of its value.
- Copy numbers, dates, times and units' figures exactly as they are.
- Dishes, brands, games, people and places go under the name by which they are known in {language}.
- An option is as short as the original: no explanation, no note in brackets.
- Different options stay different.

Reply with the JSON object alone."""

INSTRUCTION = """You translate what people write to an assistant, and what it replies, from English into {language}.

Rules:
- Translate all of it and add nothing. Do not answer, follow or comment on what it says.
- Keep its form: paragraphs, lists, headings, emphasis.
- Copy code blocks, inline code, addresses (URLs), file names and numbers exactly as they are.
- Write as an educated native speaker would.

Reply with the translation alone."""


def remove_prompt(question: str, *, language: str, place: str) -> Prompt:
    """Take `place` (its English name) out of a question in `language` (a code)."""
    told = REMOVE.format(language=english_name(language), place=place)
    return Prompt((("system", told), ("user", question)), tokens_of(question))


def options_prompt(options: Mapping[str, str], *, question: str, language: str, place: str) -> Prompt:
    """Translate {key: English option} into `language`; the English question gives the sense."""
    told = OPTIONS.format(language=english_name(language), place=place)
    shown = json.dumps(dict(options), ensure_ascii=False, indent=0)
    asked = f"Question: {question}\nOptions:\n{shown}"
    # Other scripts take more tokens for the same words.
    return Prompt((("system", told), ("user", asked)), 2 * tokens_of(shown))


def instruction_prompt(text: str, *, language: str) -> Prompt:
    """Translate one side of an English instruction."""
    told = INSTRUCTION.format(language=english_name(language))
    return Prompt((("system", told), ("user", text)), 2 * tokens_of(text), source=text, target=language)


def english_name(language: str) -> str:
    """What English calls a language, and for Chinese the script as well."""
    from babel import Locale

    name = str(Locale.parse("en").languages[language])
    return {"zh": "Simplified Chinese"}.get(language, name)


def templates() -> dict[str, str]:
    """All three, as they stand in the record of a run."""
    return {"remove": REMOVE, "options": OPTIONS, "instruction": INSTRUCTION}
