"""The texts that one moment takes in a record."""

from __future__ import annotations

from datetime import UTC, datetime

ISO = "%Y-%m-%dT%H:%M:%SZ"
# IAM's and STS's own way of writing a time inside a record ("Jul 10, 2023, 12:55:24 PM").
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def iso(when: datetime) -> str:
    """eventTime's text."""
    return when.strftime(ISO)


def written(when: datetime, comma: str = ",") -> str:
    """The time as STS (with a comma after the year) and IAM (without) write it in responses."""
    hour = when.hour % 12 or 12
    half = "PM" if when.hour >= 12 else "AM"
    return f"{MONTHS[when.month - 1]} {when.day:02d}, {when.year}{comma} {hour}:{when:%M:%S} {half}"


def utc(text: str) -> datetime:
    """A time written as YYYY-MM-DD[THH:MM[:SS]]."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
