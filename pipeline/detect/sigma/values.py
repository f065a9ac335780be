"""One value of a rule, with what its modifiers made of it, as a test of a field: pySigma's types to leaves."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from itertools import product
from typing import Any

from sigma import types as t

from pipeline.detect.sigma.conditions import Leaf, Node, Not, Present, some
from pipeline.detect.sigma.fields import Field, field
from pipeline.detect.sigma.literals import Unfit, folded, literal

Placeholders = Mapping[str, tuple[str, ...]]
OWN, FOREIGN = "own_accounts", "foreign_accounts"
MAX_EXPANDED = 10_000
# An account's id where a value is one, or where a policy or an ARN has its place: 12 digits in a name are none.
_ACCOUNT = literal(r"""(?:^|["\s,]|arn:[^:"\s]*:[^:"\s]*:[^:"\s]*:)([0-9]{12})\b""")
_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_MANY, _ONE = t.SpecialChars.WILDCARD_MULTI, t.SpecialChars.WILDCARD_SINGLE


def leaf(where: Field, value: t.SigmaType, placeholders: Placeholders, anywhere: bool = False) -> Node:
    """The test that one value makes of a field; `anywhere` lets a text stand inside a longer one, as keywords do.

    Raises Unfit for what cannot be asked.
    """
    if isinstance(value, t.SigmaExpansion):
        return some([leaf(where, each, placeholders, anywhere) for each in value.values])
    if isinstance(value, t.SigmaString):
        if list(value.s) == [t.Placeholder(FOREIGN)]:
            return _foreign(where, placeholders.get(OWN, ()))
        return some([_text(where, each, anywhere) for each in expanded(value, placeholders)])
    if isinstance(value, t.SigmaRegularExpression):
        return Leaf(where, tests=(_regular(value),))
    if anywhere:
        if isinstance(value, t.SigmaNumber | t.SigmaBool) and not isinstance(value, t.SigmaTimestampPart):
            return _text(where, t.SigmaString(str(value).lower()), anywhere)
        raise Unfit("a keyword is a text, a number or a regular expression", "name a field for this value")
    if isinstance(value, t.SigmaNull):
        return Not(Present(where))
    if isinstance(value, t.SigmaExists):
        return Present(where) if value.exists else Not(Present(where))
    if isinstance(value, t.SigmaBool):
        return Leaf(where, equal=(literal(str(value.boolean).lower()),))
    if isinstance(value, t.SigmaFieldReference):
        return _reference(where, value)
    return Leaf(where, tests=(_computed(value),))


def expanded(value: t.SigmaString, placeholders: Placeholders) -> list[t.SigmaString]:
    """The text with every `%name%` replaced by each of its values; raises Unfit where one has none."""
    names = [each.name for each in value.s if isinstance(each, t.Placeholder)]
    if not names:
        return [value]
    for name in names:
        if name == FOREIGN:
            raise Unfit(f"%{FOREIGN}% is a part of a text", "let it stand alone: it finds accounts anywhere in a value")
        if not placeholders.get(name):
            raise Unfit(f"%{name}% has no values", f'set {name} = ["…"] under [placeholders] in trailsift.toml')
    size = 1
    for name in names:
        size *= len(placeholders[name])
    if size > MAX_EXPANDED:
        raise Unfit(f"its placeholders make {size:,} values", f"use fewer; {MAX_EXPANDED:,} is the most")
    found = []
    for choice in product(*(placeholders[name] for name in names)):
        given = iter(choice)
        parts: list[Any] = []
        for each in value.s:
            parts += t.SigmaString(next(given)).s if isinstance(each, t.Placeholder) else [each]
        made = type(value)()
        made.s = parts
        found.append(made)
    return found


def _text(where: Field, value: t.SigmaString, anywhere: bool) -> Node:
    parts = _merged([_MANY, *value.s, _MANY] if anywhere else list(value.s))
    cased = isinstance(value, t.SigmaCasedString)
    quote = literal if cased else folded
    texts = [each for each in parts if isinstance(each, str)]
    if not parts or parts == texts:
        found = (quote(texts[0] if texts else ""),)
        return Leaf(where, exact=found) if cased else Leaf(where, equal=found)
    if parts == [_MANY]:
        return Present(where)
    shape = [None if isinstance(each, str) else each for each in parts]
    name = {(None, _MANY): "starts_with", (_MANY, None): "ends_with", (_MANY, None, _MANY): "contains"}.get(
        tuple(shape)
    )
    if name:
        sought = quote(texts[0])
        return Leaf(where, tests=(lambda x: f"{name}({x if cased else f'lower({x})'}, {sought})",))
    pattern = quote("".join(_like(each) for each in parts))
    return Leaf(where, tests=(lambda x: f"{x if cased else f'lower({x})'} like {pattern} escape '~'",))


def _merged(parts: list[Any]) -> list[Any]:
    """The parts with neighbouring texts, and neighbouring `*`, made one."""
    found: list[Any] = []
    for each in parts:
        if found and isinstance(each, str) and isinstance(found[-1], str):
            found[-1] += each
        elif each == "" or (found and each is _MANY and found[-1] is _MANY):
            continue
        else:
            found.append(each)
    return found


def _like(part: Any) -> str:
    if isinstance(part, str):
        return part.replace("~", "~~").replace("%", "~%").replace("_", "~_")
    return "%" if part is _MANY else "_"


def _regular(value: t.SigmaRegularExpression) -> Any:
    if not isinstance(value.regexp, t.SigmaString):
        raise Unfit("a regular expression is no text", "put it in quotes")
    if value.contains_placeholder():
        raise Unfit("a placeholder stands in a regular expression", "write its values, or use contains")
    flags = "".join(sorted(value.sigma_to_re_flag[each] for each in value.flags))
    pattern = literal((f"(?{flags})" if flags else "") + str(value.regexp))
    return lambda x: f"regexp_matches({x}, {pattern})"


def _computed(value: t.SigmaType) -> Any:
    """The test of a value that is no text: a number, a comparison, a network, a part of a time."""
    if isinstance(value, t.SigmaTimestampPart):
        part, wanted = value.timestamp_part.name.lower(), int(value.number)
        return lambda x: f"date_part('{part}', try_cast({x} as timestamptz)) = {wanted}"
    if isinstance(value, t.SigmaNumber):
        text, number = literal(str(value.number)), _double(value)
        return lambda x: f"({x} = {text} or sigma_number({x}) = {number})"
    if isinstance(value, t.SigmaCompareExpression) and value.op.name in _OPERATORS:
        operator, number = _OPERATORS[value.op.name], _double(value.number)
        return lambda x: f"sigma_number({x}) {operator} {number}"
    if isinstance(value, t.SigmaCIDRExpression):
        return _network(value.network)
    raise Unfit(f"{type(value).__name__} is not supported", "see the README for what a rule may hold")


def _double(number: t.SigmaNumber) -> str:
    return f"{float(number.number)!r}::double"


def _network(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Any:
    """A range of addresses; the cheap look at how the text begins comes first, as most addresses lie elsewhere."""
    first, last = network.network_address, network.broadcast_address
    if isinstance(first, ipaddress.IPv4Address):
        low, high = (".".join(f"{octet:03}" for octet in each.packed) for each in (first, last))
        begins = "".join(f"{octet}." for octet in first.packed[: min(network.prefixlen // 8, 3)])
        return lambda x: f"case when starts_with({x}, '{begins}') then sigma_ip4({x}) between '{low}' and '{high}' end"
    low, high = first.packed.hex(), last.packed.hex()
    return lambda x: f"case when contains({x}, ':') then sigma_ip6({x}) between '{low}' and '{high}' end"


def _foreign(where: Field, own: tuple[str, ...]) -> Node:
    """Whether a value names an account that is neither among one's own nor the one the event was delivered to.

    Each value, and each account in it, is looked at by itself: own accounts beside a foreign one do not hide it.
    """
    known = f"[{', '.join(literal(each) for each in own)}]::varchar[]"

    def test(x: str) -> str:
        others = f"a is distinct from recipientAccountId and not list_contains({known}, a)"
        return f"len(list_filter(regexp_extract_all({x}, {_ACCOUNT}, 1), lambda a: {others})) > 0"

    return Leaf(where, tests=(test,), others=frozenset(["recipientAccountId"]))


def _reference(where: Field, value: t.SigmaFieldReference) -> Node:
    other = field(value.field)
    texts = other.texts

    def met(x: str, y: str) -> str:
        one, two = f"lower({x})", f"lower({y})"
        if value.starts_with and value.ends_with:
            return f"contains({one}, {two})"
        if value.starts_with or value.ends_with:
            return f"{'starts_with' if value.starts_with else 'ends_with'}({one}, {two})"
        return f"{one} = {two}"

    def test(x: str) -> str:
        if not other.many:
            return met(x, str(other.sql))
        return f"len(list_filter({texts}, lambda y: coalesce({met(x, 'y')}, false))) > 0"

    return Leaf(where, tests=(test,), others=other.columns)
