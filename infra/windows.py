"""Times of the day and of the week (UTC) in which AWS may back up or maintain a data store."""

from typing import Annotated

from pydantic import Field

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = rf"({'|'.join(DAYS)}):{_TIME}"

DailyWindow = Annotated[str, Field(pattern=rf"^{_TIME}-{_TIME}$", examples=["01:30-02:30"])]
"""From one time of the day to another, past midnight if need be, in UTC."""

WeeklyWindow = Annotated[str, Field(pattern=rf"^{_MOMENT}-{_MOMENT}$", examples=["sun:03:00-sun:04:00"])]
"""From one time of the week to another, past Sunday if need be, in UTC."""


def daily(window: DailyWindow) -> tuple[int, int]:
    """A window's start in minutes after midnight, and its length in minutes."""
    start, end = (_minutes(time) for time in window.split("-"))
    return start, (end - start) % DAY_MINUTES


def weekly(window: WeeklyWindow) -> tuple[int, int]:
    """A window's start in minutes after Monday's midnight, and its length in minutes."""
    start, end = (DAYS.index(moment[:3]) * DAY_MINUTES + _minutes(moment[4:]) for moment in window.split("-"))
    return start, (end - start) % WEEK_MINUTES


def overlap(each_day: DailyWindow, each_week: WeeklyWindow) -> bool:
    """Whether the daily window touches the weekly one on any day. Windows that only meet do not."""
    (day_start, day_length), (week_start, week_length) = daily(each_day), weekly(each_week)
    starts = (day * DAY_MINUTES + day_start for day in range(len(DAYS)))
    return any(
        (start - week_start) % WEEK_MINUTES < week_length or (week_start - start) % WEEK_MINUTES < day_length
        for start in starts
    )


def refuse_short(key: str, length: int, least: int) -> None:
    """Raises ValueError for a window (its settings key, its length) below AWS's least minutes."""
    if length < least:
        raise ValueError(f"{key} is {length} minutes long; AWS asks for at least {least}")


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
