"""Columns whose values repeat, kept as Arrow dictionaries from the record to the Parquet file.

A column here is made of its distinct values and, for every row, the number of the row's value: what is worked out
from a value is worked out once, and Parquet takes the numbers as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return values.take(rows)


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
        for member in kind.value_type if pa.types.is_struct(kind.value_type) else ():
            yield f"{name}.list.element.{member.name}"
    elif not pa.types.is_string(kind):
        yield name
