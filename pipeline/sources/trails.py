"""CloudTrail's folders in a bucket, and a listing that goes by them: account by account, region by region, day by day.

`[prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/…` ("Finding your CloudTrail log files"), with siblings
of `CloudTrail` for other kinds (CloudTrail-Insight, -NetworkActivity, -Aggregated, -Digest). Control Tower has the
organization before AWSLogs too. Other services keep their logs under the same AWSLogs (Config, vpcflowlogs …),
which a listing of the whole bucket would have to page through, and years of days that were listed for good before.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pipeline.sources.base import Round, Selection, SourceObject
from pipeline.sources.local import SUFFIXES

LISTERS = 16  # requests at once
# Outside of AWSLogs folders are followed this deep in search of one, unless a folder has more of them than this.
DEPTH, WIDE = 4, 50

_INSIDE = re.compile(
    r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)*(?!o-[a-z0-9]+/)(?P<account>[^/]+)/(?:(?P<kind>[^/]+)/(?:(?P<region>[^/]+)/)?)?",
    re.DOTALL,
)
_TRAIL = re.compile(
    r"(?P<prefix>(?:.*/)?(?P<account>\d{12})/CloudTrail[^/]*/(?P<region>[^/]+)/)(?P<rest>.*)", re.DOTALL
)
_DAY = re.compile(r"(\d{4})/(\d{2})/(\d{2})/")
_STEP = re.compile(r"AWSLogs|o-[a-z0-9]+|\d{12}")


@dataclass(frozen=True)
class Trail:
    """The folder of one kind of log of one account in one region; below it are days."""

    prefix: str
    account: str
    region: str

    def day(self, key: str) -> date | None:
        """The day whose folder the key lies in."""
        match = _DAY.match(key, len(self.prefix))
        try:
            return date(*map(int, match.groups())) if match else None
        except ValueError:
            return None

    def start(self, day: date) -> str:
        """What sorts before every key of that day and after those of the days before."""
        return f"{self.prefix}{day.isoformat().replace('-', '/')}/"


@dataclass(frozen=True)
class Page:
    """One request of a listing: of the folders in a folder, or (`flat`) of all that lies below it.

    A trail is listed from behind `after` to the day `until`; once it is through, it needs no look again up to the
    day `through`, None where something of it was passed by.
    """

    prefix: str
    depth: int = 0
    flat: bool = False
    trail: Trail | None = None
    after: str = ""
    until: date | None = None
    through: date | None = None
    token: str = ""


@dataclass(frozen=True)
class Answer:
    """What a page holds, and the token of the next."""

    objects: list[SourceObject]
    folders: list[str]
    token: str


class Walk:
    """A listing of a bucket: down its folders to the trails, and each trail by day, many requests at once.

    `base` is the uri that a key is appended to. Days up to `recent` may be remembered as listed; `empty` is whether
    there was nothing that could be a log, wanted or not.
    """

    def __init__(self, ask: Callable[[Page], Answer], base: str, this: Round, wanted: Selection, recent: date) -> None:
        self.ask, self.base, self.this, self.recent = ask, base, this, recent
        self.selections = (this.selection, wanted)
        self.empty = True

    def objects(self, folder: str) -> Iterator[SourceObject]:
        """Every wanted object below the folder as it is found; `this.listed` has the trails that are through."""
        pages, asked = deque([self._page(folder, 0)]), dict[Future[Answer], Page]()
        pool = ThreadPoolExecutor(LISTERS, thread_name_prefix="list")
        try:
            while (pages or asked) and not self.this.stop.is_set():
                while pages and len(asked) < 2 * LISTERS:
                    page = pages.popleft()
                    asked[pool.submit(self.ask, page)] = page
                for future in wait(asked, return_when=FIRST_COMPLETED).done:
                    page, answer = asked.pop(future), future.result()
                    if page.flat:
                        found, more = self._listed(page, answer)
                    else:
                        found, more = self._opened(page, answer)
                    pages.extend(more)
                    yield from found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _page(self, folder: str, depth: int) -> Page:
        """The first page of a folder."""
        trail, chosen = trail_of(folder), self.this.selection
        if trail is None:
            return Page(folder, depth, flat=depth > DEPTH and not is_inside(folder))
        since, through = chosen.since, None
        if folder == trail.prefix:  # of a part of a trail nothing is known, and nothing remembered
            mark = self.this.marks.get(self.base + folder)
            unlisted = mark + timedelta(days=1) if mark else None
            if since is None or (unlisted and since <= unlisted):
                through = min(self.recent, chosen.until or self.recent)
                through = None if mark and through <= mark else through
            if since is None and unlisted:
                since = min(unlisted, self.recent + timedelta(days=1))
        return Page(folder, depth, True, trail, trail.start(since) if since else "", chosen.until, through)

    def _opened(self, page: Page, answer: Answer) -> tuple[list[SourceObject], list[Page]]:
        """The wanted objects right in a folder, and the pages of its wanted folders."""
        searching = not is_inside(page.prefix) and not page.token
        if searching and len(answer.folders) > WIDE and not any(is_step(each) for each in answer.folders):
            return [], [replace(page, flat=True)]
        logs = [each for each in answer.folders if holds_logs(each)]
        wanted = [each for each in logs if all(is_wanted(each, selection) for selection in self.selections)]
        self.empty = self.empty and len(wanted) == len(logs)
        more = [self._page(each, page.depth + 1) for each in wanted]
        more += [replace(page, token=answer.token)] if answer.token else []
        return self._taken(answer.objects)[0], more

    def _listed(self, page: Page, answer: Answer) -> tuple[list[SourceObject], list[Page]]:
        """The wanted objects of a page of all, and the page after it."""
        objects, last = answer.objects, not answer.token
        if page.trail and page.until:
            objects = [each for each in objects if (page.trail.day(self._key(each)) or page.until) <= page.until]
            last = last or len(objects) < len(answer.objects)
        self.empty = self.empty and not page.after
        found, whole = self._taken(objects)
        page = replace(page, token=answer.token, through=page.through if whole else None)
        if last and page.trail and page.through:
            self.this.listed[self.base + page.trail.prefix] = page.through
        return found, [] if last else [page]

    def _taken(self, objects: list[SourceObject]) -> tuple[list[SourceObject], bool]:
        """Those of the objects that are wanted logs, and whether all logs are wanted."""
        logs = [each for each in objects if is_log(self._key(each))]
        wanted = [each for each in logs if all(selection.takes(each) for selection in self.selections)]
        self.empty = self.empty and not logs
        return wanted, len(wanted) == len(logs)

    def _key(self, item: SourceObject) -> str:
        return item.uri[len(self.base) :]


def is_log(key: str) -> bool:
    """Whether the object may be a log of CloudTrail's, by its name."""
    return key.lower().endswith(SUFFIXES) and holds_logs(key)


def trail_of(folder: str) -> Trail | None:
    """The trail that the folder is, or lies in."""
    match = _TRAIL.fullmatch(folder)
    return Trail(match["prefix"], match["account"], match["region"]) if match else None


def is_step(folder: str) -> bool:
    """Whether the folder's own name is one that leads to trails."""
    return bool(_STEP.fullmatch(folder.rstrip("/").rpartition("/")[2]))


def is_inside(folder: str) -> bool:
    """Whether the folder is AWSLogs or lies below one."""
    return "/AWSLogs/" in f"/{folder}"


def holds_logs(path: str) -> bool:
    """Whether a folder or key is CloudTrail's or nobody's: not what another service keeps below AWSLogs."""
    match = _INSIDE.match(path)
    if not match:
        return True
    named = match["account"].isdigit() and len(match["account"]) == 12
    return named and (match["kind"] is None or match["kind"].startswith("CloudTrail"))


def is_wanted(folder: str, selection: Selection) -> bool:
    """Whether the selection takes anything of the folder, by the account and region in its path."""
    match = _TRAIL.match(folder) or _INSIDE.match(folder)
    if not match:
        return True
    account, region = match["account"], match["region"]
    return (not selection.accounts or account in selection.accounts) and (
        not selection.regions or region is None or region in selection.regions
    )
