"""Each question that gives points, on lives made by hand: what must count, and what must not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.detect.life import (
    ATTACH,
    CATALOG,
    ENDPOINT,
    NEW_NET,
    NOW,
    ON_BEHALF,
    SERVICE,
    USER,
    Records,
    assume,
    at,
    change,
    examined,
    grant,
    habits,
    named,
    points,
    refused,
    role,
)
from tests.logs import event

WORKER = event()["userIdentity"]
CALLS = [f"Describe{n}" for n in range(8)]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
EC2 = {"userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}}
SDK = {"userAgent": "Boto3/1.34"}
TYPING = {"userAgent": "aws-cli/2.17"}
BROWSER = {"userAgent": "Mozilla/5.0", "sessionCredentialFromConsole": "true"}
SECRET = {"eventSource": "secretsmanager.amazonaws.com", "eventName": "GetSecretValue"}
MODEL = {"eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel", "readOnly": True}


def machine(**changes: Any) -> Records:
    """A month of an instance's role, which the service ec2 takes every day."""
    identity = role("machine", "i-0123456789abcdef0")
    taken = [assume("machine", NOW - DAY * n, **EC2) for n in range(1, 31)]
    return [*taken, *habits(**({"userIdentity": identity, "userAgent": "Boto3/1.34"} | changes))]


def from_machine(**changes: Any) -> dict[str, Any]:
    return at(NOW, **({"userIdentity": role("machine", "i-0123456789abcdef0"), "userAgent": "Boto3/1.34"} | changes))


def moving(identity: dict[str, Any], **there: Any) -> Records:
    """One session's key, used at home and a minute later from elsewhere."""
    return [at(NOW, userIdentity=identity), at(NOW + MINUTE, userIdentity=identity, **(NEW_NET | there))]


def many(count: int, moment: Any = NOW, **changes: Any) -> Records:
    return [at(moment + timedelta(seconds=n), **changes) for n in range(count)]


def key_for_bob(**there: Any) -> Records:
    """A key that somebody made for bob, whom the log does not know, used an hour later."""
    return [at(NOW + timedelta(hours=1), userIdentity=named("bob"), **there)]


def others(count: int, call: dict[str, Any]) -> Records:
    """The same by other users of the account, weeks before."""
    weeks_before = {"eventTime": "2026-10-08T09:00:00Z"}
    return [call | weeks_before | {"eventID": f"o{n}", "userIdentity": named(f"o{n}")} for n in range(count)]


def grant_at(moment: datetime) -> Records:
    return [each | {"eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for each in grant("AttachUserPolicy", ATTACH)]


def refused_at(moment: datetime) -> Records:
    return [each | {"eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for each in refused(CALLS)]


def each_day(count: int, days: int, **changes: Any) -> Records:
    """So many calls on each of the last days."""
    return [each for n in range(days) for each in many(count, NOW - DAY * n, **changes)]


def made(name: str, days_ago: int) -> dict[str, Any]:
    """The making of a user."""
    given = {"requestParameters": {"userName": name}, "userIdentity": WORKER}
    return change("CreateUser", NOW - DAY * days_ago, **given)


def vain(count: int, moment: datetime = NOW, **changes: Any) -> Records:
    """Roles that somebody tries, and is refused."""
    given = {"userIdentity": WORKER, "errorCode": "AccessDenied"} | changes
    return [assume(f"r{n}", moment, **given) for n in range(count)]


OFFICE = habits(userIdentity=USER)
HOME = [*OFFICE, at(NOW, userIdentity=USER, **NEW_NET)]
PEOPLE = [each for n in range(6) for each in habits(userIdentity=named(f"p{n}"), **BROWSER)]

# question → (what happens, whether it gives points); the first is the plainest that must.
CASES: dict[str, list[tuple[str, Records, bool]]] = {
    "access_key_from_new_network": [
        ("a known key elsewhere", HOME, True),
        ("a key at home", [*OFFICE, at(NOW, userIdentity=USER)], False),
        ("a new key at home", [*OFFICE, at(NOW, userIdentity=USER | {"accessKeyId": "AKIANEW"})], False),
        ("too little history", [*habits(5, userIdentity=USER), at(NOW, userIdentity=USER, **NEW_NET)], False),
        ("a role's session", [*habits(), at(NOW, **NEW_NET)], False),
        ("a service on behalf", [*OFFICE, at(NOW, userIdentity=USER | ON_BEHALF, **NEW_NET)], False),
        ("a service's address", [*OFFICE, at(NOW, userIdentity=USER, sourceIPAddress="athena.amazonaws.com")], False),
        ("through an endpoint", [*OFFICE, at(NOW, userIdentity=USER, **ENDPOINT)], False),
        ("a key of a user without history", [*habits(), *key_for_bob(**NEW_NET)], True),
        ("the same from where others are", [*habits(), *key_for_bob()], False),
        ("the same in a log too short", [*habits(5), *key_for_bob(**NEW_NET)], False),
    ],
    "new_network": [
        ("a session elsewhere", [*habits(), at(NOW, **NEW_NET)], True),
        ("at home", [*habits(), at(NOW)], False),
        ("a key, which has a question of its own", HOME, False),
        ("through an endpoint", [*habits(), at(NOW, **ENDPOINT)], False),
        ("a private address", [*habits(), at(NOW, sourceIPAddress="172.20.1.2")], False),
        ("too little history", [*habits(5), at(NOW, **NEW_NET)], False),
    ],
    "service_role_used_outside": [
        ("another network", [*machine(), from_machine(**NEW_NET)], True),
        ("another network after an endpoint", [*machine(**ENDPOINT), from_machine(**NEW_NET)], True),
        ("another tool", [*machine(), from_machine(userAgent="aws-cli/2.17")], True),
        ("by a person", [*machine(), from_machine(**BROWSER)], True),
        ("as ever", [*machine(), from_machine()], False),
        ("a newer tool", [*machine(), from_machine(userAgent="Boto3/1.35")], False),
        ("through an endpoint", [*machine(), from_machine(**ENDPOINT)], False),
        ("a role of people", [*habits(), at(NOW, **NEW_NET)], False),
    ],
    "session_from_second_network": [
        ("a machine's session", [*machine(), *moving(role("machine", "i-0123456789abcdef0"))], True),
        ("a program's session", [*habits(), *moving(WORKER)], True),
        ("over IPv4 and IPv6", [*habits(), *moving(WORKER, sourceIPAddress="2001:db8::1")], False),
        ("another session", [*habits(), at(NOW, userIdentity=role("worker", key="ASIAB"), **NEW_NET)], False),
        ("through an endpoint", [*habits(), *moving(WORKER, **ENDPOINT)], False),
        ("a long-lived key", [*OFFICE, *moving(USER)], False),
        ("too little history", [*habits(5), *moving(WORKER)], False),
    ],
    "first_sensitive_call": [
        ("a change of identities", [*habits(), change("AttachRolePolicy")], True),
        ("a secret read", [*habits(), at(NOW, **SECRET)], True),
        ("what others do, too", [*habits(), *others(4, change("CreateTags")), change("CreateTags")], False),
        ("what few others do", [*habits(), *others(2, change("CreateTags")), change("CreateTags")], True),
        ("identities, as others do", [*habits(), *others(4, change("DeleteUser")), change("DeleteUser")], True),
        ("a plain read", [*habits(), at(NOW, eventName="DescribeVpcs")], False),
        ("made before", [*habits(eventName="DeleteTags", readOnly=False), change("DeleteTags")], False),
        ("too little history", [*habits(5), change("AttachRolePolicy")], False),
        ("refused", [*habits(), change("AttachRolePolicy", errorCode="AccessDenied")], False),
        ("a service on behalf", [*habits(), change("AttachRolePolicy", userIdentity=WORKER | ON_BEHALF)], False),
    ],
    "many_new_calls": [
        ("eight", [*habits(), *[at(NOW, eventName=each) for each in CALLS]], True),
        ("four", [*habits(), *[at(NOW, eventName=each) for each in CALLS[:4]]], False),
        ("eight in the first week", [*habits(5), *[at(NOW, eventName=each) for each in CALLS]], False),
    ],
    "access_denied_burst": [
        ("eight calls in five minutes", [*habits(), *refused(CALLS)], True),
        ("one call many times", [*habits(), *refused(["DescribeInstances"] * 40)], False),
        ("a service", [*habits(), *refused(CALLS, userIdentity=SERVICE)], False),
        ("a service on behalf", [*habits(), *refused(CALLS, userIdentity=WORKER | ON_BEHALF)], False),
        ("other errors", [*habits(), *refused(CALLS, errorCode="NoSuchEntity")], False),
        ("refused every day", [*habits(), *[each for n in range(9) for each in refused_at(NOW - DAY * n)]], False),
        ("too little history", [*habits(5), *refused(CALLS)], False),
    ],
    "self_granted_permissions": [
        ("a user attaches to itself", grant("AttachUserPolicy", ATTACH), True),
        ("a role writes into itself", grant("PutRolePolicy", {"roleName": "worker"}, userIdentity=WORKER), True),
        ("removes its own boundary", grant("DeleteUserPermissionsBoundary", {"userName": "anna"}), True),
        ("joins a group", grant("AddUserToGroup", {"userName": "anna", "groupName": "admins"}), True),
        ("to somebody else", grant("AttachUserPolicy", ATTACH | {"userName": "bob"}), False),
        ("a user to a role of its name", grant("AttachRolePolicy", {"roleName": "anna"}), False),
        ("refused", grant("AttachUserPolicy", ATTACH, errorCode="AccessDenied"), False),
        ("as a habit", [each for n in range(4) for each in grant_at(NOW - DAY * n)], False),
    ],
    "allowed_after_own_change": [
        (
            "refused, granted, done",
            [
                at(NOW - MINUTE, userIdentity=USER, errorCode="AccessDenied", **SECRET),
                *grant("AttachUserPolicy", ATTACH),
                at(NOW + MINUTE, userIdentity=USER, **SECRET),
            ],
            True,
        ),
        (
            "refused a month ago too",
            [
                at(NOW - 30 * DAY, userIdentity=USER, errorCode="AccessDenied", **SECRET),
                at(NOW - MINUTE, userIdentity=USER, errorCode="AccessDenied", **SECRET),
                *grant("AttachUserPolicy", ATTACH),
                at(NOW + MINUTE, userIdentity=USER, **SECRET),
            ],
            True,
        ),
        (
            "refused a month ago only",
            [
                at(NOW - 30 * DAY, userIdentity=USER, errorCode="AccessDenied", **SECRET),
                *grant("AttachUserPolicy", ATTACH),
                at(NOW + MINUTE, userIdentity=USER, **SECRET),
            ],
            False,
        ),
        ("never refused", [*grant("AttachUserPolicy", ATTACH), at(NOW + MINUTE, userIdentity=USER, **SECRET)], False),
        (
            "granted by another",
            [
                at(NOW - MINUTE, userIdentity=USER, errorCode="AccessDenied", **SECRET),
                *grant("AttachUserPolicy", ATTACH, userIdentity=named("bob")),
                at(NOW + MINUTE, userIdentity=USER, **SECRET),
            ],
            False,
        ),
    ],
    "new_role": [
        ("a role never taken", [*habits(), assume("admin", userIdentity=WORKER)], True),
        (
            "taken before",
            [*habits(), *(assume("admin", NOW - DAY * n, userIdentity=WORKER) for n in range(4))],
            False,
        ),
        ("refused", [*habits(), assume("admin", userIdentity=WORKER, errorCode="AccessDenied")], False),
        ("a machine's role", [*machine(), *habits(), assume("machine", userIdentity=WORKER)], True),
        ("by a service", [*habits(), assume("admin", **EC2)], False),
        ("too little history", [*habits(5), assume("admin", userIdentity=WORKER)], False),
    ],
    "roles_refused": [
        ("roles never tried", [*habits(), *vain(3)], True),
        ("refused before", [*habits(), *(each for n in range(4) for each in vain(3, NOW - DAY * n))], False),
        ("taken at last", [*habits(), *vain(1), assume("r0", NOW, userIdentity=WORKER)], False),
        ("failed for another reason", [*habits(), *vain(3, errorCode="ValidationError")], False),
        ("too little history", [*habits(5), *vain(3)], False),
    ],
    "new_region": [
        ("another region", [*habits(), at(NOW, awsRegion="ap-south-1")], True),
        ("the same region", [*habits(), at(NOW)], False),
        ("a global service", [*habits(), change("CreateUser", awsRegion="us-east-1")], False),
        ("refused", [*habits(), at(NOW, awsRegion="ap-south-1", errorCode="AccessDenied")], False),
    ],
    "new_agent": [
        ("another tool", [*habits(), at(NOW, userAgent="curl/8.1")], True),
        ("a newer version", [*habits(), at(NOW, userAgent="aws-cli/2.99")], False),
        ("a service's", [*habits(), at(NOW, userAgent="cloudformation.amazonaws.com")], False),
    ],
    "dormant_principal": [
        ("after two months", [*[at(NOW - DAY * (60 + n)) for n in range(10)], at(NOW)], True),
        ("after a month", [*[at(NOW - DAY * (30 + n)) for n in range(10)], at(NOW)], False),
        ("new", [at(NOW)], False),
        ("a user seen once before", [*habits(60), *(at(t, userIdentity=USER) for t in (NOW - DAY * 50, NOW))], True),
        ("a role seen once before", [*habits(60, userIdentity=USER), at(NOW - DAY * 50), at(NOW)], False),
        ("a user never seen in two months", [*habits(60), at(NOW, userIdentity=named("bob"))], True),
        ("a user never seen in one", [*habits(30), at(NOW, userIdentity=named("bob"))], False),
        ("a user made meanwhile", [*habits(60), made("bob", 3), at(NOW, userIdentity=named("bob"))], False),
        ("another made meanwhile", [*habits(60), made("eve", 3), at(NOW, userIdentity=named("bob"))], True),
        ("a role never seen", [*habits(60), at(NOW, userIdentity=role("batch"))], False),
    ],
    "slow_reading": [
        ("eight secrets a day", [*habits(**TYPING), *each_day(8, 5, **SECRET)], True),
        ("forty on one day", [*habits(**TYPING), *many(40, **SECRET)], False),
        (
            "forty on one day, and few on others",
            [*habits(**TYPING), *many(40, **SECRET), *each_day(3, 5, **SECRET)],
            False,
        ),
        ("eight a day on two days", [*habits(**TYPING), *each_day(30, 2, **SECRET)], False),
        ("as every week", habits(**TYPING, **SECRET), False),
        ("by a program", [*habits(**SDK), *each_day(8, 5, **SECRET, **SDK)], False),
        ("refused", [*habits(**TYPING), *each_day(8, 5, errorCode="AccessDenied", **SECRET)], False),
        ("eight objects a day", [*habits(**TYPING), *each_day(8, 5, eventName="GetObject")], False),
        ("in the second week", [*habits(12, **TYPING), *each_day(8, 5, **SECRET)], False),
    ],
    "first_model_call": [
        ("a model called", [*habits(), at(NOW, **MODEL)], True),
        ("as before", [*habits(), at(NOW - DAY * 3, **MODEL), at(NOW, **MODEL)], False),
        ("models asked about", [*habits(), at(NOW, **(MODEL | {"eventName": "ListFoundationModels"}))], False),
        ("refused", [*habits(), at(NOW, errorCode="AccessDenied", **MODEL)], False),
        ("too little history", [*habits(5), at(NOW, **MODEL)], False),
    ],
    "many_services": [
        (
            "eight services",
            [*habits(), *[at(NOW, eventSource=f"s{n}.amazonaws.com", eventName=f"List{n}") for n in range(8)]],
            True,
        ),
        ("three services", [*habits(), *[at(NOW, eventSource=f"s{n}.amazonaws.com") for n in range(3)]], False),
    ],
    "volume_burst": [
        ("secrets", [*habits(**SECRET), *many(60, **SECRET)], True),
        ("as many as ever", [*habits(**SECRET), *many(60, **SECRET), *many(50, NOW - DAY, **SECRET)], False),
        ("few", [*habits(**SECRET), *many(20, **SECRET)], False),
        ("a plain call", [*habits(), *many(60)], False),
        ("refused", [*habits(**SECRET), *many(60, errorCode="AccessDenied", **SECRET)], False),
    ],
    "off_hours": [
        ("in the night", [*habits(), at(NOW.replace(hour=22))], True),
        ("an hour later than ever", [*habits(), at(NOW.replace(hour=13))], False),
        ("with a history of ten days", [*habits(10), at(NOW.replace(hour=22))], False),
    ],
    "unusual_among_peers": [
        ("a change nobody makes", [*PEOPLE, change("CreateUser", userIdentity=named("p0"), **BROWSER)], True),
        (
            "one that another made",
            [
                *PEOPLE,
                change("CreateUser", NOW - DAY * 9, userIdentity=named("p1"), **BROWSER),
                change("CreateUser", userIdentity=named("p0"), **BROWSER),
            ],
            False,
        ),
        ("by a program", [*PEOPLE, *habits(**SDK), change("CreateUser", **SDK)], False),
    ],
}


def test_every_question_that_gives_points_has_cases() -> None:
    asked = {each.id.removeprefix("anomalies/") for each in CATALOG.queries.values() if each.most is not None}
    assert asked == set(CASES)
    for cases in CASES.values():
        assert {expected for _, _, expected in cases} == {True, False}


@pytest.mark.parametrize(
    ("question", "records", "expected"),
    [(question, records, expected) for question, cases in CASES.items() for _, records, expected in cases],
    ids=[f"{question}: {name}" for question, cases in CASES.items() for name, _, _ in cases],
)
def test_case(question: str, records: Records, expected: bool) -> None:
    given = points(examined(records))
    assert (question in given) == expected, given
    assert given.get(question, 1) > 0


def test_a_role_that_only_services_took_weighs_more() -> None:
    takes = [*habits(), assume("machine", userIdentity=WORKER)]
    assert points(examined([*machine(), *takes]))["new_role"] > 2 * points(examined(takes))["new_role"]


def test_an_office_that_moves_weighs_less_than_one_person_who_does() -> None:
    crowd = [named(f"p{n}") for n in range(5)]
    home = [each for who in crowd for each in habits(userIdentity=who)]
    one, all_of_them = (
        points(examined([*home, *(at(NOW, userIdentity=who, **NEW_NET) for who in movers)]))
        for movers in (crowd[:1], crowd)
    )
    assert all_of_them["access_key_from_new_network"] < one["access_key_from_new_network"]


def test_whoever_changes_identities_all_the_time_is_less_of_a_surprise() -> None:
    """Twelve such calls known, one of them new some days ago; against somebody who never made any."""
    verbs = [f"{verb}{what}Policy" for verb in ("Put", "Attach", "Delete") for what in ("Role", "User", "Group", "")]
    deployer = [change(name, NOW - DAY * (29 - n // 3), userIdentity=WORKER) for n, name in enumerate(verbs)]
    new = change("UpdateLoginProfilePolicy", userIdentity=WORKER)
    busy, quiet = (points(examined([*habits(), *before, new])) for before in (deployer, []))
    assert busy["first_sensitive_call"] < 0.5 * quiet["first_sensitive_call"]


def test_who_wakes_and_tries_what_its_key_opens_weighs_more_than_who_works() -> None:
    """35 for the silence; 2 for each of 10 calls over 5, 4 for each of 5 refused. The console says nothing."""
    before = [*habits(60), at(NOW - DAY * 50, userIdentity=USER)]
    tries = [at(NOW + MINUTE * n, eventName=f"List{n}", userIdentity=USER) for n in range(10)]
    tries += refused(CALLS[:5], userIdentity=USER)
    assert points(examined([*before, at(NOW, userIdentity=USER)]))["dormant_principal"] == 35
    assert points(examined([*before, *tries]))["dormant_principal"] == 75
    clicked = [each | BROWSER for each in tries]
    assert points(examined([*before, *clicked]))["dormant_principal"] == 35


def test_what_others_take_is_no_excuse_for_who_comes_from_a_place_nobody_knows() -> None:
    """The role is ordinary for others (0.6 of 35 for a person), but not from a network new to the whole account."""
    known = [*habits(), *habits(userIdentity=USER), assume("admin", NOW - DAY * 9, userIdentity=USER)]
    assert points(examined([*known, assume("admin", userIdentity=WORKER)]))["new_role"] == 21
    assert points(examined([*known, assume("admin", userIdentity=WORKER, **NEW_NET)]))["new_role"] == 35


def test_a_program_that_scouts_and_fails_before_a_model_answers_weighs_most() -> None:
    """45 for a program, by half more where no program of the account uses models; 20 for scouting, 10 for failures."""
    program = habits(**SDK)
    scouted = at(NOW, **(MODEL | SDK | {"eventName": "GetModelInvocationLoggingConfiguration"}))
    failed = [at(NOW + MINUTE, errorCode="ValidationException", **(MODEL | SDK))] * 3
    failed = [each | {"eventID": f"f{n}"} for n, each in enumerate(failed)]
    called = at(NOW + 2 * MINUTE, **(MODEL | SDK))
    assert points(examined([*program, called]))["first_model_call"] == 68
    assert points(examined([*program, scouted, *failed, called]))["first_model_call"] == 98
    user = [*habits(userIdentity=named("app"), **SDK), at(NOW - DAY * 9, userIdentity=named("app"), **(MODEL | SDK))]
    assert points(examined([*program, *user, called]))["first_model_call"] == 45
