"""Who it really was: from a key or session back to the person, the service or the pipeline that began the chain.

Each link stands on the event that proves it; where the log has none the chain ends in `unknown`, with the reason.
The credentials of a session are in the answer of the call that gave them out ("Logging IAM and AWS STS API calls with
AWS CloudTrail"); a console session's are given out without a record, but its sign-in is at the time of its creation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pipeline.casework import origins
from pipeline.casework.seeds import Place

LINKS = 12  # a chain of roles longer than this is cut
CHAINS = 20  # credentials whose chains are told
_NEAR = timedelta(minutes=5)  # creationDate and the call's eventTime are of one moment; clocks differ
_LONGEST = timedelta(hours=36)  # longest life of a session (GetSessionToken)

_CREDENTIALS = """
select
    access_key_id,
    arg_min(principal_arn, (eventTime, eventID)) as principal_arn,
    arg_min(principal_type, (eventTime, eventID)) as principal_type,
    arg_min(session_name, (eventTime, eventID)) as session_name,
    min(session_created) as session_created,
    max(source_identity) as source_identity,
    max(person) as person,
    max(delivery) as delivery,
    max(provider) as provider,
    coalesce(bool_or(contains(userAgent, 'exec-env/CloudShell')), false) as cloudshell,
    coalesce(bool_or(console), false) as console,
    arg_min(eventID, (eventTime, eventID)) as eventID,
    min(eventTime) as eventTime,
    count(*) as events
from story
where not by_time
  and (access_key_id is not null or principal_arn <> 'unknown')
  and ($key is null or access_key_id = $key)
group by access_key_id, case when access_key_id is null then principal_arn end
order by events desc, access_key_id
limit $most
"""
_MADE = """
select first_seen as first, last_seen as last
from lake.usage
where eventSource = 'iam.amazonaws.com' and eventName = 'CreateAccessKey' and outcome = 'ok'
"""
_UNIQUE = "select distinct principal_arn from lake.usage where principal_id = $id and principal_arn like 'arn:%'"


def chains(place: Place, key: str | None) -> tuple[list[dict[str, Any]], int]:
    """The links of each credential of the case, and of how many credentials there are more.

    A link: `of` (the credential that its chain begins with), `depth`, `kind`, `principal_arn`, `access_key_id`,
    `session_name`, `eventID` and `eventTime` (the proof), `text`. The last of a chain has `origin` true, and the kind
    `unknown` where the log does not tell who was before. With `key` only that one's chain.
    """
    rows = place.engine.rows(_CREDENTIALS, {"key": key, "most": CHAINS + 1})
    links: list[dict[str, Any]] = []
    for row in rows[:CHAINS]:
        links += _chain(row, place)
    return links, max(len(rows) - CHAINS, 0)


def _chain(row: dict[str, Any], place: Place) -> list[dict[str, Any]]:
    of = row["access_key_id"] or row["principal_arn"]
    shell = ", some from CloudShell" if row["cloudshell"] else ""  # "Logging CloudShell API calls": its user agent
    links = [_link(row, "uses", f"the events of {of} name {row['principal_arn']}{_named(row)}{shell}")]
    here, seen = row, {row["access_key_id"]}
    while len(links) < LINKS:
        step = _before(here, place)
        links.append(step)
        if step["origin"]:
            break
        if step["access_key_id"] in seen:
            links.append(_end("unknown", "the chain comes back to a key it has had", step))
            break
        seen.add(step["access_key_id"])
        here = step
    else:
        links.append(_end("unknown", f"the chain is longer than {LINKS} links", here))
    for depth, each in enumerate(links):
        each |= {"of": of, "depth": depth}
    return [{name: value for name, value in each.items() if not name.startswith("_")} for each in links]


def _before(here: dict[str, Any], place: Place) -> dict[str, Any]:
    """The link before a credential: the call that gave it out, or who holds it by himself."""
    kind, key = here["principal_type"], here["access_key_id"]
    if not str(key or "").startswith("ASIA"):
        return _holder(here, place)
    created = _moment(here.get("session_created"))
    first = here["eventTime"]
    since, until = (created - _NEAR, created + _NEAR) if created else (first - _LONGEST, first + _NEAR)
    calls = place.ask(
        "case_credentials",
        files=place.files([(since, until)]),
        since=since,
        until=until,
        keys=[key],
        principals=[here["principal_arn"]],
    )
    issued = [each for each in calls if each["issued"] == key]
    if issued:
        return _issued(issued, here, place)
    signed = [e for e in calls if e["issued"] is None and e["session_name"] == here["session_name"]]
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


def _holder(here: dict[str, Any], place: Place) -> dict[str, Any]:
    """Who holds a long-lived key, or acts without one."""
    kind = {"IAMUser": "user", "Root": "root", "AWSService": "service"}.get(here["principal_type"])
    if kind is None:
        if here["principal_type"] == "IdentityCenterUser":
            return _end("person", f"Identity Center user {here['person'] or here['principal_arn']}", here)
        return _end("unknown", f"the record does not tell who is behind {here['principal_arn']}", here)
    key = here["access_key_id"]
    makers = _makers(key, place) if kind == "user" and key else []
    if not makers:
        more = "; no event of the lake made the key" if key and kind == "user" else ""
        return _end(kind, f"a credential of this {kind}{more}", here)
    made = makers[0]
    text = f"a long-lived key of this user, made by {made['principal_arn']} from {made['sourceIPAddress']}"
    return _end(kind, text, here) | {
        "eventID": made["eventID"],
        "eventTime": made["eventTime"],
        "made_by": made["principal_arn"],
    }


def _makers(key: str, place: Place) -> list[dict[str, Any]]:
    """The calls that made a long-lived key, of the whole log: it may be older than the window."""
    spans = [(each["first"], each["last"]) for each in place.rows(_MADE)]
    if not spans:
        return []
    since, until = min(first for first, _ in spans), min(place.until, max(last for _, last in spans))
    return place.ask("case_origins", files=place.files(spans), since=since, until=until, made=[key])


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
