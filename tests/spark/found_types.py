"""Writes small files of JSON and CSV, and the columns that Spark finds in them.

    python tests/spark/found_types.py tests/spark/found_types.json

The unit test `spark_finds_the_same_columns` of `crates/engine` compares ours.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

SCALARS = [
    None, "", "x", 1, -5, 3000000000, 2**63 - 1, 2**63, -(2**63), 12345678901234567890123,
    10**37, 10**38, 10**39, 1.5, 1e300, True, False, "2024-01-01",
]
NAMES = ["a", "b", "c", "d", "e f", "G", "ü", "_x", ""]
TEXTS = [
    "", "1", "-7", "+3", "007", "3000000000", "12345678901234567890", "1.5", "1e3", ".5", "5.",
    "NaN", "Infinity", "Inf", "1d", "1.0f", "true", "FALSE", "x", "2024-01-01", "2024-1-2",
    "2024-01", "2024-01-01 10:00:00", "2024-01-01T10:00:00Z", "2024-01-01 10:00", "1,000", " 5",
    "5 ", "0x1F", "1_000", "9" * 41, "-0", "2024-13-01", "20240101",
]


def some_value(choose: random.Random, depth: int):
    kind = choose.random()
    if depth == 0 or kind < 0.6:
        return choose.choice(SCALARS)
    if kind < 0.8:
        return [some_value(choose, depth - 1) for _ in range(choose.randint(0, 3))]
    members = range(choose.randint(0, 3))
    return {choose.choice("abc"): some_value(choose, depth - 1) for _ in members}


def some_json(seed: int) -> str:
    choose = random.Random(seed)
    names = [f"{choose.choice(NAMES)}{number or ''}" for number in range(choose.randint(1, 5))]
    values = {
        name: [some_value(choose, 2) for _ in range(choose.randint(1, 3))] for name in names
    }
    lines = []
    for _ in range(choose.randint(1, 8)):
        record = {name: choose.choice(values[name]) for name in names if choose.random() < 0.8}
        lines.append(json.dumps(record, ensure_ascii=choose.random() < 0.5))
    if choose.random() < 0.2:
        lines.append('{"a": nope}')
    if choose.random() < 0.1:
        lines.append('{"a": NaN}')
    return "".join(line + "\n" for line in lines)


def quoted(text: str) -> str:
    return f'"{text}"' if "," in text else text


def some_csv(seed: int) -> str:
    choose = random.Random(seed)
    texts = [choose.choice(TEXTS) for _ in range(choose.randint(1, 3))]
    rows = [quoted(choose.choice(texts)) for _ in range(choose.randint(1, 5))]
    return "c,k\n" + "".join(f"{row},1\n" for row in rows)


def main() -> None:
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = spark.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    files = [("json", some_json(seed)) for seed in range(120)]
    files += [("csv", f"c,k\n{quoted(text)},1\n") for text in TEXTS]
    files += [("csv", some_csv(seed)) for seed in range(60)]
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (kind, text) in enumerate(files):
            path = Path(folder) / f"{number}.{kind}"
            path.write_text(text, encoding="utf-8")
            if kind == "json":
                found = spark.read.json(str(path))
            else:
                found = spark.read.csv(str(path), header=True, inferSchema=True)
            answers.append(
                {"format": kind, "text": text, "columns": found.schema.simpleString()}
            )
    lines = ",\n".join(json.dumps(answer) for answer in answers)
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
