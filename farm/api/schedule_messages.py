"""What is asked of schedules."""

from __future__ import annotations

from pydantic import Field

from farm.api.messages import Message
from farm.schedule.schedule import Schedule
from farm.submission import Submission


class ScheduleRequest(Message):
    """A schedule to be added. Every file of the submission is the lab's already."""

    schedule: Schedule
    submission: Submission
    """Its terms may not say when: that is the schedule's."""


class PauseRequest(Message):
    """Why nothing is to be fired."""

    reason: str = Field(min_length=1, max_length=500)
