"""SQL macros that rules are written with: members of JSON in any case and through arrays, numbers, addresses.

They are made on a connection before rules are asked. A JSON text that DuckDB refuses because of an unpaired surrogate
is read with U+FFFD in its place: a caller who can get one into a request must not hide the request by it. Nor by
letters that are escaped in a text which is itself JSON, as policies are: it has a second text, without such escapes.
An IPv4 address becomes 12 digits in four groups, an IPv6 address 32 hexadecimal digits, so that a network is a range of
texts; what is no address is NULL.

`sigma_named` says whether a member's name, a pattern with its quotes, may stand in a JSON text; `sigma_once` that it
stands there, in quotes and small letters, once and in no other spelling. Then a path that leads to a value leads to
the only one.
"""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
MACROS = r"""
create or replace temp macro sigma_json(j) as coalesce(try_cast(j as json), try_cast(
    regexp_replace(j, '((?:^|[^\\])(?:\\\\)*)(?:\\u[dD][89a-fA-F][0-9a-fA-F]{2})+', '\1' || chr(65533), 'g') as json));
create or replace temp macro sigma_spread(nodes) as flatten(list_transform(nodes,
    lambda n: case when json_type(n) = 'ARRAY' then list_concat(json_extract(n, '$[*]'), json_extract(n, '$[*][*]'),
        json_extract(n, '$[*][*][*]'), json_extract(n, '$[*][*][*][*]')) else [n] end));
create or replace temp macro sigma_member(nodes, wanted) as flatten(list_transform(sigma_spread(nodes),
    lambda n: list_transform(list_filter(json_keys(n), lambda k: lower(k) = wanted),
        lambda k: json_extract(n, '/' || replace(replace(k, '~', '~0'), '/', '~1')))));
create or replace temp macro sigma_unescaped(t) as
    case when contains(t, '\u') then try(json(sigma_json(t))::varchar) end;
create or replace temp macro sigma_texts(nodes) as list_filter(flatten(list_transform(sigma_spread(nodes), lambda n:
    case when json_type(n) <> 'ARRAY' then [json_extract_string(n, '$'), sigma_unescaped(json_extract_string(n, '$'))]
    else [] end)), lambda t: t is not null);
create or replace temp macro sigma_named(j, name) as
    j is not null and (contains(j, '\u') or regexp_matches(j, name));
create or replace temp macro sigma_once(j, name) as
    not contains(j, '\u') and length(lower(j)) - length(replace(lower(j), name, '')) = length(name);
create or replace temp macro sigma_plain(j, path) as try(json_extract_string(j, path));
create or replace temp macro sigma_number(x) as
    case when regexp_full_match(x, '-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?') then try_cast(x as double) end;
create or replace temp macro sigma_ip4(x) as
    case when regexp_full_match(x, '(OCTET\.){3}OCTET')
    then array_to_string(list_transform(string_split(x, '.'), lambda o: lpad(o, 3, '0')), '.') end;
create or replace temp macro sigma_groups(x) as
    array_to_string(
        list_transform(list_filter(string_split(x, ':'), lambda g: g <> ''), lambda g: lpad(g, 4, '0')), '');
create or replace temp macro sigma_ip6(x) as case
    when regexp_full_match(x, '(?i)[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}') then lower(sigma_groups(x))
    when regexp_full_match(x, '(?i)([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?')
        and length(sigma_groups(x)) <= 28
    then lower(sigma_groups(split_part(x, '::', 1)) || repeat('0', (32 - length(sigma_groups(x)))::bigint)
        || sigma_groups(split_part(x, '::', 2))) end;
""".replace("OCTET", _OCTET)
