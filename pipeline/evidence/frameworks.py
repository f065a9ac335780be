"""Frameworks: the requirements of a published standard as data, and the questions that give evidence for each.

One TOML file a framework in `queries/frameworks`, never SQL, so that a reporter can read and amend it. It is checked
when loaded, because a requirement that silently asks nothing would look like one that is met.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import catalog as questions
from pipeline.catalog import Catalog
from pipeline.errors import QueryError, UsageError

# What a question needs so that "no rows" can mean "none": from the log, and from the IAM snapshot.
LOG_NEEDS = ("reads", "writes", "home")
SNAPSHOT_NEEDS = ("credential_report", "root_credentials", "authorization_details", "password_policy")
OCCURRENCES = ("fail", "review", "row")
OWN_VERDICTS = ("manual", "not_covered")

_MEASURE_KEYS = {"needs", "occurrence", "what", "because", "note", "otherwise", "reason"}
_REQUIREMENT_KEYS = {"id", "section", "title", "questions", "verdict", "reason"}
_TOP_KEYS = {"title", "version", "source", "statement", "sections", "questions", "requirements"}
_AT = re.compile(r"\s*\(at line (\d+), column (\d+)\)")
_HEADING = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_]+)(?:\.\"([^\"]+)\")?\s*\]")
_KEY = re.compile(r'^\s*"?([A-Za-z0-9_.]+)"?\s*=')


@dataclass(frozen=True)
class Measure:
    """What a question's rows mean in a framework.

    `occurrence` is what a row is: `fail`, `review`, or `row` where its column `judgement` says (violation, review).
    `what` names one and several occurrences; `otherwise` is the verdict where there are none, `reason` why.
    """

    question: str
    control: str
    needs: tuple[str, ...]
    occurrence: str
    what: tuple[str, str]
    because: str
    note: str
    otherwise: str
    reason: str

    @property
    def from_log(self) -> bool:
        """Whether the question is asked of the log, not of the IAM snapshot."""
        return any(need in LOG_NEEDS for need in self.needs)


@dataclass(frozen=True)
class Requirement:
    """One numbered requirement: measured by questions, or with a `verdict` of its own and the reason for it."""

    id: str
    section: str
    title: str
    questions: tuple[str, ...]
    verdict: str | None
    reason: str


@dataclass(frozen=True)
class Framework:
    """A framework as its file has it; `statement` says in words what its verdicts mean."""

    id: str
    path: str
    title: str
    version: str
    source: str
    statement: str
    sections: dict[str, str]
    measures: dict[str, Measure]
    requirements: tuple[Requirement, ...]


def load(catalog: Catalog, folder: Path | None = None) -> dict[str, Framework]:
    """All frameworks by id (the file's stem); raises QueryError, with its line, for the first fault in one."""
    folder = folder if folder is not None else questions.home() / "frameworks"
    return {path.stem: read(path, catalog) for path in sorted(folder.glob("*.toml"))}


def get(frameworks: dict[str, Framework], identity: str) -> Framework:
    """The framework of this id; raises UsageError naming the nearest, or all."""
    if identity in frameworks:
        return frameworks[identity]
    near = difflib.get_close_matches(identity, frameworks, 1, 0.4) or sorted(frameworks)
    raise UsageError(
        identity, "there is no such framework", f"there is {', '.join(near)}" if near else "there are none"
    )


def read(path: Path, catalog: Catalog) -> Framework:
    """One framework file, checked against the questions there are; raises QueryError at `path:line`."""
    place = f"queries/frameworks/{path.name}"
    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(place, f"cannot be read ({error})", "mend the file") from None
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        where = f"{place}:{at[1]}:{at[2]}" if at else f"{place}:{text.count(chr(10)) + 1}"
        raise QueryError(where, f"is no TOML: {_AT.sub('', str(error))}", "mend the line") from None
    return _Reader(place, values, _lines(text), catalog).framework(path.stem)


class _Reader:
    """Turns a file's values into a Framework, telling each fault with the line it stands on."""

    def __init__(
        self, place: str, values: dict[str, Any], lines: dict[tuple[object, ...], int], catalog: Catalog
    ) -> None:
        self.place, self.values, self.lines, self.catalog = place, values, lines, catalog

    def framework(self, identity: str) -> Framework:
        self.known((), self.values, _TOP_KEYS)
        sections = self.table((), self.values, "sections")
        measures = {key: self.measure(key, given) for key, given in self.table((), self.values, "questions").items()}
        requirements = self.requirements(sections, measures)
        used = {question for each in requirements for question in each.questions}
        for question in measures:
            if question not in used:
                raise self.fault(
                    ("questions", question), f"no requirement asks {question}", "name it in one, or strike it"
                )
        return Framework(
            id=identity,
            path=self.place,
            title=self.text((), self.values, "title"),
            version=self.text((), self.values, "version", ""),
            source=self.text((), self.values, "source", ""),
            statement=self.text((), self.values, "statement"),
            sections={key: self.text(("sections",), sections, key) for key in sections},
            measures=measures,
            requirements=requirements,
        )

    def measure(self, question: str, given: Any) -> Measure:
        at = ("questions", question)
        query = self.catalog.queries.get(question)
        if query is None or query.kind != "query":
            near = difflib.get_close_matches(question, self.catalog.queries, 1, 0.6)
            remedy = f"did you mean {near[0]}?" if near else "see trailsift list"
            raise self.fault(at, f"there is no question {question}", remedy)
        self.known(at, given, _MEASURE_KEYS)
        needs = self.texts(at, given, "needs", LOG_NEEDS + SNAPSHOT_NEEDS)
        if not needs:
            raise self.fault(at, f"{question} needs nothing", "say what it needs, so that missing data is noticed")
        occurrence = self.choice(at, given, "occurrence", OCCURRENCES)
        if occurrence == "row" and "judgement" not in query.columns:
            problem = f"the rows of {question} have no column judgement"
            raise self.fault((*at, "occurrence"), problem, "write fail or review")
        what = self.texts(at, given, "what")
        if len(what) != 2:
            raise self.fault((*at, "what"), "what has two texts: for one occurrence and for several", "write both")
        otherwise = self.choice(at, given, "otherwise", ("pass", "manual"), "pass")
        return Measure(
            question=question,
            control=query.controls[0] if query.controls else question,
            needs=needs,
            occurrence=occurrence,
            what=(what[0], what[1]),
            because=self.text(at, given, "because"),
            note=self.text(at, given, "note", ""),
            otherwise=otherwise,
            reason=self.text(at, given, "reason", "" if otherwise == "pass" else None),
        )

    def requirements(self, sections: dict[str, Any], measures: dict[str, Measure]) -> tuple[Requirement, ...]:
        given = self.values.get("requirements")
        if not isinstance(given, list) or not given:
            raise self.fault((), "there are no requirements", "write each under a heading [[requirements]]")
        found: dict[str, Requirement] = {}
        for index, each in enumerate(given):
            at = ("requirements", index)
            requirement = self.requirement(at, each, sections, measures)
            if requirement.id in found:
                raise self.fault((*at, "id"), f"requirement {requirement.id} stands here twice", "strike one")
            found[requirement.id] = requirement
        return tuple(found.values())

    def requirement(
        self, at: tuple[object, ...], given: Any, sections: dict[str, Any], measures: dict[str, Measure]
    ) -> Requirement:
        self.known(at, given, _REQUIREMENT_KEYS)
        asked = self.texts(at, given, "questions", tuple(measures)) if "questions" in given else ()
        if bool(asked) == ("verdict" in given):
            problem = "a requirement has questions, or a verdict of its own"
            raise self.fault(at, problem, "write questions = [...], or verdict and reason")
        return Requirement(
            id=self.text(at, given, "id"),
            section=self.choice(at, given, "section", tuple(sections)),
            title=self.text(at, given, "title"),
            questions=asked,
            verdict=None if asked else self.choice(at, given, "verdict", OWN_VERDICTS),
            reason=self.text(at, given, "reason", "" if asked else None),
        )

    def fault(self, at: tuple[object, ...], problem: str, remedy: str) -> QueryError:
        line = next((self.lines[at[:size]] for size in range(len(at), 0, -1) if at[:size] in self.lines), 1)
        return QueryError(f"{self.place}:{line}", problem, remedy)

    def known(self, at: tuple[object, ...], given: Any, keys: set[str]) -> None:
        if not isinstance(given, dict):
            raise self.fault(at, "is no table", "write keys below a heading")
        for key in given:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, 1)
                remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(keys))}"
                raise self.fault((*at, key), f"{key} is unknown", remedy)

    def table(self, at: tuple[object, ...], given: dict[str, Any], key: str) -> dict[str, Any]:
        value = given.get(key)
        if not isinstance(value, dict) or not value:
            raise self.fault((*at, key), f"there is no table {key}", f"write a heading [{key}]")
        return value

    def text(self, at: tuple[object, ...], given: dict[str, Any], key: str, default: str | None = None) -> str:
        value = given.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.fault((*at, key), f"{key} is missing or no text", f'write {key} = "…"')
        return value

    def texts(
        self, at: tuple[object, ...], given: dict[str, Any], key: str, allowed: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        value = given.get(key)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.fault((*at, key), f"{key} is missing or no list of texts", f'write {key} = ["…"]')
        for each in value:
            if allowed and each not in allowed:
                near = difflib.get_close_matches(each, allowed, 1, 0.5)
                remedy = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(allowed)}"
                raise self.fault((*at, key), f"{key}: {each} is unknown", remedy)
        return tuple(value)

    def choice(
        self,
        at: tuple[object, ...],
        given: dict[str, Any],
        key: str,
        allowed: tuple[str, ...],
        default: str | None = None,
    ) -> str:
        value = self.text(at, given, key, default)
        if value not in allowed:
            raise self.fault((*at, key), f"{key} {value!r} is unknown", f"write one of {', '.join(allowed)}")
        return value


def _lines(text: str) -> dict[tuple[object, ...], int]:
    """The line of each heading and key: ("questions", ID, KEY), ("requirements", INDEX, KEY), (KEY,)."""
    lines: dict[tuple[object, ...], int] = {}
    counts: dict[str, int] = {}
    at: tuple[object, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADING.match(line):
            name = match[2]
            if match[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                at = (name, counts[name])
            else:
                at = (name, match[3]) if match[3] else (name,)
            lines.setdefault(at, number)
        elif match := _KEY.match(line):
            lines.setdefault((*at, match[1]), number)
    return lines
