"""The result of a job, as XCom and as asset events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from airflow.sdk import Asset, AssetAlias

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import SluiceFailError
from sluice_airflow.event_log import state_name

if TYPE_CHECKING:
    from airflow.sdk import Context


class TableResult(TypedDict):
    """One gold table."""

    version: int | None
    rows: int
    """The rows that the job wrote."""
    table_rows: int | None
    """The rows of the table with those of the job; None when its log does not count all."""
    files: int
    bytes: int
    seconds: float
    location: str


class InputResult(TypedDict):
    """The data that was read from one source."""

    files: int
    bytes: int
    lines: int
    malformed: int
    dropped: int


class JobResult(TypedDict):
    """The XCom of a job."""

    job_id: str
    submission_id: str
    state: str
    tables: dict[str, TableResult]
    inputs: dict[str, InputResult]


def job_result(job: pb.Job) -> JobResult:
    """The job's result, by table and by source."""
    return {
        "job_id": job.job_id,
        "submission_id": job.submission_id,
        "state": state_name(job.state),
        "tables": {table.name: _table(table) for table in job.datasets},
        "inputs": {
            source.name: {
                "files": source.files,
                "bytes": source.bytes,
                "lines": source.lines,
                "malformed": source.malformed,
                "dropped": source.dropped,
            }
            for source in job.inputs
        },
    }


def _table(table: pb.DatasetResult) -> TableResult:
    return {
        "version": table.version if table.HasField("version") else None,
        "rows": table.rows,
        "table_rows": table.table_rows if table.HasField("table_rows") else None,
        "files": table.files,
        "bytes": table.bytes,
        "seconds": table.seconds,
        "location": table.location,
    }


def summary(result: JobResult) -> Iterable[str]:
    """Lines for the log, one for each table and each source with losses."""
    for name, table in result["tables"].items():
        version = "not committed" if table["version"] is None else f"version {table['version']}"
        total = table["table_rows"]
        of_total = f" of {total:,}" if total not in (None, table["rows"]) else ""
        yield f"{name}: {table['rows']:,}{of_total} rows in {table['files']} files, {version}"
    for name, source in result["inputs"].items():
        if source["malformed"]:
            yield (
                f"{name}: {source['malformed']:,} of {source['lines']:,} lines are malformed, "
                f"{source['dropped']:,} were left out"
            )


def emit_asset_events(
    context: Context,
    result: JobResult,
    table_assets: Mapping[str, Asset],
    outlets: Iterable[object],
) -> None:
    """Adds the result of each table to the event of its asset. Tables without an
    asset are added to the task's asset aliases, if it has any.

    Airflow creates an event for every asset in a task's outlets, so a table that
    the job does not have is an error: its event would be wrong."""
    missing = sorted(set(table_assets) - set(result["tables"]))
    if missing:
        raise SluiceFailError(
            f"table_assets names {', '.join(missing)}, but the job has the tables "
            f"{', '.join(sorted(result['tables']))}"
        )
    aliases = [outlet for outlet in outlets if isinstance(outlet, AssetAlias)]
    events = context["outlet_events"]
    for name, table in result["tables"].items():
        extra: dict[str, Any] = {"table": name, "job_id": result["job_id"], **table}
        if name in table_assets:
            events[table_assets[name]].extra.update(extra)
            continue
        for alias in aliases:
            events[alias].add(Asset(name=f"{alias.name}/{name}", uri=table["location"]), extra=extra)
