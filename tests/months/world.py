"""The company: its accounts, its people and machines, and where they sit. Drawn anew for each seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .dice import Dice
from .networks import Networks
from .things import Things, things

NAMES = "anna ben carla david elena farid grace hugo ines jonas kira liam mona nils olga pavel quinn rosa sven tara "
NAMES += "uma viktor wanda xenia yusuf zoe amir bea chen dora emil fay gus hana ivan jana kofi lena marc nora omar pia"
REGIONS = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2", "eu-north-1", "ca-central-1"]
UNUSED = ["ap-northeast-3", "sa-east-1", "ap-south-1", "af-south-1", "us-west-1", "eu-south-1", "me-south-1"]


@dataclass(frozen=True)
class Site:
    """An office: its network, the hours it is ahead of UTC."""

    network: str
    ahead: float


@dataclass
class Stay:
    """Days somebody spends elsewhere: on a journey with a network, or away from work (None)."""

    begin: date
    end: date
    network: str | None
    ahead: float = 0.0


@dataclass
class Person:
    """Somebody of the staff, with an IAM user or, where `sets` is given, Identity Center's permission sets."""

    name: str
    trade: str
    account: str
    site: Site
    home: str
    phone: str
    starts: float  # hour of the day they begin, local
    works: float  # hours
    rate: float  # activities a working day
    at_home: set[int]  # weekdays spent at home
    likes: dict[str, float]
    agent: str
    browser: str
    unique: str = ""
    key: str = ""
    mfa: bool = True
    token: bool = False  # works with session tokens got with the second factor, not with the key itself
    sets: list[Role] = field(default_factory=list)
    lacks: set[str] = field(default_factory=set)
    joined: date = date.min
    left: date = date.max
    stays: list[Stay] = field(default_factory=list)
    tries: dict[date, tuple[list[str], int]] = field(default_factory=dict)  # day -> activities new to them, story
    called: list[tuple[datetime, float, list[str], int]] = field(default_factory=list)  # on call: when, hours, what
    changes: dict[date, dict[str, Any]] = field(default_factory=dict)  # members that get a new value on a day
    marks: list[tuple[date, date, int]] = field(default_factory=list)  # days on which all they do is part of a story

    @property
    def arn(self) -> str:
        """The principal whose name the log shows."""
        return self.sets[0].arn if self.sets else f"arn:aws:iam::{self.account}:user/{self.name}"

    def works_on(self, day: date) -> bool:
        """Whether they are with the company that day."""
        return self.joined <= day < self.left

    def had(self, member: str, day: date) -> Any:
        """The value of a member that changes, on a day to come."""
        later = [values[member] for since, values in sorted(self.changes.items()) if member in values and since <= day]
        return later[-1] if later else getattr(self, member)

    def change(self, day: date, **values: Any) -> None:
        """Members get new values on a day to come."""
        self.changes.setdefault(day, {}).update(values)


@dataclass(frozen=True)
class Role:
    """A role by its ARN and unique id."""

    arn: str
    unique: str

    @property
    def account(self) -> str:
        """The account it belongs to."""
        return self.arn.split(":")[4]


@dataclass
class Machine:
    """A role that programs use, what they call and how often a day, and how the day goes (see `machines`)."""

    role: Role
    kind: str  # lambda | ecs | ec2 | batch | backup | vendor | ci | key (an IAM user's key in a program)
    region: str
    calls: dict[str, float]
    rhythm: str  # steady | office | nightly
    networks: list[str]
    agent: str
    sessions: list[str]
    given: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    vpce: str | None = None
    key: str = ""
    born: date = date.min
    dies: date = date.max
    surges: list[tuple[datetime, datetime, float, dict[str, float], int]] = field(default_factory=list)
    failing: list[tuple[datetime, datetime, str, tuple[str, str] | str, float, int]] = field(default_factory=list)
    subject: str = ""  # of a CI token
    pipelines: list[str] = field(default_factory=list)
    other: str = ""  # a vendor's own account
    changes: dict[date, dict[str, Any]] = field(default_factory=dict)
    marks: list[tuple[date, date, int]] = field(default_factory=list)
    news: dict[str, int] = field(default_factory=dict)  # call -> the story by which it was added

    def change(self, day: date, **values: Any) -> None:
        """Members get new values on a day to come."""
        self.changes.setdefault(day, {}).update(values)


@dataclass
class World:
    """Everything that exists before the months begin; stories change it."""

    seed: int
    dice: Dice
    networks: Networks
    first: date
    days: int
    accounts: dict[str, str]  # stage -> account
    regions: list[str]
    quiet: float
    things: dict[str, Things]
    sites: list[Site]
    vpn: str
    cloud: dict[str, list[str]]  # region -> networks of AWS's that programs outside a VPC come from
    runners: list[str]  # networks of the CI provider
    people: list[Person] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    cross: list[Role] = field(default_factory=list)  # roles that people and programs take across accounts
    glass: list[Role] = field(default_factory=list)  # break-glass roles
    holidays: set[date] = field(default_factory=set)
    moves: list[tuple[date, Site | None, str]] = field(default_factory=list)  # a new network, of the VPN where None
    strange: dict[str, tuple[date, int]] = field(default_factory=dict)  # network -> until when it is news, its story

    @property
    def begin(self) -> datetime:
        """Midnight of the first day."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def judged(self) -> datetime:
        """The beginning of the judged half."""
        return self.begin + timedelta(days=self.days // 2)

    @property
    def end(self) -> datetime:
        """The end of the last day."""
        return self.begin + timedelta(days=self.days)

    def office(self, site: Site | None, day: date) -> str:
        """The network of an office, or of the VPN where None, on a day."""
        moved = [network for since, which, network in self.moves if which is site and since <= day]
        return moved[-1] if moved else site.network if site else self.vpn

    def because(self, given: Person | Machine, day: date, network: str | None = None) -> int | None:
        """The story that explains what somebody does on a day, or from a network; None for everyday life."""
        known = next((story for begin, end, story in given.marks if begin <= day < end), None)
        until, story = self.strange.get(network or "", (day, None))
        return known if known is not None else story if day < until else None


def company(seed: int, days: int, quiet: float = 1.0) -> World:
    """A company without people yet, who will do `quiet` times as much as usual."""
    d = Dice(f"{seed}/world")
    networks = Networks(seed)
    stages = ["prod", "dev", "shared", "security"]
    accounts = {stage: f"{d.randint(1, 9)}{d.randint(0, 10**11 - 1):011d}" for stage in stages}
    regions = d.sample(REGIONS, 2)
    first = date(2026, 1, 5) + timedelta(days=d.randint(0, 200))
    sites = [Site(networks.take(), d.choice([-8.0, -5.0, 0.0, 1.0, 2.0, 5.5, 9.0])) for _ in range(d.randint(1, 3))]
    return World(
        seed,
        d,
        networks,
        first,
        days,
        accounts,
        regions,
        quiet,
        {account: things(account, stage, regions, seed) for stage, account in accounts.items()},
        sites,
        networks.take(),
        {region: networks.several(25) for region in regions},
        networks.several(25),
        holidays={first + timedelta(days=day) for day in d.sample(range(days), max(1, days // 30))},
    )
