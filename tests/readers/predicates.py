"""Filters for all columns of a table, made from its values."""

import dataclasses
import datetime
import decimal
import math

import pyarrow as pa

UTC = datetime.timezone.utc

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


@dataclasses.dataclass(frozen=True)
class Predicate:
    """`path` names a column, or a field in a struct. `op` is one of COMPARISONS,
    "is null", "is not null", "between", "in" or "not in"."""

    path: tuple
    op: str
    values: tuple
    type: pa.DataType

    def __str__(self):
        return f"{'.'.join(self.path)} {self.op} {', '.join(map(repr, self.values))}"


def leaves(schema):
    """Paths and types of all columns and fields of structs that can be compared."""

    def walk(path, field):
        if pa.types.is_struct(field.type):
            for at in range(field.type.num_fields):
                yield from walk((*path, field.type.field(at).name), field.type.field(at))
        elif not pa.types.is_nested(field.type):
            yield (*path,), field.type

    for field in schema:
        yield from walk((field.name,), field)


def column_values(rows, path):
    values = []
    for value in rows.column(path[0]).to_pylist():
        for name in path[1:]:
            value = None if value is None else value[name]
        values.append(value)
    return values


def beyond(kind):
    """Values outside those of a table, of one type."""
    if pa.types.is_boolean(kind):
        return [True, False]
    if pa.types.is_integer(kind):
        return [-3, 100]
    if pa.types.is_floating(kind):
        return [math.nan, math.inf, -math.inf, 0.0, 2.25]
    if pa.types.is_decimal(kind):
        return [decimal.Decimal("-3"), decimal.Decimal("2.2")]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ["", "aa", "é"]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [b"", b"\xff\xff"]
    if pa.types.is_date(kind):
        return [datetime.date(1969, 6, 1)]
    if pa.types.is_timestamp(kind):
        return [datetime.datetime(1969, 6, 1, 0, 0, 0, 1, tzinfo=UTC)]
    raise TypeError(kind)


def sample(values, limit):
    """At most `limit` of the values, the first and the last among them."""
    if len(values) <= limit:
        return values
    step = (len(values) - 1) / (limit - 1)
    return [values[round(at * step)] for at in range(limit)]


def order(value):
    """Orders NaN last and -0.0 before 0.0."""
    if isinstance(value, float):
        return (math.isnan(value), value, math.copysign(1, value))
    return value


def same_text(values):
    """Without repeated values; NaN and the zeros count by their text."""
    return list({repr(value): value for value in values}.values())


def all_predicates(rows, columns=None, limit=5):
    for path, kind in leaves(rows.schema):
        if columns is None or path[0] in columns:
            yield from column_predicates(rows, path, kind, limit)


def column_predicates(rows, path, kind, limit):
    present = same_text([value for value in column_values(rows, path) if value is not None])
    values = sample(sorted(present, key=order), limit)
    values = sorted(same_text(values + beyond(kind)), key=order)

    def make(op, *operands):
        return Predicate(path, op, operands, kind)

    yield make("is null")
    yield make("is not null")
    for value in values:
        for op in COMPARISONS:
            yield make(op, value)
    for low, high in list(zip(values, values[2:], strict=False))[::2]:
        yield make("between", low, high)
        yield make("in", low, high)
        yield make("not in", low, high)
