"""What is asked at once is answered by one look-up, each with its own answer, and nobody by a look-up from before he asked."""

import asyncio

import pytest

from app.together import Together


def test_questions_of_one_turn_share_a_lookup_and_each_gets_its_own_answer() -> None:
    seen: list[list[int]] = []

    async def answers(questions: list[int]) -> list[int]:
        seen.append(questions)
        return [question * 10 for question in questions]

    async def asking() -> list[int]:
        together = Together(answers, 3)
        return await asyncio.gather(*(together.ask(number) for number in range(7)))

    assert asyncio.run(asking()) == [0, 10, 20, 30, 40, 50, 60]
    assert seen == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_question_after_the_lookup_began_waits_for_the_next_one() -> None:
    async def asking() -> list[str]:
        value, began, go_on = "old", asyncio.Event(), asyncio.Event()

        async def answers(questions: list[None]) -> list[str]:
            found = value
            began.set()
            await go_on.wait()
            return [found] * len(questions)

        together = Together(answers, 10)
        first = asyncio.create_task(together.ask(None))
        await began.wait()
        value = "new"
        second = asyncio.create_task(together.ask(None))
        await asyncio.sleep(0)
        go_on.set()
        return [await first, await second]

    assert asyncio.run(asking()) == ["old", "new"]


def test_a_failed_lookup_fails_for_everybody_who_asked_and_for_nobody_after() -> None:
    async def asking() -> list[object]:
        failing = True

        async def answers(questions: list[int]) -> list[int]:
            if failing:
                raise ConnectionError("away")
            return questions

        together = Together(answers, 10)
        failed = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
        failing = False
        return [*map(type, failed), await together.ask(3)]

    assert asyncio.run(asking()) == [ConnectionError, ConnectionError, 3]


def test_a_request_that_is_gone_takes_nobody_with_it() -> None:
    async def asking() -> str:
        async def answers(questions: list[str]) -> list[str]:
            await asyncio.sleep(0.01)
            return questions

        together = Together(answers, 10)
        gone, stays = (asyncio.create_task(together.ask(name)) for name in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    assert asyncio.run(asking()) == "stays"
