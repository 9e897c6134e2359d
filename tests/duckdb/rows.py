"""Compares two answers to a query: multisets of rows.

Numbers are equal by value, whatever their type. A column that holds a float on
either side is compared with tolerance, since sums of floats depend on the order
of their rows; a decimal next to a float may also have been rounded at its last
digit. Everything else must be the same.
"""

import datetime
import decimal
import math
from collections import defaultdict

TOLERANCE = 1e-9
# Above this many rows that are equal but for their floats, rows are only
# compared in sorted order.
MOST_PAIRED = 300


def difference(ours, theirs):
    """What differs, in lines; empty if the answers are equal."""
    ours, theirs = list(ours), list(theirs)
    widths = {len(row) for row in ours} | {len(row) for row in theirs}
    if len(widths) > 1:
        return [f"rows have {sorted(widths)} columns"]
    width = widths.pop() if widths else 0
    loose = [any(isinstance(row[i], float) for rows in (ours, theirs) for row in rows) for i in range(width)]
    groups = defaultdict(lambda: ([], []))
    for side, rows in enumerate((ours, theirs)):
        for row in rows:
            exact = tuple(exact_key(value) for value, is_loose in zip(row, loose, strict=True) if not is_loose)
            groups[exact][side].append(row)
    only_ours, only_theirs = [], []
    for ours_here, theirs_here in groups.values():
        left, right = unpaired(ours_here, theirs_here, loose)
        only_ours += left
        only_theirs += right
    if not only_ours and not only_theirs:
        return []
    lines = [f"{len(ours)} rows, expected {len(theirs)}"]
    for title, rows in (("only in ours", only_ours), ("only expected", only_theirs)):
        lines += [f"{title}: {plain_text(row)}" for row in sorted(rows, key=plain_text)[:5]]
        if len(rows) > 5:
            lines.append(f"{title}: {len(rows) - 5} more")
    return lines


def unpaired(ours, theirs, loose):
    """The rows of each side without an equal one on the other."""
    if not any(loose):
        # The rows of a group are the same.
        shared = min(len(ours), len(theirs))
        return ours[shared:], theirs[shared:]
    columns = [i for i, is_loose in enumerate(loose) if is_loose]
    ours, theirs = (sorted(rows, key=lambda row: [sort_key(row[i]) for i in columns]) for rows in (ours, theirs))
    if len(ours) == len(theirs) and all(rows_equal(a, b, columns) for a, b in zip(ours, theirs, strict=True)):
        return [], []
    if max(len(ours), len(theirs)) > MOST_PAIRED:
        return ours, theirs
    left = []
    right = list(theirs)
    for row in ours:
        at = next((i for i, other in enumerate(right) if rows_equal(row, other, columns)), None)
        if at is None:
            left.append(row)
        else:
            del right[at]
    return left, right


def rows_equal(a, b, columns):
    return all(numbers_equal(a[i], b[i]) for i in columns)


def numbers_equal(a, b):
    if a is None or b is None:
        return a is None and b is None
    slack = 0.0
    for value in (a, b):
        if isinstance(value, decimal.Decimal):
            slack = max(slack, 0.5001 * 10.0 ** value.as_tuple().exponent)
    try:
        a, b = float(a), float(b)
    except (TypeError, ValueError):
        return exact_key(a) == exact_key(b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= max(TOLERANCE * max(abs(a), abs(b), 1e-3), slack)


def sort_key(value):
    if value is None:
        return (0, 0.0)
    try:
        value = float(value)
    except (TypeError, ValueError):
        return (3, str(value))
    return (2, 0.0) if math.isnan(value) else (1, value)


def exact_key(value):
    """A value that is the same for equal values of any type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, decimal.Decimal)):
        return ("number", exact_number(value))
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value + 0.0)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return ("time", value.isoformat())
    if isinstance(value, datetime.date):
        return ("date", value.isoformat())
    if isinstance(value, (list, tuple)):
        return ("list", tuple(exact_key(item) for item in value))
    if isinstance(value, dict):
        return ("struct", tuple((name.lower(), exact_key(item)) for name, item in value.items()))
    return (type(value).__name__, value)


def exact_number(value):
    with decimal.localcontext(prec=80):
        return format(decimal.Decimal(value).normalize() + 0, "f")


def plain_text(row):
    return " | ".join("NULL" if value is None else str(value) for value in row)
