"""Columns whose values repeat, kept as Arrow dictionaries from the record to the Parquet file.

A column here is made of its distinct values and, for every row, the number of the row's value: what is worked out
from a value is worked out once, and Parquet takes the numbers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc


def spread(values: pa.Array, rows: pa.Array) -> pa.Array:
    """Row by row the value of that number (null for null), texts as dictionaries, also inside structs."""
    if values.null_count == len(values):
        return pa.nulls(len(rows), values.type)
    if pa.types.is_string(values.type):
        encoded = values.dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.take(rows), encoded.dictionary)
    if pa.types.is_struct(values.type):
        members = [spread(values.field(number), rows) for number in range(values.type.num_fields)]
        names = [each.name for each in values.type]
        return pa.StructArray.from_arrays(members, names, mask=pc.is_null(values).take(rows).fill_null(True))
    if pa.types.is_list(values.type):
        # The elements' numbers are spread first, then the elements by them.
        places = pa.array(range(len(values.values)), pa.int32())
        lists = pa.ListArray.from_arrays(values.offsets, places, mask=values.is_null()).take(rows)
        return pa.ListArray.from_arrays(lists.offsets, spread(values.values, lists.values), mask=lists.is_null())
    return values.take(rows)


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """msgspec's structs, lists of them, and plain values as an Arrow array; what arrays are made of is columns."""
    if pa.types.is_struct(kind):
        there = [value for value in values if value is not None]
        columns = list(zip(*map(msgspec.structs.astuple, there), strict=True)) or [()] * kind.num_fields
        parts = [array(column, each.type) for column, each in zip(columns, kind, strict=True)]
        if len(there) < len(values):
            numbers = iter(range(len(there)))
            rows = pa.array([None if value is None else next(numbers) for value in values], pa.int32())
            return pa.StructArray.from_arrays(parts, fields=list(kind)).take(rows)
        return pa.StructArray.from_arrays(parts, fields=list(kind))
    if pa.types.is_list(kind):
        ends = pa.array(accumulate((len(value or ()) for value in values), initial=0), pa.int32())
        elements = array([each for value in values for each in value or ()], kind.value_type)
        return pa.ListArray.from_arrays(ends, elements, mask=pa.array([value is None for value in values], pa.bool_()))
    return pa.array(values, kind)


def each(column: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """`function` of each text, called once a distinct one; null stays null."""
    column = encode(column)
    values = [function(value) for value in column.dictionary.to_pylist()]
    return spread(pa.array(values, pa.string()), column.indices)


def first(*columns: pa.Array) -> pa.Array:
    """Row by row the first text that is not null."""
    encoded = [encode(column) for column in columns]
    values = pa.concat_arrays([column.dictionary for column in encoded])
    start, numbers = 0, []
    for column in encoded:
        numbers.append(pc.add(column.indices, pa.scalar(start, pa.int32())))
        start += len(column.dictionary)
    return spread(values, pc.coalesce(*numbers))


def encode(column: pa.Array) -> pa.Array:
    """The texts as a dictionary, which they may be already."""
    if pa.types.is_dictionary(column.type):
        return column
    return column.dictionary_encode()


def plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same values without dictionaries, of a plain type."""
    if pa.types.is_dictionary(column.type):
        return column.cast(kind)
    if pa.types.is_list(kind):
        elements = plain(column.values, kind.value_type)
        return pa.ListArray.from_arrays(column.offsets, elements, mask=column.is_null())
    if not pa.types.is_struct(kind):
        return column
    members = [plain(column.field(number), member.type) for number, member in enumerate(kind)]
    return pa.StructArray.from_arrays(members, fields=list(kind), mask=column.is_null())


def plain_table(rows: pa.Table) -> pa.Table:
    """The same rows without dictionaries."""
    kinds = [plain_type(each.type) for each in rows.schema]
    columns = [
        pa.chunked_array([plain(chunk, kind) for chunk in column.chunks], kind)
        for column, kind in zip(rows.columns, kinds, strict=True)
    ]
    return pa.table(columns, names=rows.schema.names)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries, also inside structs."""
    if pa.types.is_struct(kind):
        return pa.struct([each.with_type(plain_type(each.type)) for each in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(plain_type(kind.value_type)))
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def with_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same rows with the metadata of a plain schema's fields (Iceberg's ids), dictionaries left as they are."""
    columns, fields = [], []
    for member in schema:
        chunks = [_with_field(chunk, member) for chunk in rows[member.name].chunks]
        kind = chunks[0].type if chunks else member.type
        columns.append(pa.chunked_array(chunks, kind))
        fields.append(member.with_type(kind))
    return pa.table(columns, schema=pa.schema(fields))


def _with_field(column: pa.Array, member: pa.Field) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column
    if pa.types.is_list(member.type):
        elements = _with_field(column.values, member.type.value_field)
        kind = pa.list_(member.type.value_field.with_type(elements.type))
        return pa.ListArray.from_arrays(column.offsets, elements, type=kind, mask=column.is_null())
    if not pa.types.is_struct(member.type):
        return column.cast(member.type)
    parts = [_with_field(column.field(number), part) for number, part in enumerate(member.type)]
    fields = [part.with_type(array.type) for part, array in zip(member.type, parts, strict=True)]
    return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null())


def repeating(schema: pa.Schema) -> list[str]:
    """Parquet's names of the columns that are worth a dictionary: all but plain texts, which hardly repeat."""
    return [path for each in schema for path in _paths(each.name, each.type)]


def _paths(name: str, kind: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(kind):
        for member in kind:
            yield from _paths(f"{name}.{member.name}", member.type)
    elif pa.types.is_map(kind):
        yield from (f"{name}.key_value.key", f"{name}.key_value.value")
    elif pa.types.is_list(kind):
        yield from _paths(f"{name}.list.element", kind.value_type)
    elif not pa.types.is_string(kind):
        yield name
