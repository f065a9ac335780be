"""The staff, and an ordinary day of theirs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from . import identity, pipelines
from .activities import ACTIVITIES, BY_TOOL, OFTEN_REFUSED, TRADES
from .dice import Dice
from .log import Log
from .networks import egress
from .records import Caller
from .world import NAMES, Person, Role, World

SHARES = {"developer": 45, "data": 18, "operations": 16, "security": 6, "finance": 6, "manager": 6, "auditor": 3}
SETS = {"developer": ["prod", "dev"], "data": ["prod", "dev"], "operations": ["prod", "dev", "shared"]}
SETS |= {"security": ["security", "prod"], "finance": ["shared"], "manager": ["prod"], "auditor": ["security", "prod"]}
TITLES = {"developer": "DeveloperAccess", "data": "DataAccess", "operations": "PlatformAccess", "finance": "Billing"}
TITLES |= {"security": "SecurityAudit", "manager": "ViewOnlyAccess", "auditor": "AuditReadOnly"}


def hire(world: World, users: int, federated: int) -> None:
    """Fills the company: people with IAM users, and people who come through Identity Center."""
    d = Dice(f"{world.seed}/people")
    names = [a if n == 0 else f"{a}.{n}" for n in range(8) for a in d.sample(NAMES.split(), len(NAMES.split()))]
    roles: dict[tuple[str, str], Role] = {}
    for number in range(users + federated):
        someone = person(world, d, names[number], d.weighted(SHARES))
        if number >= users:
            for stage in SETS[someone.trade]:
                account = world.accounts[stage]
                name = f"AWSReservedSSO_{TITLES[someone.trade]}_{d.hex(16)}"
                path = f"role/aws-reserved/sso.amazonaws.com/{world.regions[0]}/{name}"
                made = Role(f"arn:aws:iam::{account}:{path}", d.unique("AROA"))
                someone.sets.append(roles.setdefault((someone.trade, stage), made))
        world.people.append(someone)
        if not someone.sets:
            world.things[someone.account].held["user"].append(someone.name)


def person(world: World, d: Dice, name: str, trade: str) -> Person:
    """Somebody new, with habits of their own."""
    wanted = TRADES[trade]
    likes = {each: weight * d.skewed(1, 0.8) for each, weight in wanted.items() if d.chance(0.8)}
    stage = d.weighted({"prod": 3, "dev": 5 if trade == "developer" else 1, "shared": 1})
    home = world.networks.six() if d.chance(0.2) else world.networks.take()
    someone = Person(
        name,
        trade,
        world.accounts[stage],
        d.choice(world.sites),
        home,
        world.networks.six(),
        d.gauss(8.8, 0.8),
        d.gauss(8.5, 0.7),
        world.quiet * d.skewed(5.5, 0.5)
        if trade not in {"finance", "manager", "auditor"}
        else world.quiet * d.skewed(1.6, 0.4),
        set(d.sample(range(5), d.choice([0, 1, 2, 2, 3, 5]))),
        likes or dict(wanted),
        identity.command_line(d),
        d.choice(identity.BROWSERS),
        d.unique("AIDA"),
        d.key(),
        d.chance(0.97),
        d.chance(0.25),
    )
    someone.lacks = {api for api in OFTEN_REFUSED.split() if d.chance(0.25 if trade != "operations" else 0.05)}
    return someone


def live(world: World, log: Log, someone: Person, day: date) -> None:
    """One day of somebody: at work, at home, away, on a journey, called at night."""
    d = Dice(f"{world.seed}/{someone.name}/{day}")
    for member, value in someone.changes.get(day, {}).items():
        setattr(someone, member, value)
    for when, hours, what, number in someone.called:
        if when.date() == day:
            _session(world, log, someone, d, when, hours, what, someone.home, number)
    stay = next((each for each in someone.stays if each.begin <= day < each.end), None)
    if not someone.works_on(day) or (stay and stay.network is None):
        return
    rest = day.weekday() > 4 or day in world.holidays
    if rest and not d.chance(0.05):
        return
    ahead = stay.ahead if stay else someone.site.ahead
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    begin = midnight + timedelta(hours=someone.starts + d.gauss(0, 0.4) - ahead)
    tries: list[str] = []
    story: int | None = None
    if day in someone.tries:
        tries, story = someone.tries[day]
    count = d.poisson(someone.rate * (0.3 if rest else 1))
    what = [d.weighted(_reach(someone, d)) for _ in range(count)] + tries
    if what:
        d.shuffle(what)
        network = stay.network if stay and stay.network else _place(world, someone, d, day, rest)
        _session(world, log, someone, d, begin, someone.works, what, network, story, set(tries))
    if d.chance(0.06) and not rest:  # once more in the evening
        late = begin + timedelta(hours=someone.works + d.uniform(1, 4))
        _session(world, log, someone, d, late, 0.5, [d.weighted(someone.likes)], someone.home, None)


def _reach(someone: Person, d: Dice) -> dict[str, float]:
    """What an activity is drawn from: habits, now and then the trade's others, rarely anybody's."""
    chosen = d.random()
    if chosen > 0.04:
        return someone.likes
    return TRADES[someone.trade] if chosen > 0.006 else TRADES["operations"]


def _place(world: World, someone: Person, d: Dice, day: date, rest: bool) -> str:
    chosen = d.random()
    if chosen < 0.03:
        return someone.phone
    if rest or day.weekday() in someone.at_home or chosen < 0.08:
        return world.office(None, day) if chosen > 0.75 else someone.home
    return world.office(someone.site, day)


def _session(
    world: World,
    log: Log,
    someone: Person,
    d: Dice,
    begin: datetime,
    hours: float,
    what: list[str],
    network: str,
    story: int | None,
    new: set[str] | None = None,
) -> None:
    """Activities spread over some hours, by console and by tools, each way signed in where it is first used."""
    moments = sorted(begin + timedelta(hours=d.uniform(0, hours)) for _ in what)
    open_ones: dict[tuple[bool, int], Caller] = {}
    address, known = egress(network, begin.date(), d), world.because(someone, begin.date(), network)
    story = known if known is not None else story
    for when, activity in zip(moments, what, strict=True):
        tool = activity in BY_TOOL or (d.chance(0.3) and someone.trade in {"developer", "data", "operations"})
        which = min(int(d.random() ** 2 * len(someone.sets)), len(someone.sets) - 1) if someone.sets else 0
        caller = open_ones.get((tool, which))
        if caller is None:
            caller = sign_in(world, log, someone, d, when, address, tool, which, story)
            open_ones[tool, which] = caller
            if not tool and d.chance(0.5):
                act(world, log, someone, d, when + timedelta(seconds=4), caller, "home page")
        if known is None and new and activity not in new:
            act(world, log, someone, d, when + timedelta(seconds=20), caller.but(story=None), activity)
        else:
            act(world, log, someone, d, when + timedelta(seconds=20), caller, activity)


def sign_in(
    world: World,
    log: Log,
    someone: Person,
    d: Dice,
    when: datetime,
    address: str,
    tool: bool,
    which: int = 0,
    story: int | None = None,
) -> Caller:
    """The caller somebody becomes, with the events of signing in."""
    region = world.regions[0]
    if someone.sets:
        role = someone.sets[which]
        name, agent = f"{someone.name}@corp.example", someone.agent if tool else someone.browser
        made = identity.session(role.arn, role.unique, name, d.key("ASIA"), when, address, agent)
        made = made.but(console=not tool, story=story)
        portal(
            world,
            log,
            someone,
            when - timedelta(seconds=3),
            address,
            agent,
            role,
            "GetRoleCredentials" if tool else "Federate",
        )
        if not tool:
            log.emit(when, identity.signing_in(made), "signin:ConsoleLogin", region, mfa="No")
        return made
    plain = identity.user(someone.account, someone.name, someone.unique, someone.key, address, someone.agent, story)
    if tool and someone.token:
        made_key = d.key("ASIA")
        log.emit(when, plain, "sts:GetSessionToken", region, user=someone.name, made=made_key)
        return identity.at_console(plain, made_key, when, True, someone.agent).but(console=False)
    if tool:
        return plain
    device = f"arn:aws:iam::{someone.account}:mfa/{someone.name}" if someone.mfa else None
    made = identity.at_console(plain, d.key("ASIA"), when, someone.mfa, someone.browser)
    entered = identity.signing_in(made)
    if d.chance(0.03):
        wrong = ("", "Failed authentication")
        log.emit(
            when - timedelta(seconds=15), entered, "signin:ConsoleLogin", region, wrong, mfa="No", result="Failure"
        )
    log.emit(when, entered, "signin:ConsoleLogin", region, mfa="Yes" if someone.mfa else "No", mfa_arn=device)
    return made


def portal(
    world: World, log: Log, someone: Person, when: datetime, address: str, agent: str, role: Role, what: str
) -> None:
    """What Identity Center's own account tells of somebody who takes a permission set."""
    account = world.accounts["shared"]
    store = f"arn:aws:identitystore::{account}:identitystore/d-{Dice(account).hex(10)}"
    person = Dice(f"{account}/{someone.name}").uuid()
    told = {"type": "IdentityCenterUser", "accountId": account, "credentialId": Dice(f"{someone.name}/{when}").uuid()}
    whom = {"onBehalfOf": {"userId": person, "identityStoreArn": store}}
    caller = Caller(account, told | whom, person, "", address, agent)
    given = {"role_name": role.arn.rpartition("_")[0].rpartition("_")[2], "account_id": role.account}
    log.emit(when, caller, f"sso:{what}", world.regions[0], **given)


def act(world: World, log: Log, someone: Person, d: Dice, when: datetime, caller: Caller, activity: str) -> None:
    """The calls of one activity."""
    region = world.regions[0] if d.chance(0.85) else world.regions[1]
    if activity == "work elsewhere":
        wanted = "data-access" if someone.trade == "data" else d.choice(["org-operator", "org-reader"])
        role = d.choice([each for each in world.cross if wanted in each.arn])
        caller = pipelines.take(log, caller, role, d, when, region)
        activity, when = d.weighted(TRADES[someone.trade]), when + timedelta(seconds=5)
        if activity == "work elsewhere":
            return
    if activity == "deploy a stack":
        pipelines.stack(world, log, caller, d, when, region)
        return
    if activity == "query the lake":
        engine = identity.by_service(caller, "athena.amazonaws.com")
        for api in d.choices(["glue:GetTable", "s3:GetObject", "glue:GetPartitions"], k=d.randint(1, 6)):
            log.emit(when + timedelta(seconds=d.uniform(2, 60)), engine, api, region)
    for token in ACTIVITIES[activity].split():
        api = token.rstrip("+?")
        if token.endswith("?") and d.chance(0.5):
            continue
        for _ in range(d.randint(1, 4) if token.endswith("+") else 1):
            error: tuple[str, str] | str | None = "denied" if api in someone.lacks else None
            if error is None and d.chance(0.004):
                error = d.choice([("ThrottlingException", "Rate exceeded"), ("ValidationException", "Invalid input")])
            log.emit(when, caller, api, region, error)
            when += timedelta(seconds=d.uniform(0, 2) if caller.console else d.uniform(1, 25))
            if error == "denied":
                break
