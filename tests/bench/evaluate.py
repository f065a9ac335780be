"""How many requests a second one core judges: repeated ones, and ones never seen before.

    python tests/bench/evaluate.py [REQUESTS]

The policies are of the size people have: twelve managed policies of ten statements on a role, a boundary, three
levels of SCPs, RCPs, a bucket policy; conditions, variables and wildcards in the proportions of AWS's examples.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

from pipeline.iam.decisions import Request, request
from pipeline.iam.evaluate import Evaluator

ACCOUNT = "111122223333"
SERVICES = ["s3", "sqs", "sns", "ec2", "dynamodb", "lambda", "kms", "logs", "iam", "glue", "athena", "secretsmanager"]
CONDITIONS: list[dict[str, Any]] = [
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"]}},
    {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}},
    {"StringLike": {"s3:prefix": ["home/${aws:username}/*", "shared/*"]}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}},
    {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
]


def statement(dice: random.Random, service: str, **more: Any) -> dict[str, Any]:
    actions = [f"{service}:{word}*" for word in dice.sample(["Get", "List", "Describe", "Put", "Create", "Delete"], 3)]
    resources = [
        f"arn:aws:{service}:*:{ACCOUNT}:team-{dice.randrange(50)}/*",
        f"arn:aws:{service}:::{service}-*-data/*",
    ]
    made: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources} | more
    if dice.random() < 0.3:
        made["Condition"] = dice.choice(CONDITIONS)
    return made


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def policies(dice: random.Random) -> dict[str, Any]:
    """One role's policies, 157 statements."""
    identity = [document([statement(dice, each) for _ in range(10)]) for each in SERVICES]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    region = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}
    guard = {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": region}
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-example"}}
    fence = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": outside}
    return {
        "identity": identity,
        "boundary": [document([{"Effect": "Allow", "Action": [f"{each}:*" for each in SERVICES], "Resource": "*"}])],
        "scps": [[document([everything])], [document([everything]), document([guard])], [document([everything])]],
        "rcps": [[document([fence])]],
        "resource": document([statement(dice, "s3", Principal={"AWS": ACCOUNT}) for _ in range(20)]),
    }


def requests(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Requests no two of which are alike."""
    made = []
    for number in range(count):
        service = dice.choice(SERVICES)
        action = dice.choice(["GetThing", "ListThings", "DescribeThing", "PutThing", "DeleteThing"])
        made.append(
            {
                "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session-{number % 50}",
                "action": f"{service}:{action}",
                "resource": f"arn:aws:{service}:us-east-1:{ACCOUNT}:team-{dice.randrange(50)}/object-{number}",
                "context": {
                    "aws:MultiFactorAuthPresent": dice.choice(["true", "false"]),
                    "aws:SourceIp": f"10.0.{dice.randrange(256)}.{dice.randrange(256)}",
                    "aws:RequestedRegion": "us-east-1",
                    "aws:PrincipalOrgID": "o-example",
                    "aws:CurrentTime": "2026-10-31T12:00:00Z",
                },
            }
        )
    return made


def rate(evaluator: Evaluator, asked: list[Request]) -> float:
    """Decisions a second of processor time."""
    start = time.process_time()
    for each in asked:
        evaluator.decide(each)
    return len(asked) / (time.process_time() - start)


def main(count: int) -> None:
    dice = random.Random(7)
    given = policies(dice)
    start = time.process_time()
    evaluator = Evaluator(given)
    print(f"compile   {(time.process_time() - start) * 1000:>10,.1f} ms")
    lines = requests(dice, count)
    start = time.process_time()
    asked = [request(each) for each in lines]
    print(f"read      {count / (time.process_time() - start):>10,.0f} requests/s")
    print(f"distinct  {rate(evaluator, asked):>10,.0f} decisions/s")
    print(f"repeated  {rate(evaluator, asked[:1000] * (count // 1000)):>10,.0f} decisions/s")
    open_ = [request(each, partial=True) for each in requests(dice, count // 10)]
    print(f"partial   {rate(evaluator, open_):>10,.0f} decisions/s (distinct, unknown keys)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
