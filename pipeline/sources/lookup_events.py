"""LookupEvents: the last 90 days of an account's management events, without a trail or a bucket.

The object of this source is a window of time. AWS answers two calls a second with 50 events each, newest first, so
windows are sized to the calls they cost: one call tells which of the newest days are quiet, and has their events
already; a busy day is cut into hours, a busy hour into five minutes. A window is closed, and known to the ledger for
good, when its end is `look_back` old by AWS's clock, since events arrive late; until then it is read in each run.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from threading import Event, Lock
from typing import Any, ClassVar

from pipeline.config import SourceSettings
from pipeline.errors import SourceError, UsageError
from pipeline.sources.aws import EXPIRED, client, code_of, fault, session
from pipeline.sources.base import Refusal, Round, Source, SourceObject
from pipeline.sources.lookup_calls import PAGE, Caller, RegionClosed
from pipeline.sources.lookup_pages import Answer, Page
from pipeline.sources.pace import folder
from pipeline.sources.windows import Window, WindowObject, days
from pipeline.times import iso

_HISTORY = timedelta(days=90)
# Left of the 90 days: what is listed at their edge is read some time later.
_EDGE = timedelta(minutes=1)
# What a window counts for before it is read: one page. Part of its identity, so it never changes.
_SIZE = 64 << 10
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")
_HOW = "write lookup:REGION[,REGION…] or lookup:all"


class LookupSource(Source):
    """`lookup:REGION[,REGION…]`, `lookup:all` (the regions the account has enabled), or one window by its name."""

    name = "lookup"
    parallel = 64  # windows a worker waits for; most wait for their region's turn
    per_second: ClassVar[float] = 2.0  # calls in an account and region ("Quotas in AWS CloudTrail")
    look_back: ClassVar[timedelta] = timedelta(hours=2)  # events come within 15 minutes as a rule
    window_events: ClassVar[int] = 5_000  # above this many, by what a page says, a window is cut
    window_bytes: ClassVar[int] = 128 << 20  # what is held of one window
    probes: ClassVar[int] = 60  # calls to look for busy windows in a region, before what was found is read

    @classmethod
    def claims(cls, text: str) -> bool:
        """Whether it begins with `lookup:`."""
        return text.startswith("lookup:")

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.window: Window | None = None
        text = settings.location.removeprefix("lookup:")
        if text.startswith("//"):
            try:
                self.window = Window.parse(settings.location)
            except ValueError:
                raise UsageError(settings.location, "is no window of time", _HOW) from None
        named = [each.strip() for each in text.split(",")] if not self.window else [self.window.region]
        self.named = [] if named == ["all"] else list(dict.fromkeys(named))
        for each in self.named:
            _check(settings.location, each)
        self.account = ""
        self.ahead = timedelta(0)  # of AWS's clock before ours
        self.scratch = ""
        self._start()

    def _start(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._left: dict[str, list[Window]] = {}
        self._told: set[str] = set()
        self._session: Any = None
        self._lock = Lock()
        self._stop = Event()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

    def objects(self, this: Round) -> Iterator[SourceObject]:
        """Windows that the ledger lacks or that are open still, of every region at once.

        A region that has more than some minutes' reading leaves the rest to the next round. A region that gives
        nothing is told in `this.problems`; raises SourceError where none gives anything.
        """
        self._stop = this.stop
        self._identify()
        if self.window:
            yield self._object(self.window)
            return
        if not self.scratch:
            self.scratch = tempfile.mkdtemp(prefix="trailsift-lookup-")
        if not self._left:
            self._left = self._lacking(this)
        regions, closed = list(self._left), list[str]()
        yield from self._look(this, closed)
        self._left = {region: left for region, left in self._left.items() if left}
        this.more = this.more or bool(self._left and not this.stop.is_set())
        if closed and len(closed) == len(regions):
            place, _, problem = closed[0].partition(": ")
            raise SourceError(place, problem.partition("; nothing")[0], "mend that, or name other regions")
        this.problems += closed

    def _look(self, this: Round, closed: list[str]) -> Iterator[SourceObject]:
        """What the regions of `_left` have, all looked at at once; those that give nothing are told in `closed`."""
        with ThreadPoolExecutor(max(1, len(self._left)), thread_name_prefix=self.name) as pool:
            asked = {pool.submit(self._probe, region, left): region for region, left in self._left.items()}
            try:
                for each in as_completed(asked):
                    region = asked[each]
                    try:
                        yield from each.result()
                    except (RegionClosed, OSError) as error:
                        self._left[region] = []
                        if not this.stop.is_set():
                            closed.append(f"lookup:{region}: {error}; nothing was read there")
            except BaseException:
                this.stop.set()  # or the threads would go on asking
                raise

    def read(self, item: SourceObject) -> bytes:
        """The window's events as one LookupEvents page, compressed."""
        kept = self._kept(item.uri, item.etag)
        if self.scratch and kept.exists():
            return kept.read_bytes()
        window, until = Window.parse(item.uri), datetime.fromisoformat(item.address)
        start = max(window.start, self._now() - _HISTORY + _EDGE)
        if start >= until:
            raise OSError("is over 90 days old by now: LookupEvents no longer has it")
        answer = Answer()
        try:
            for events, _ in self._caller(window.region).pages(start, until):
                answer.add(events)
                if answer.size > self.window_bytes:
                    self._refuse(window, item.etag == "closed")
        except RegionClosed as error:
            raise OSError(str(error)) from error
        return answer.close()

    def close(self) -> None:
        """Removes what was kept of quiet windows."""
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch = ""

    def _identify(self) -> None:
        """Learns whose account this is, and what AWS's clock says: windows close by it, whatever ours says."""
        self._session = self._session or session(self.settings)
        try:
            who = self._home("sts").get_caller_identity()
        except Exception as error:
            if code_of(error) in EXPIRED:
                raise fault(self.settings.location, error) from error
            reason = " ".join(str(error).split())
            problem = f"AWS does not say whose account this is (sts:GetCallerIdentity: {reason})"
            remedy = "configure AWS credentials (boto3's own chain), or name a profile in trailsift.toml"
            raise SourceError(self.settings.location, problem, remedy) from error
        self.account = str(who["Account"])
        if self.window and self.window.account != self.account:
            problem = f"is of another account than these credentials ({self.account})"
            raise SourceError(self.settings.location, problem, "name credentials of that account")
        date = who.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        self.ahead = parsedate_to_datetime(date) - datetime.now(UTC) if date else timedelta(0)

    def _home(self, service: str) -> Any:
        """A client in the region that questions about the account go to; it must be of the account's partition."""
        named = self.named[0] if self.named else self.settings.region
        region = named or self._session.region_name or "us-east-1"
        return client(self.settings, service, region, self._session)

    def _now(self) -> datetime:
        return (datetime.now(UTC) + self.ahead).replace(microsecond=0)

    def _regions(self, this: Round) -> list[str]:
        named = self.named
        if not named:
            try:
                answer = self._home("ec2").describe_regions()
            except Exception as error:
                problem = f"the account's regions cannot be listed ({' '.join(str(error).split())})"
                remedy = "give the permission ec2:DescribeRegions, or name the regions"
                raise SourceError(self.settings.location, problem, remedy) from error
            named = sorted(each["RegionName"] for each in answer["Regions"])
        wanted = [frozenset(self.settings.regions), this.selection.regions]
        return [each for each in named if all(not some or each in some for some in wanted)]

    def _lacking(self, this: Round) -> dict[str, list[Window]]:
        """For each region the windows to look at, oldest first: days, or hours where a day is not all the same."""
        now, since, until = self._now(), this.selection.since, this.selection.until
        oldest = now - _HISTORY + _EDGE
        for accounts in (self.settings.accounts, this.selection.accounts):
            if accounts and self.account not in accounts:
                return {}
        if since and since < oldest.date() and "since" not in self._told:
            self._told.add("since")
            this.problems.append(
                f"{self.settings.location}: LookupEvents goes back 90 days, to {iso(oldest)}, not to {since}; "
                "take what is older from the trail's bucket"
            )
        first = max(oldest.date(), since or oldest.date())
        last = min(now.date(), until or now.date())
        lacking: dict[str, list[Window]] = {region: [] for region in self._regions(this)}
        there = [each for region in lacking for each in days(self.account, region, first, last)]
        done = this.known([_closed(each) for each in there])
        parts = {each: each.finer() for each in there if each.uri not in done}
        known = this.known([_closed(part) for hours in parts.values() for part in hours])
        for day, hours in parts.items():
            if day.start >= oldest and self._is_closed(day) and not any(each.uri in known for each in hours):
                lacking[day.region].append(day)
            else:
                left = [each for each in hours if oldest < each.end and each.start < now and each.uri not in known]
                lacking[day.region] += left
        return lacking

    def _is_closed(self, window: Window) -> bool:
        return window.end + self.look_back <= self._now()

    def _probe(self, region: str, left: list[Window]) -> list[SourceObject]:
        """Takes windows from the newest end of `left`: quiet ones with their events, others as they are or cut."""
        found: list[SourceObject] = []
        now, oldest = self._now(), self._now() - _HISTORY + _EDGE
        page: Page | None = None
        for _ in range(self.probes):
            if not left or self._stop.is_set():
                break
            last = left[-1]
            until = min(last.end, now)
            if page is None or page.until != until:
                start = max(_begin(left), oldest)
                events, more = next(self._caller(region).pages(start, until))
                page = Page(start, until, events, more)
            while left and page.whole(left[-1]):
                found += self._keep(left.pop(), page, now)
            if not left or left[-1] != last:
                continue
            left.pop()
            parts = last.finer()
            if parts and (_split_mark(last).exists() or page.estimate(last) > self.window_events):
                left += [each for each in parts if oldest < each.end and each.start < now]
            else:
                found.append(self._object(last))
        return found

    def _keep(self, window: Window, page: Page, now: datetime) -> list[SourceObject]:
        """A quiet window's events lie ready for `read`; one that is open and empty is no news."""
        events = page.within(window)
        if self._is_closed(window):
            etag = "closed"
        elif events:
            etag = "open-" + hashlib.sha256("".join(sorted(str(e.get("EventId")) for e in events)).encode()).hexdigest()
        else:
            return []
        answer = Answer()
        answer.add(events)
        self._kept(window.uri, etag).write_bytes(answer.close())
        return [WindowObject(window.uri, etag, _SIZE, iso(min(window.end, now)))]

    def _object(self, window: Window) -> SourceObject:
        """A window to be read; an open one is another object in each run, read up to now."""
        if self._is_closed(window):
            return _closed(window)
        until = iso(min(window.end, self._now()))
        return WindowObject(window.uri, f"open-{iso(self._now())}", _SIZE, until)

    def _refuse(self, window: Window, closed: bool) -> None:
        much = f"holds more than {self.window_bytes >> 20:,} MB of events"
        if window.finer():
            _split_mark(window).touch()
            raise OSError(f"{much}; the next run reads it in smaller windows")
        reason = (
            f"{much}, too many for LookupEvents ({self.per_second:g} calls of {PAGE} events a second): "
            "take this time from the trail's bucket"
        )
        raise Refusal(reason) if closed else OSError(reason)

    def _kept(self, uri: str, etag: str) -> Path:
        return Path(self.scratch) / hashlib.sha256(f"{uri} {etag}".encode()).hexdigest()

    def _caller(self, region: str) -> Caller:
        with self._lock:
            self._session = self._session or session(self.settings)
            if region not in self._callers:
                shared = (self._session, self._lock, self._stop)
                self._callers[region] = Caller(self.settings, self.account, region, self.per_second, *shared)
            return self._callers[region]


def _closed(window: Window) -> WindowObject:
    return WindowObject(window.uri, "closed", _SIZE, iso(window.end))


def _begin(left: Sequence[Window]) -> datetime:
    """Where the unbroken row of windows that ends the list begins."""
    start = left[-1].start
    for each in reversed(left[:-1]):
        if each.end != start:
            break
        start = each.start
    return start


def _split_mark(window: Window) -> Path:
    """A file that is there when the window turned out to be too large for one reading."""
    return folder() / f"split-{re.sub('[^A-Za-z0-9-]', '_', window.uri)}"


def _check(place: str, region: str) -> None:
    if not _REGION.fullmatch(region) or region not in _every_region():
        raise UsageError(place, f"there is no region {region!r}", _HOW)


@cache
def _every_region() -> frozenset[str]:
    """The regions that this version of botocore has CloudTrail in, of all partitions."""
    import boto3

    botocore = boto3.Session(region_name="us-east-1")
    partitions = botocore.get_available_partitions()
    return frozenset(each for p in partitions for each in botocore.get_available_regions("cloudtrail", p))
