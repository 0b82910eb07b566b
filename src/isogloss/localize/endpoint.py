"""Any endpoint with OpenAI's chat completions: many requests at once, under rate limits, sent again after passing failures.

The client is OpenAI's own, which knows the protocol and sorts the errors; its silent retries are off, since each attempt
counts against the limits: Tenacity makes them, aiolimiter paces them.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from isogloss.errors import UserError
from isogloss.localize.answers import Arrived, GoOn, Prompt, Reply, tokens_of
from isogloss.spec.localize import NOT_ANSWERS, AskerSection

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter
    from openai import AsyncOpenAI
    from tenacity import RetryCallState


#: Seconds that are never waited longer between two attempts.
LONGEST_WAIT = 60.0
#: Seconds that answers under way are waited for when the work ends early.
LAST_MOMENT = 5.0


class _Passing(Exception):
    """A failure that may pass: a timeout, 429, 5xx, or a page that is no answer. `wait` is what the server asked for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _Refused(Exception):
    """This one prompt was refused (too long, a content filter): sent again it would be again, but another may do."""


class Endpoint:
    """An endpoint that is asked. Raises UserError where its key's variable is empty."""

    def __init__(self, section: AskerSection, *, setting: str) -> None:
        self.section, self.setting = section, setting
        self.name = section.model
        self.prices = (section.input_price, section.output_price)
        self.identity: dict[str, Any] = section.model_dump(mode="json", exclude=set(NOT_ANSWERS) | {"tries", "dtype"})
        self._key = "none" if section.key is None else os.environ.get(section.key, "").strip()
        if not self._key:
            raise UserError(
                f"{setting}.key: the environment variable {section.key} is empty; put the API key of {section.url} into it"
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise UserError(
                f"{setting}.key: {section.key} holds characters that no API key has; put the key alone into it"
            )

    def ask(self, prompts: Sequence[Prompt], *, go_on: GoOn, arrived: Arrived) -> None:
        """Answer each prompt that `go_on` lets through; a failure of one is a reply that says so.

        Raises UserError when nothing would come of going on: a refused key, an unknown model or address, or as many
        failures in a row as requests are under way twice over. What arrived before is not lost.
        """
        if prompts:
            asyncio.run(self._ask_all(prompts, go_on, arrived))

    async def _ask_all(self, prompts: Sequence[Prompt], go_on: GoOn, arrived: Arrived) -> None:
        from openai import AsyncOpenAI

        section = self.section
        requests = limiter(section.requests_per_minute, largest=1)
        largest = max((one.tokens + one.expected for one in prompts), default=1)
        tokens = limiter(section.tokens_per_minute, largest=largest)
        waiting = iter(enumerate(prompts))
        in_a_row, ending = 0, False

        async def worker(client: AsyncOpenAI) -> None:
            nonlocal in_a_row
            for index, prompt in waiting:
                if ending or not go_on(prompt):
                    return
                reply = await self._ask_one(client, prompt, requests, tokens)
                in_a_row = 0 if reply.failure is None else in_a_row + 1
                arrived(index, reply)
                if in_a_row >= max(4, 2 * section.concurrency):
                    raise UserError(
                        f"{self.setting}: {section.url} failed {in_a_row} requests in a row, the last time so: "
                        f"{reply.failure}. The answers before are kept; the same command goes on"
                    )

        async with AsyncOpenAI(
            base_url=section.url, api_key=self._key, timeout=section.timeout, max_retries=0
        ) as client:
            workers = [asyncio.create_task(worker(client)) for _ in range(min(section.concurrency, len(prompts)))]
            try:
                await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                # What is under way is being paid for: it gets a moment to arrive, also when a person stops the work.
                ending = True
                await asyncio.wait(workers, timeout=LAST_MOMENT)
                for one in workers:
                    one.cancel()
                ended = await asyncio.gather(*workers, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):  # one that was cancelled is none
                    raise error

    async def _ask_one(
        self, client: AsyncOpenAI, prompt: Prompt, requests: AsyncLimiter | None, tokens: AsyncLimiter | None
    ) -> Reply:
        from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt

        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_Passing),
                stop=stop_after_attempt(self.section.retries + 1),
                wait=self._wait,
            ):
                with attempt:
                    if requests is not None:
                        await requests.acquire()
                    if tokens is not None:
                        await tokens.acquire(min(prompt.tokens + prompt.expected, tokens.max_rate))
                    return await self._send(client, prompt)
        except _Refused as error:
            return Reply(failure=f"refused: {error}")
        except RetryError as error:
            return Reply(failure=f"no answer: {error.last_attempt.exception()}")
        raise AssertionError("an attempt ends in an answer or an error")

    def _wait(self, state: RetryCallState) -> float:
        from tenacity import wait_random_exponential

        error = state.outcome.exception() if state.outcome else None
        drawn = wait_random_exponential(multiplier=self.section.backoff, max=LONGEST_WAIT)(state)
        asked = error.wait if isinstance(error, _Passing) and error.wait is not None else 0.0
        return min(max(drawn, asked), LONGEST_WAIT)

    async def _send(self, client: AsyncOpenAI, prompt: Prompt) -> Reply:
        """One request. Raises _Passing for what may pass, UserError for what will not."""
        import openai

        section = self.section
        messages: Any = [{"role": role, "content": text} for role, text in prompt.messages]
        try:
            # The client's own timeout is between two pieces of an answer: one that trickles would never end.
            async with asyncio.timeout(section.timeout):
                raw = await client.chat.completions.with_raw_response.create(
                    model=section.model,
                    messages=messages,
                    **self._settings(),
                )
            body = raw.text
        except (openai.APITimeoutError, TimeoutError):
            raise _Passing(f"no answer within {section.timeout:g} s") from None
        except openai.APIConnectionError as error:
            if certificate := _certificate(error):
                raise UserError(
                    f"{self.setting}: the certificate of {section.url} is not accepted ({_short(certificate)}). Where it is "
                    "your own authority's, name its file in SSL_CERT_FILE"
                ) from None
            cause = error.__cause__ or error
            raise _Passing(f"no connection ({_short(str(cause)) or type(cause).__name__})") from None
        except openai.APIStatusError as error:
            raise self._of_status(error) from None
        reply = read_completion(body, prompt)
        if isinstance(reply, str):
            raise _Passing(reply)
        return reply

    def _settings(self) -> dict[str, Any]:
        """What is sent besides the messages; `body` last, so that it can say otherwise."""
        section = self.section
        sent: dict[str, Any] = {"extra_body": section.body} if section.body else {}
        if section.temperature is not None:
            sent["temperature"] = section.temperature
        if "max_completion_tokens" not in section.body:
            sent["max_tokens"] = section.max_tokens
        return sent

    def _of_status(self, error: Any) -> Exception:
        code, said = error.status_code, _short(str(error.message).replace(self._key, "***"))
        where = f"{self.setting}: {self.section.url} answers {code}"
        if code in (401, 403):
            if self.section.key is None:
                return UserError(
                    f"{where}: it wants a key, and none is named ({said}). Put it into an environment variable, and the "
                    f"variable's name into {self.setting}.key (--key)"
                )
            return UserError(f"{where}: it refuses the key in {self.section.key} ({said})")
        if code in (402,):
            return UserError(f"{where}: the account has no money left ({said}). The answers so far are kept")
        if code == 404:
            return UserError(f"{where}: no such address, or no model '{self.section.model}' there ({said})")
        if code in (408, 409, 425, 429) or code >= 500:
            return _Passing(f"{code} ({said})", seconds_asked(error.response.headers.get("retry-after")))
        return _Refused(f"{code} ({said})")


def limiter(per_minute: int | None, *, largest: int) -> AsyncLimiter | None:
    """A leaky bucket that lets no more than `per_minute` through in any minute, or None where nothing is limited.

    It holds a tenth of the limit, or the `largest` that comes at once, but at most half: a larger request counts as that.
    """
    from aiolimiter import AsyncLimiter

    if per_minute is None:
        return None
    burst = min(max(largest, per_minute // 10, 1), max(per_minute // 2, 1))
    # What does not come at once comes over the rest of the minute; at one a minute, every second minute.
    return AsyncLimiter(burst, 60.0 * burst / max(per_minute - burst, 0.5))


def read_completion(body: str, prompt: Prompt) -> Reply | str:
    """The answer in a response's body, or what is wrong with it. Tokens that are not reported are estimated."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        kind = "a web page" if body.lstrip()[:1] == "<" else "no JSON" if body.strip() else "nothing"
        return f"the endpoint sent {kind} in place of an answer"
    try:
        choice = value["choices"][0]
        text = choice["message"]["content"]
        refusal = choice["message"].get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        said = value.get("error") if isinstance(value, dict) else None
        return f"the endpoint sent no chat completion{f' ({_short(str(said))})' if said else ''}"
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    made = _count(usage.get("completion_tokens"))
    if text is None and (made or isinstance(refusal, str)):
        # It thought until its tokens were used up, or refused: an answer, and paid for, if an empty one.
        text = refusal if isinstance(refusal, str) else ""
    if not isinstance(text, str):
        return "the endpoint sent a completion without text"
    text = text.encode("utf-8", "replace").decode()  # halves of a surrogate pair cannot be kept
    return Reply(
        text=text,
        input_tokens=_count(usage.get("prompt_tokens")) or prompt.tokens,
        output_tokens=made or tokens_of(text),
        cut=choice.get("finish_reason") == "length",
    )


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def seconds_asked(header: str | None) -> float | None:
    """What Retry-After asks for: seconds, or a date."""
    if not header:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def _certificate(error: BaseException | None) -> str | None:
    """What is wrong with a server's certificate, where that is why there is no connection."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ssl.SSLCertVerificationError):
            return str(error.verify_message or error)
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:157]}…"
