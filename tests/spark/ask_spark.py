"""Asks Spark for the examples of its function reference, and for their answers.

ask_spark.py OUT.json               every function's examples
ask_spark.py OUT.json QUERIES.sql   the queries of a file, one a line

Each answer is {name, sql, schema: [[name, type], …], rows: [[value, …], …]}, or
{name, sql, error, message}. Values keep their kinds; see `encode_value`.
"""
import datetime
import decimal
import json
import os
import re
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

from pyspark.sql import SparkSession  # noqa: E402


def open_session():
    options = {
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": os.environ.get("SPARK_TIME_ZONE", "UTC"),
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -Duser.timezone=UTC",
        "spark.log.level": "OFF",
    }
    builder = SparkSession.builder.master("local[1]")
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def encode_value(value):
    """A value as JSON that keeps its kind."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"f": repr(value)}
    if isinstance(value, decimal.Decimal):
        return {"d": str(value)}
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return {"ts": value.isoformat(timespec="microseconds")}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    if isinstance(value, (bytes, bytearray)):
        return {"x": bytes(value).hex()}
    if hasattr(value, "asDict"):
        return {"s": [[n, encode_value(v)] for n, v in zip(value.__fields__, value, strict=True)]}
    if isinstance(value, (list, tuple)):
        return [encode_value(v) for v in value]
    if isinstance(value, dict):
        return {"m": [[encode_value(k), encode_value(v)] for k, v in value.items()]}
    return {"other": str(value)}


def answer(spark, name, query):
    try:
        frame = spark.sql(query)
        schema = [[f.name, f.dataType.simpleString()] for f in frame.schema.fields]
        rows = [[encode_value(v) for v in row] for row in frame.collect()]
        return {"name": name, "sql": query, "schema": schema, "rows": rows}
    except Exception as error:  # whatever Spark refuses
        message = str(error).split("\n")[0][:200]
        return {"name": name, "sql": query, "error": type(error).__name__, "message": message}


def documented_examples(spark):
    """(function, query) of every example in the reference."""
    for (name,) in spark.sql("SHOW SYSTEM FUNCTIONS").collect():
        lines = spark.sql("DESCRIBE FUNCTION EXTENDED `%s`" % name).collect()
        text = "\n".join(line[0] for line in lines)
        found = re.search(r"Examples:\n(.*?)(?:\n    (?:Since|Note|Arguments)|\Z)", text, re.S)
        for query in re.findall(r"> (.*?);\s*$", found[1] if found else "", re.S | re.M):
            yield name, query if "'" in query else " ".join(query.split("\n"))


def main():
    spark = open_session()
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            queries = [("query", line.strip()) for line in file if line.strip()]
    else:
        queries = list(documented_examples(spark))
    answers = [answer(spark, name, query) for name, query in queries]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(answers, file, indent=0, ensure_ascii=False)


if __name__ == "__main__":
    main()
