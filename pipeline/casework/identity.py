"""Who it really was: from a key or session back to the person, the service or the pipeline that began the chain.

Each link stands on the event that proves it; where the log has none the chain ends in `unknown`, with the reason.
The credentials of a session are in the answer of the call that gave them out ("Logging IAM and AWS STS API calls with
AWS CloudTrail"); a console session's are given out without a record, but its sign-in is at the time of its creation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pipeline.casework import late, mentioned, origins
from pipeline.casework.seeds import Place
from pipeline.times import shifted

LINKS = 12  # a chain of roles longer than this is cut
CHAINS = 20  # credentials whose chains are told
_READ = 10  # events of a credential that are read for what they tell of its session
_NEAR = timedelta(minutes=5)  # creationDate and the call's eventTime are of one moment; clocks differ
_LONGEST = timedelta(hours=36)  # longest life of a session (GetSessionToken)

_CREDENTIALS = """
select
    access_key_id,
    arg_min(principal_arn, (eventTime, spot)) as principal_arn,
    arg_min(principal_type, (eventTime, spot)) as principal_type,
    arg_min(session_name, (eventTime, spot)) as session_name,
    coalesce(bool_or(contains(userAgent, 'exec-env/CloudShell')), false) as cloudshell,
    arg_min(spot, (eventTime, spot), $first) as spots,
    min(eventTime) as eventTime,
    count(*) as events
from story
where not by_time
  and (access_key_id is not null or principal_arn <> 'unknown')
  and ($key is null or access_key_id = $key)
group by access_key_id, case when access_key_id is null then principal_arn end
order by events desc, access_key_id, principal_arn
limit $most
"""
# What the first events of a credential tell of its session, which is the same in all of them.
_SESSION = f"""
    {late.ID} as eventID,
    userIdentity.sessionContext.attributes.creationDate as session_created,
    userIdentity.sessionContext.sourceIdentity as source_identity,
    userIdentity.onBehalfOf.userId as person,
    userIdentity.sessionContext.ec2RoleDelivery as delivery,
    userIdentity.sessionContext.webIdFederationData.federatedProvider as provider
"""
_MADE = """
select first_seen as first, last_seen as last
from lake.usage
where eventSource = 'iam.amazonaws.com' and eventName = 'CreateAccessKey' and outcome = 'ok'
"""
_SIGNED_IN = """
select principal_arn, first_seen as first, last_seen as last
from lake.usage
where eventName in ('ConsoleLogin', 'SwitchRole') and outcome = 'ok'
  and principal_arn in (select unnest($principals::varchar[]))
"""
_UNIQUE = "select distinct principal_arn from lake.usage where principal_id = $id and principal_arn like 'arn:%'"


def chains(place: Place, key: str | None) -> tuple[list[dict[str, Any]], int]:
    """The links of each credential of the case, and of how many credentials there are more.

    A link: `of` (the credential that its chain begins with), `depth`, `kind`, `principal_arn`, `access_key_id`,
    `session_name`, `eventID` and `eventTime` (the proof), `text`. The last of a chain has `origin` true, and the kind
    `unknown` where the log does not tell who was before. With `key` only that one's chain.
    """
    rows = place.engine.rows(_CREDENTIALS, {"key": key, "most": CHAINS + 1, "first": _READ})
    begun = [_Chain(each) for each in _with_sessions(rows[:CHAINS], place)]
    going = begun
    while going:
        calls, makers = _issuers([each.here for each in going], place), _makers([each.here for each in going], place)
        for each in going:
            each.go_back(_before(each.here, calls, makers, place))
        going = [each for each in going if not each.links[-1]["origin"]]
    return [link for each in begun for link in each.told()], max(len(rows) - CHAINS, 0)


def _with_sessions(rows: list[dict[str, Any]], place: Place) -> list[dict[str, Any]]:
    """Credentials with what their first events tell of the session, and the id of the first."""
    spots = [spot for row in rows for spot in row["spots"]]
    read = {each["spot"]: each for each in late.rows(place, _SESSION, late.table(spots))}
    for row in rows:
        first = [read[spot] for spot in row.pop("spots")]
        row["eventID"] = first[0]["eventID"]
        row["session_created"] = min((e["session_created"] for e in first if e["session_created"]), default=None)
        for name in ("source_identity", "person", "delivery", "provider"):
            row[name] = max((each[name] for each in first if each[name]), default=None)
    return rows


class _Chain:
    """The links from one credential back, as far as they are known; `here` is the last of them."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.of = row["access_key_id"] or row["principal_arn"]
        shell = ", some from CloudShell" if row["cloudshell"] else ""  # "Logging CloudShell API calls": its user agent
        text = f"the events of {self.of} name {row['principal_arn']}{_named(row)}{shell}"
        self.links = [_link(row, "uses", text)]
        self.here, self.seen = row, {row["access_key_id"]}

    def go_back(self, step: dict[str, Any]) -> None:
        """Takes the link before the last; one that ends the chain has `origin`."""
        self.links.append(step)
        if step["origin"]:
            return
        if step["access_key_id"] in self.seen:
            self.links.append(_end("unknown", "the chain comes back to a key it has had", step))
        elif len(self.links) == LINKS:
            self.links.append(_end("unknown", f"the chain is longer than {LINKS} links", step))
        self.seen.add(step["access_key_id"])
        self.here = step

    def told(self) -> list[dict[str, Any]]:
        """The links, numbered from the credential."""
        return [link | {"of": self.of, "depth": depth} for depth, link in enumerate(self.links)]


def _span(here: dict[str, Any]) -> tuple[datetime, datetime]:
    """When a session's credentials must have been given out."""
    created, first = _moment(here.get("session_created")), here["eventTime"]
    return shifted(created or first, -_NEAR if created else -_LONGEST), shifted(created or first, _NEAR)


def _issuers(heres: list[dict[str, Any]], place: Place) -> list[dict[str, Any]]:
    """The calls that may have given out the keys of these sessions, asked for at once."""
    sessions = [each for each in heres if _is_session(each)]
    if not sessions:
        return []
    spans = [_span(each) for each in sessions]
    keys = sorted({each["access_key_id"] for each in sessions})
    principals = sorted({each["principal_arn"] for each in sessions})
    console = [
        (max(since, row["first"]), min(until, row["last"]))
        for row in place.rows(_SIGNED_IN, principals=principals)
        for each, (since, until) in zip(sessions, spans, strict=True)
        if each["principal_arn"] == row["principal_arn"] and since <= row["last"] and until >= row["first"]
    ]
    return place.ask(
        "case_credentials",
        files=mentioned.files(place, keys, place.files(spans)) | place.files(console),
        since=min(since for since, _ in spans),
        until=max(until for _, until in spans),
        keys=keys,
        principals=principals,
    )


def _is_session(here: dict[str, Any]) -> bool:
    return str(here["access_key_id"] or "").startswith("ASIA")


def _before(
    here: dict[str, Any], calls: list[dict[str, Any]], makers: dict[str, dict[str, Any]], place: Place
) -> dict[str, Any]:
    """The link before a credential: the call that gave it out, or who holds it by himself."""
    kind, key = here["principal_type"], here["access_key_id"]
    if not _is_session(here):
        return _holder(here, makers.get(key))
    created, (since, until) = _moment(here.get("session_created")), _span(here)
    near = [each for each in calls if since <= each["eventTime"] <= until]
    issued = [each for each in near if each["issued"] == key]
    if issued:
        return _issued(issued, here, place)
    whose, session = here["principal_arn"], here["session_name"]
    signed = [e for e in near if e["issued"] is None and (e["principal_arn"], e["session_name"]) == (whose, session)]
    if created and signed:
        return _signed_in(min(signed, key=lambda each: abs(each["eventTime"] - created)), here)
    if kind in ("IAMUser", "Root"):
        return _end(
            "user" if kind == "IAMUser" else "root",
            "the events name the user; how the session began, no event tells",
            here,
        )
    if found := origins.by_its_events(here):
        return _end(found["kind"], found["text"], here) | {"name": found["name"]}
    if here.get("person") or here.get("source_identity") or "/AWSReservedSSO_" in here["principal_arn"]:
        return _by_word(here)
    return _end("unknown", f"no event of the lake gave out {key}", here)


def _issued(calls: list[dict[str, Any]], here: dict[str, Any], place: Place) -> dict[str, Any]:
    """The link of a call that gave out a session key; of an organization's twins the caller's own record tells more."""
    call = min(calls, key=lambda each: (each["principal_type"] == "AWSAccount", *origins.rank(each), each["eventID"]))
    twins = sorted({each["eventID"] for each in calls} - {call["eventID"]})
    session = f" as session {call['role_session']}" if call["role_session"] else ""
    text = f"{call['eventName']} gave out {here['access_key_id']}"
    text += f" for {call['role_arn'] or here['principal_arn']}{session}"
    link = _link(call, "session", f"{text}; asked by {_caller(call)}")
    link["twins"] = twins
    kind = call["principal_type"]
    if found := origins.outside(call):
        return link | found | {"text": link["text"] + found["text"], "origin": True}
    if kind == "AWSService":
        return link | {"kind": "service", "origin": True}
    if kind in ("WebIdentityUser", "SAMLUser"):
        name = call["user_name"] or "unknown"
        return link | {"kind": "federated", "origin": True, "name": name, "provider": call["provider"]}
    if kind == "AWSAccount":
        return _other_account(call, link, place)
    if kind in ("IAMUser", "Root") and not str(call["access_key_id"] or "").startswith("ASIA"):
        return link | {"kind": "root" if kind == "Root" else "user", "origin": True}
    return link


def _other_account(call: dict[str, Any], link: dict[str, Any], place: Place) -> dict[str, Any]:
    """A caller of another account whose own record is not in the lake: named by its unique id where that is known."""
    unique = str(call["principal_id"] or "")
    arns = sorted(each["principal_arn"] for each in place.rows(_UNIQUE, id=unique)) if unique else []
    link["principal_arn"] = arns[0] if len(arns) == 1 else call["principal_arn"]
    link["text"] += "; the caller's own record, and with it its key, is not in the lake"
    return link | {"kind": "unknown", "origin": True}


def _signed_in(call: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    if call["switched_from"]:
        text = f"SwitchRole in the console, from {call['switched_from']}"
        return _link(call, "switch role", text) | {"origin": True, "name": call["switched_from"], "access_key_id": None}
    mfa = {"Yes": " with MFA", "No": " without MFA"}.get(call["mfa"] or "", "")
    kind = {"IAMUser": "user", "Root": "root"}.get(call["principal_type"])
    link = _link(call, kind or "console", f"signed in to the console{mfa} from {call['sourceIPAddress']}")
    if kind is None:
        link |= {name: _by_word(here)[name] for name in ("kind", "name")} if _word(here) else {"kind": "unknown"}
    return link | {"origin": True, "access_key_id": None}


def _holder(here: dict[str, Any], made: dict[str, Any] | None) -> dict[str, Any]:
    """Who holds a long-lived key, or acts without one; `made` is the call that made the key."""
    kind = {"IAMUser": "user", "Root": "root", "AWSService": "service"}.get(here["principal_type"])
    if kind is None:
        if here["principal_type"] == "IdentityCenterUser":
            return _end("person", f"Identity Center user {here['person'] or here['principal_arn']}", here)
        return _end("unknown", f"the record does not tell who is behind {here['principal_arn']}", here)
    if made is None:
        more = "; no event of the lake made the key" if here["access_key_id"] and kind == "user" else ""
        return _end(kind, f"a credential of this {kind}{more}", here)
    text = f"a long-lived key of this user, made by {made['principal_arn']} from {made['sourceIPAddress']}"
    return _end(kind, text, here) | {
        "eventID": made["eventID"],
        "eventTime": made["eventTime"],
        "made_by": made["principal_arn"],
    }


def _makers(heres: list[dict[str, Any]], place: Place) -> dict[str, dict[str, Any]]:
    """By long-lived key of a user the call that made it, of the whole log: it may be older than the window."""
    users = (each for each in heres if each["principal_type"] == "IAMUser" and not _is_session(each))
    keys = sorted({each["access_key_id"] for each in users if each["access_key_id"]})
    spans = [(each["first"], each["last"]) for each in place.rows(_MADE)] if keys else []
    if not spans:
        return {}
    since, until = min(first for first, _ in spans), min(place.until, max(last for _, last in spans))
    files = mentioned.files(place, keys, place.files(spans))
    calls = place.ask("case_origins", files=files, since=since, until=until, made=keys)
    return {each["made"]: each for each in reversed(calls)}  # the first of each


def _word(here: dict[str, Any]) -> str | None:
    """The person as a session's own events name him: source identity, or Identity Center's session name."""
    if here.get("source_identity"):
        return str(here["source_identity"])
    if "/AWSReservedSSO_" in here["principal_arn"] and here["session_name"]:
        return str(here["session_name"])
    return here.get("person")


def _by_word(here: dict[str, Any]) -> dict[str, Any]:
    name = _word(here)
    if here.get("source_identity"):
        text = f"the session's source identity is {name}, set when the first role was assumed"
    else:
        text = f"Identity Center names the session after its user, {name}"
    return _end("person", f"{text}; no event of the lake gave out its credentials", here) | {"name": name}


def _link(row: dict[str, Any], kind: str, text: str) -> dict[str, Any]:
    names = ("principal_arn", "access_key_id", "session_name", "eventID", "eventTime")
    hidden = ("principal_type", "session_created", "source_identity", "person", "delivery", "provider")
    found = {name: row.get(name) for name in (*names, *hidden)}
    return {"kind": kind, "origin": False, "text": text} | found


def _end(kind: str, text: str, here: dict[str, Any]) -> dict[str, Any]:
    return _link(here, kind, text) | {"origin": True}


def _named(row: dict[str, Any]) -> str:
    session = f", session {row['session_name']}" if row["session_name"] else ""
    return f"{session}, source identity {row['source_identity']}" if row["source_identity"] else session


def _caller(call: dict[str, Any]) -> str:
    if call["principal_type"] in ("WebIdentityUser", "SAMLUser"):
        return f"{call['user_name'] or 'unknown'} of {call['provider'] or 'an identity provider'}"
    session = f", session {call['session_name']}" if call["session_name"] else ""
    return f"{call['principal_arn']}{session}"


def _moment(text: str | None) -> datetime | None:
    """A session's creationDate, as CloudTrail writes it; None where it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
