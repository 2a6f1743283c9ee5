"""Questions that are asked in the same turn of the event loop, answered together.

Under load, one command or statement for many requests costs little more than one for a single request; without load there is
one in each, and nobody waits for others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Asks for at most so many at once; `answers` gives the answers in the order of the questions, or raises for all of them."""

    def __init__(self, answers: Callable[[list[Question]], Awaitable[Sequence[Answer]]], most: int) -> None:
        self._answers = answers
        self._most = most
        self._asked: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them weakly

    async def ask(self, question: Question) -> Answer:
        """The answer to one question, looked up after it was asked. Raises what `answers` raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if not self._asked or len(self._asked) == self._most:
            self._asked = []
            task = asyncio.create_task(self._answer(self._asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._asked.append((question, answer))
        return await answer

    async def _answer(self, asked: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        if self._asked is asked:
            self._asked = []  # whoever asks from here on, perhaps after a write, is answered by what is looked up then
        try:
            answers = await self._answers([question for question, _ in asked])
        except Exception as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        except BaseException:
            for _, answer in asked:
                answer.cancel()
            raise
        for (_, answer), given in zip(asked, answers, strict=True):
            if not answer.done():  # its request may be gone
                answer.set_result(given)
