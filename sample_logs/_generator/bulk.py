"""Logs of any size, for measuring: the sample's habits and a crowd of services, an object at a time.

Every record is a template formatted with fresh values, so that sizes, key orders and compressibility are those
of the sample while one process writes tens of thousands of events a second in constant memory. The numbers of
principals, accounts and regions stay the same whatever the size: more events are the same organization's
longer or busier life.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from . import actors, deliver
from .dice import TOKEN, Dice, key_id
from .habits import Habit, Step, all_habits, calls, from_service
from .records import Draws
from .world import DEV, NETWORKS, PROD, REGIONS, Role, statement

CLOCK = tuple(f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in range(86_400))
CROWD = 120  # services beside the sample's own, a role each
LAST_DAY = datetime(2026, 10, 31, tzinfo=UTC)
SESSIONS = 96  # sessions of one habit that may appear
WINDOW = timedelta(minutes=12)  # how long the events of one object lie apart
# What the crowd's roles call; each gets its own choice.
REPERTOIRE = """9 s3:GetObject@raw 6 s3:PutObject@curated 4 s3:GetObject@report 3 s3:ListObjects@raw
 3 s3:HeadObject@report 1 s3:DeleteObject@tmp 5 kms:Decrypt@data<s3 3 kms:GenerateDataKey@data<s3 4 kms:Decrypt@ssm<ssm
 4 kms:Decrypt@secret<secretsmanager 4 ssm:GetParameter@web 3 ssm:GetParameter@worker 2 secretsmanager:GetSecretValue
 5 ssm:UpdateInstanceInformation 3 ec2:DescribeInstances 2 ec2:DescribeVolumes 2 ec2:DescribeSecurityGroups
 1 ec2:DescribeSnapshots 1 ec2:CreateSnapshot 0.4 ec2:RunInstances 3 dynamodb:DescribeTable 1 dynamodb:ListTables
 3 sqs:GetQueueAttributes 2 sqs:GetQueueUrl 2 sns:GetTopicAttributes 3 logs:CreateLogStream 2 logs:DescribeLogStreams
 1 logs:StartQuery 2 monitoring:GetMetricData 1 monitoring:DescribeAlarms 2 lambda:GetFunction20150331v2
 1 lambda:UpdateFunctionCode20150331v2 1 cloudformation:DescribeStacks 1 cloudformation:DescribeStackEvents
 3 sts:GetCallerIdentity 1 athena:StartQueryExecution 2 athena:GetQueryExecution 1 glue:GetTable 2 ecr:BatchGetImage
 1 ecr:PutImage 0.5 iam:GetRole 0.3 rds:DescribeDBInstances 0.3 ec2:DescribeInstances!limited
 0.3 ssm:GetParameter@feature!no_parameter 0.3 s3:GetObject@raw!no_key 0.3 secretsmanager:ListSecrets!denied
 0.2 iam:ListUsers!denied 0.2 ec2:RunInstances!denied 0.2 dynamodb:DescribeTable!throttled"""

# Members that no schema of today names, at the top and inside userIdentity.
UNKNOWN_INSIDE = '"userIdentity":{"delegationContext":{"hop":2,"chain":["a","b"]},'
UNKNOWN_TOP = ',"eventContext":{"requestContext":{"aws:PrincipalOrgID":"o-exampleorgid"},"tagContext":{}}}'


class Pool:
    """Fresh values fast: slices of random text drawn in one go."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.random = self._random.random
        self._refill()

    def _refill(self) -> None:
        self._hex = self._random.randbytes(1 << 16).hex()
        table = (TOKEN * 4)[:256].encode()
        self._text = self._random.randbytes(1 << 16).translate(table).decode()
        self._at = self._text_at = 0

    def hex(self, length: int) -> str:
        """Hexadecimal digits."""
        at = self._at
        if at + length > len(self._hex):
            self._refill()
            at = 0
        self._at = at + length
        return self._hex[at : at + length]

    def uuid(self) -> str:
        """A random UUID."""
        at = self._at
        if at + 32 > len(self._hex):
            self._refill()
            at = 0
        self._at = at + 32
        digits = self._hex[at : at + 32]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def text(self, length: int, alphabet: str = TOKEN) -> str:
        """Random text; another alphabet than the usual gives capitals and digits."""
        at = self._text_at
        if at + length > len(self._text):
            self._refill()
            at = 0
        self._text_at = at + length
        text = self._text[at : at + length]
        return text if alphabet is TOKEN else text.upper().replace("+", "A").replace("/", "B")

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))


@dataclass(frozen=True)
class Size:
    """How much to write: `events` over `days` days, the last of them 2026-10-31."""

    events: int
    days: int = 28
    seed: int = 1
    unknown_share: float = 0.0
    object_events: int = 3_000  # mean; the largest are about 20,000


@dataclass(frozen=True)
class Written:
    """What was written: events, objects, bytes of gzip, bytes before it."""

    events: int
    objects: int
    packed: int
    plain: int


class Place:
    """One account's one region: its templates, drawn by weight."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Habit]] = []
        self.weights: list[float] = []

    def add(self, weight: float, template: str, habit: Habit) -> None:
        """One more template of this log."""
        self.entries.append((template, habit))
        self.weights.append(weight)

    def ready(self) -> None:
        """Prepare for drawing."""
        self.cumulative = list(accumulate(self.weights))
        self.total = self.cumulative[-1]


def crowd(seed: int) -> Iterator[Habit]:
    """The services beside the sample's: each a role with its own handful of calls."""
    repertoire = calls(REPERTOIRE)
    for number in range(CROWD):
        dice = Dice("crowd", seed, number)
        account = PROD if dice.chance(0.7) else DEV
        trust = (statement("sts:AssumeRole"),)
        target = Role(account, f"svc-{number:03d}-{dice.hex(4)}", "2025-01-01T00:00:00+00:00", trust, path="/services/")
        agent = dice.pick(("boto", "go", "java", "sdk-js"))
        on_instance = dice.chance(0.3)
        yield Habit(
            target.name,
            actors.on_instance(target, agent) if on_instance else actors.session(target, agent),
            tuple(entry for entry in repertoire if dice.chance(0.4)),
            ("prod" if account == PROD else "dev") + ("-vpc" if on_instance else "-nat"),
            weekday=0.5 + 12 * dice.random() ** 3,
            size=(6, 12),
            regions=tuple((0.1 + dice.random(), region) for region in REGIONS),
            opening=from_service(target, "ec2" if on_instance else "lambda"),
            sessions="instance" if on_instance else target.name,
        )


def places(seed: int) -> dict[tuple[str, str], Place]:
    """Every account and region with its templates."""
    found: dict[tuple[str, str], Place] = {(a, r): Place() for a in (PROD, DEV) for r in REGIONS}
    for habit in (*all_habits(), *crowd(seed)):
        rate = habit.weekday + habit.weekend
        regions = sum(weight for weight, _ in habit.regions)
        weights = sum(weight for weight, _ in habit.calls)
        for share, region in habit.regions:
            opening = [(1.0, step) for step in habit.opening]
            bout = [(sum(habit.size) / 2 * w / weights, Step(spelled, habit.actor)) for w, spelled in habit.calls]
            for weight, step in opening + bout:
                place = found[step.actor.account, step.place(region)]
                place.add(rate * weight * share / regions, step.compiled(region), habit)
    for place in found.values():
        place.ready()
    return found


@cache
def session(habit: Habit, number: int) -> dict[str, Any]:
    """The values that stay the same through a session."""
    addresses = NETWORKS[habit.network]
    return {
        "key": key_id("ASIA", habit.name, number),
        "akia": key_id("AKIA", habit.name),
        "first_key": key_id("ASIA", habit.name, "first", number),
        "session": habit.session_name(Dice(habit.name, number)),
        "ip": addresses[number % len(addresses)],
    }


def records(place: Place, count: int, start: datetime, pool: Pool, unknown_share: float) -> list[str]:
    """The texts of one object's records, in no order of time."""
    window = int(WINDOW.total_seconds())
    day, first = f"{start:%Y-%m-%d}", start.hour * 3600 + start.minute * 60 + start.second
    created = {"created": day + CLOCK[first]}
    batch = pool.integer(0, SESSIONS - 1)  # each object sees other sessions, now and then several of one habit
    texts = []
    draw, cumulative, total, entries = pool.random, place.cumulative, place.total, place.entries
    for _ in range(count):
        template, habit = entries[bisect(cumulative, draw() * total)]
        values = Draws(session(habit, (batch + int(draw() * (1 + count // 4_000))) % SESSIONS), pool)
        values.update(created)
        second = first + int(draw() * window)
        values["time"] = day + CLOCK[second]
        values["when"] = start
        text = template % values
        if unknown_share and draw() < unknown_share:
            text = text.replace('"userIdentity":{', UNKNOWN_INSIDE, 1)[:-1] + UNKNOWN_TOP
        texts.append(text)
    return texts


def object_sizes(events: int, mean: int, pool: Pool) -> Iterator[int]:
    """Sizes of objects, most of them small and a few large, that add up to `events`."""
    while events:
        size = min(events, 20_000, max(200, int(mean * 3 * pool.random() ** 2)))
        if events - size < 200:
            size = min(events, 20_000)
        yield size
        events -= size


def objects(size: Size) -> Iterator[tuple[str, list[str]]]:
    """Every object's key and records, day by day."""
    pool = Pool(size.seed)
    all_places = places(size.seed)
    total = sum(place.total for place in all_places.values())
    counts = {name: int(size.events * place.total / total / size.days) for name, place in all_places.items()}
    left = size.events - sum(counts.values()) * size.days
    for ago in reversed(range(size.days)):
        day = LAST_DAY - timedelta(days=ago)
        for (account, region), place in all_places.items():
            extra = left if (account, region) == (PROD, REGIONS[0]) and ago == 0 else 0
            for count in object_sizes(counts[account, region] + extra, size.object_events, pool):
                start = day + timedelta(seconds=int(pool.random() * (86_400 - 1_500)))
                delivered = start + WINDOW + timedelta(minutes=pool.integer(2, 9))
                name = deliver.key(account, region, delivered, pool.text(16, deliver.UNIQUE))
                yield name, records(place, count, start, pool, size.unknown_share)


def write(folder: Path, size: Size) -> Written:
    """Write the logs under `folder`; the same size and seed give the same files.

    One object is drawn while another is compressed (zlib lets go of the interpreter), two at most waiting.
    """
    events = packed = plain = count = 0
    waiting: deque[Future[int]] = deque()
    with ThreadPoolExecutor(1) as compressing:
        for name, texts in objects(size):
            content = deliver.body(texts)
            events, plain, count = events + len(texts), plain + len(content), count + 1
            waiting.append(compressing.submit(deliver.write, folder, name, content))
            if len(waiting) > 2:
                packed += waiting.popleft().result()
        packed += sum(task.result() for task in waiting)
    return Written(events, count, packed, plain)
