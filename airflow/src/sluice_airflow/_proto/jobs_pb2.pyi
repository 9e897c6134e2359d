from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_ACCEPTED: _ClassVar[JobState]
    JOB_STATE_PLANNED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_COMMITTING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_KILLED: _ClassVar[JobState]
    JOB_STATE_INTERRUPTED: _ClassVar[JobState]
    JOB_STATE_TIMED_OUT: _ClassVar[JobState]

class ErrorKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_KIND_UNSPECIFIED: _ClassVar[ErrorKind]
    ERROR_KIND_INVALID: _ClassVar[ErrorKind]
    ERROR_KIND_DATA_QUALITY: _ClassVar[ErrorKind]
    ERROR_KIND_STORAGE: _ClassVar[ErrorKind]
    ERROR_KIND_TRANSIENT: _ClassVar[ErrorKind]
    ERROR_KIND_INTERNAL: _ClassVar[ErrorKind]
    ERROR_KIND_UNAVAILABLE: _ClassVar[ErrorKind]
    ERROR_KIND_KILLED: _ClassVar[ErrorKind]
    ERROR_KIND_TIMED_OUT: _ClassVar[ErrorKind]
    ERROR_KIND_INTERRUPTED: _ClassVar[ErrorKind]
    ERROR_KIND_NOT_FOUND: _ClassVar[ErrorKind]
    ERROR_KIND_EXECUTION: _ClassVar[ErrorKind]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_NOTE: _ClassVar[Severity]

class ExecutorState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTOR_STATE_UNSPECIFIED: _ClassVar[ExecutorState]
    EXECUTOR_STATE_ACTIVE: _ClassVar[ExecutorState]
    EXECUTOR_STATE_DRAINING: _ClassVar[ExecutorState]
    EXECUTOR_STATE_QUARANTINED: _ClassVar[ExecutorState]

class DatasetPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATASET_PHASE_UNSPECIFIED: _ClassVar[DatasetPhase]
    DATASET_PHASE_PENDING: _ClassVar[DatasetPhase]
    DATASET_PHASE_STAGING: _ClassVar[DatasetPhase]
    DATASET_PHASE_WRITING: _ClassVar[DatasetPhase]
    DATASET_PHASE_WRITTEN: _ClassVar[DatasetPhase]
    DATASET_PHASE_COMMITTED: _ClassVar[DatasetPhase]
    DATASET_PHASE_FAILED: _ClassVar[DatasetPhase]

class LogLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_LEVEL_UNSPECIFIED: _ClassVar[LogLevel]
    LOG_LEVEL_ERROR: _ClassVar[LogLevel]
    LOG_LEVEL_WARN: _ClassVar[LogLevel]
    LOG_LEVEL_INFO: _ClassVar[LogLevel]
    LOG_LEVEL_DEBUG: _ClassVar[LogLevel]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_ACCEPTED: JobState
JOB_STATE_PLANNED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_COMMITTING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_KILLED: JobState
JOB_STATE_INTERRUPTED: JobState
JOB_STATE_TIMED_OUT: JobState
ERROR_KIND_UNSPECIFIED: ErrorKind
ERROR_KIND_INVALID: ErrorKind
ERROR_KIND_DATA_QUALITY: ErrorKind
ERROR_KIND_STORAGE: ErrorKind
ERROR_KIND_TRANSIENT: ErrorKind
ERROR_KIND_INTERNAL: ErrorKind
ERROR_KIND_UNAVAILABLE: ErrorKind
ERROR_KIND_KILLED: ErrorKind
ERROR_KIND_TIMED_OUT: ErrorKind
ERROR_KIND_INTERRUPTED: ErrorKind
ERROR_KIND_NOT_FOUND: ErrorKind
ERROR_KIND_EXECUTION: ErrorKind
SEVERITY_UNSPECIFIED: Severity
SEVERITY_ERROR: Severity
SEVERITY_WARNING: Severity
SEVERITY_NOTE: Severity
EXECUTOR_STATE_UNSPECIFIED: ExecutorState
EXECUTOR_STATE_ACTIVE: ExecutorState
EXECUTOR_STATE_DRAINING: ExecutorState
EXECUTOR_STATE_QUARANTINED: ExecutorState
DATASET_PHASE_UNSPECIFIED: DatasetPhase
DATASET_PHASE_PENDING: DatasetPhase
DATASET_PHASE_STAGING: DatasetPhase
DATASET_PHASE_WRITING: DatasetPhase
DATASET_PHASE_WRITTEN: DatasetPhase
DATASET_PHASE_COMMITTED: DatasetPhase
DATASET_PHASE_FAILED: DatasetPhase
LOG_LEVEL_UNSPECIFIED: LogLevel
LOG_LEVEL_ERROR: LogLevel
LOG_LEVEL_WARN: LogLevel
LOG_LEVEL_INFO: LogLevel
LOG_LEVEL_DEBUG: LogLevel

class Span(_message.Message):
    __slots__ = ("start_line", "start_column", "end_line", "end_column")
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    START_COLUMN_FIELD_NUMBER: _ClassVar[int]
    END_LINE_FIELD_NUMBER: _ClassVar[int]
    END_COLUMN_FIELD_NUMBER: _ClassVar[int]
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    def __init__(self, start_line: _Optional[int] = ..., start_column: _Optional[int] = ..., end_line: _Optional[int] = ..., end_column: _Optional[int] = ...) -> None: ...

class Diagnostic(_message.Message):
    __slots__ = ("code", "severity", "message", "file", "span", "label", "help", "notes", "rendered")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    RENDERED_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: Severity
    message: str
    file: str
    span: Span
    label: str
    help: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    rendered: str
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., message: _Optional[str] = ..., file: _Optional[str] = ..., span: _Optional[_Union[Span, _Mapping]] = ..., label: _Optional[str] = ..., help: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., rendered: _Optional[str] = ...) -> None: ...

class JobError(_message.Message):
    __slots__ = ("kind", "message", "diagnostics", "next_step")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    NEXT_STEP_FIELD_NUMBER: _ClassVar[int]
    kind: ErrorKind
    message: str
    diagnostics: _containers.RepeatedCompositeFieldContainer[Diagnostic]
    next_step: str
    def __init__(self, kind: _Optional[_Union[ErrorKind, str]] = ..., message: _Optional[str] = ..., diagnostics: _Optional[_Iterable[_Union[Diagnostic, _Mapping]]] = ..., next_step: _Optional[str] = ...) -> None: ...

class RunScope(_message.Message):
    __slots__ = ("refresh", "full_refresh", "full_refresh_all")
    REFRESH_FIELD_NUMBER: _ClassVar[int]
    FULL_REFRESH_FIELD_NUMBER: _ClassVar[int]
    FULL_REFRESH_ALL_FIELD_NUMBER: _ClassVar[int]
    refresh: _containers.RepeatedScalarFieldContainer[str]
    full_refresh: _containers.RepeatedScalarFieldContainer[str]
    full_refresh_all: bool
    def __init__(self, refresh: _Optional[_Iterable[str]] = ..., full_refresh: _Optional[_Iterable[str]] = ..., full_refresh_all: bool = ...) -> None: ...

class SubmitJobRequest(_message.Message):
    __slots__ = ("submission_id", "name", "file_name", "text", "params", "conf", "timeout_ms", "client_version", "user", "scope")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ConfEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBMISSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    CONF_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    submission_id: str
    name: str
    file_name: str
    text: str
    params: _containers.ScalarMap[str, str]
    conf: _containers.ScalarMap[str, str]
    timeout_ms: int
    client_version: str
    user: str
    scope: RunScope
    def __init__(self, submission_id: _Optional[str] = ..., name: _Optional[str] = ..., file_name: _Optional[str] = ..., text: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., conf: _Optional[_Mapping[str, str]] = ..., timeout_ms: _Optional[int] = ..., client_version: _Optional[str] = ..., user: _Optional[str] = ..., scope: _Optional[_Union[RunScope, _Mapping]] = ...) -> None: ...

class SubmitJobResponse(_message.Message):
    __slots__ = ("job", "existing")
    JOB_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FIELD_NUMBER: _ClassVar[int]
    job: Job
    existing: bool
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., existing: bool = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("id", "after_sequence")
    ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    after_sequence: int
    def __init__(self, id: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("limit", "page_token", "states", "text")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[JobState]
    text: str
    def __init__(self, limit: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[JobState, str]]] = ..., text: _Optional[str] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class JobLogsRequest(_message.Message):
    __slots__ = ("id", "follow")
    ID_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    id: str
    follow: bool
    def __init__(self, id: _Optional[str] = ..., follow: bool = ...) -> None: ...

class PlanJobRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: SubmitJobRequest
    def __init__(self, job: _Optional[_Union[SubmitJobRequest, _Mapping]] = ...) -> None: ...

class RunQueryRequest(_message.Message):
    __slots__ = ("query", "gold", "conf", "timeout_ms")
    class ConfEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    QUERY_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    CONF_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    query: str
    gold: str
    conf: _containers.ScalarMap[str, str]
    timeout_ms: int
    def __init__(self, query: _Optional[str] = ..., gold: _Optional[str] = ..., conf: _Optional[_Mapping[str, str]] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class QueryAnswer(_message.Message):
    __slots__ = ("columns", "rows", "is_cut_off", "cut")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedCompositeFieldContainer[QueryColumn]
    rows: _containers.RepeatedCompositeFieldContainer[QueryRow]
    is_cut_off: bool
    cut: int
    def __init__(self, columns: _Optional[_Iterable[_Union[QueryColumn, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[QueryRow, _Mapping]]] = ..., is_cut_off: bool = ..., cut: _Optional[int] = ...) -> None: ...

class QueryColumn(_message.Message):
    __slots__ = ("name", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class QueryRow(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[QueryValue]
    def __init__(self, values: _Optional[_Iterable[_Union[QueryValue, _Mapping]]] = ...) -> None: ...

class QueryValue(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class ServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerInfoResponse(_message.Message):
    __slots__ = ("version", "engines", "executors", "vcores", "started_ms")
    class EnginesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    VCORES_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    version: str
    engines: _containers.ScalarMap[str, str]
    executors: int
    vcores: int
    started_ms: int
    def __init__(self, version: _Optional[str] = ..., engines: _Optional[_Mapping[str, str]] = ..., executors: _Optional[int] = ..., vcores: _Optional[int] = ..., started_ms: _Optional[int] = ...) -> None: ...

class ListExecutorsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExecutorsResponse(_message.Message):
    __slots__ = ("executors",)
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    executors: _containers.RepeatedCompositeFieldContainer[Executor]
    def __init__(self, executors: _Optional[_Iterable[_Union[Executor, _Mapping]]] = ...) -> None: ...

class Executor(_message.Message):
    __slots__ = ("id", "address", "state", "problem", "vcores", "vcores_free", "tasks_given", "resident_memory_bytes", "last_heartbeat_seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    VCORES_FIELD_NUMBER: _ClassVar[int]
    VCORES_FREE_FIELD_NUMBER: _ClassVar[int]
    TASKS_GIVEN_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    address: str
    state: ExecutorState
    problem: str
    vcores: int
    vcores_free: int
    tasks_given: int
    resident_memory_bytes: int
    last_heartbeat_seconds: float
    def __init__(self, id: _Optional[str] = ..., address: _Optional[str] = ..., state: _Optional[_Union[ExecutorState, str]] = ..., problem: _Optional[str] = ..., vcores: _Optional[int] = ..., vcores_free: _Optional[int] = ..., tasks_given: _Optional[int] = ..., resident_memory_bytes: _Optional[int] = ..., last_heartbeat_seconds: _Optional[float] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("job_id", "submission_id", "name", "file_name", "state", "submitted_ms", "started_ms", "ended_ms", "reason", "progress", "datasets", "params", "warnings", "inputs", "user", "timeout_ms", "relations", "scope", "restarts", "trace_id")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SUBMISSION_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_MS_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    submission_id: str
    name: str
    file_name: str
    state: JobState
    submitted_ms: int
    started_ms: int
    ended_ms: int
    reason: JobError
    progress: Progress
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetResult]
    params: _containers.ScalarMap[str, str]
    warnings: _containers.RepeatedCompositeFieldContainer[Diagnostic]
    inputs: _containers.RepeatedCompositeFieldContainer[InputStats]
    user: str
    timeout_ms: int
    relations: _containers.RepeatedCompositeFieldContainer[JobRelation]
    scope: RunScope
    restarts: int
    trace_id: str
    def __init__(self, job_id: _Optional[str] = ..., submission_id: _Optional[str] = ..., name: _Optional[str] = ..., file_name: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., submitted_ms: _Optional[int] = ..., started_ms: _Optional[int] = ..., ended_ms: _Optional[int] = ..., reason: _Optional[_Union[JobError, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., datasets: _Optional[_Iterable[_Union[DatasetResult, _Mapping]]] = ..., params: _Optional[_Mapping[str, str]] = ..., warnings: _Optional[_Iterable[_Union[Diagnostic, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[InputStats, _Mapping]]] = ..., user: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., relations: _Optional[_Iterable[_Union[JobRelation, _Mapping]]] = ..., scope: _Optional[_Union[RunScope, _Mapping]] = ..., restarts: _Optional[int] = ..., trace_id: _Optional[str] = ...) -> None: ...

class JobRelation(_message.Message):
    __slots__ = ("name", "kind", "depends_on", "shared")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    depends_on: _containers.RepeatedScalarFieldContainer[str]
    shared: bool
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., depends_on: _Optional[_Iterable[str]] = ..., shared: bool = ...) -> None: ...

class DatasetResult(_message.Message):
    __slots__ = ("name", "phase", "rows", "files", "bytes", "version", "seconds", "location", "table_rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    TABLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    phase: DatasetPhase
    rows: int
    files: int
    bytes: int
    version: int
    seconds: float
    location: str
    table_rows: int
    def __init__(self, name: _Optional[str] = ..., phase: _Optional[_Union[DatasetPhase, str]] = ..., rows: _Optional[int] = ..., files: _Optional[int] = ..., bytes: _Optional[int] = ..., version: _Optional[int] = ..., seconds: _Optional[float] = ..., location: _Optional[str] = ..., table_rows: _Optional[int] = ...) -> None: ...

class InputStats(_message.Message):
    __slots__ = ("name", "files", "bytes", "lines", "malformed", "dropped", "location")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    files: int
    bytes: int
    lines: int
    malformed: int
    dropped: int
    location: str
    def __init__(self, name: _Optional[str] = ..., files: _Optional[int] = ..., bytes: _Optional[int] = ..., lines: _Optional[int] = ..., malformed: _Optional[int] = ..., dropped: _Optional[int] = ..., location: _Optional[str] = ...) -> None: ...

class DatasetProgress(_message.Message):
    __slots__ = ("name", "phase", "tasks_done", "tasks_total", "rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    TASKS_DONE_FIELD_NUMBER: _ClassVar[int]
    TASKS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    phase: DatasetPhase
    tasks_done: int
    tasks_total: int
    rows: int
    def __init__(self, name: _Optional[str] = ..., phase: _Optional[_Union[DatasetPhase, str]] = ..., tasks_done: _Optional[int] = ..., tasks_total: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("datasets_done", "datasets_total", "stages_done", "stages_total", "tasks_done", "tasks_running", "tasks_total", "rows_read", "bytes_read", "rows_written", "bytes_written", "elapsed_ms", "datasets", "executors", "vcores")
    DATASETS_DONE_FIELD_NUMBER: _ClassVar[int]
    DATASETS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    STAGES_DONE_FIELD_NUMBER: _ClassVar[int]
    STAGES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    TASKS_DONE_FIELD_NUMBER: _ClassVar[int]
    TASKS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    TASKS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ROWS_READ_FIELD_NUMBER: _ClassVar[int]
    BYTES_READ_FIELD_NUMBER: _ClassVar[int]
    ROWS_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    BYTES_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MS_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    VCORES_FIELD_NUMBER: _ClassVar[int]
    datasets_done: int
    datasets_total: int
    stages_done: int
    stages_total: int
    tasks_done: int
    tasks_running: int
    tasks_total: int
    rows_read: int
    bytes_read: int
    rows_written: int
    bytes_written: int
    elapsed_ms: int
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetProgress]
    executors: int
    vcores: int
    def __init__(self, datasets_done: _Optional[int] = ..., datasets_total: _Optional[int] = ..., stages_done: _Optional[int] = ..., stages_total: _Optional[int] = ..., tasks_done: _Optional[int] = ..., tasks_running: _Optional[int] = ..., tasks_total: _Optional[int] = ..., rows_read: _Optional[int] = ..., bytes_read: _Optional[int] = ..., rows_written: _Optional[int] = ..., bytes_written: _Optional[int] = ..., elapsed_ms: _Optional[int] = ..., datasets: _Optional[_Iterable[_Union[DatasetProgress, _Mapping]]] = ..., executors: _Optional[int] = ..., vcores: _Optional[int] = ...) -> None: ...

class StateChange(_message.Message):
    __slots__ = ("state", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: JobState
    reason: JobError
    def __init__(self, state: _Optional[_Union[JobState, str]] = ..., reason: _Optional[_Union[JobError, _Mapping]] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("at_ms", "level", "target", "message")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    level: LogLevel
    target: str
    message: str
    def __init__(self, at_ms: _Optional[int] = ..., level: _Optional[_Union[LogLevel, str]] = ..., target: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("sequence", "at_ms", "progress", "state_change", "log", "finished")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    at_ms: int
    progress: Progress
    state_change: StateChange
    log: LogLine
    finished: Finished
    def __init__(self, sequence: _Optional[int] = ..., at_ms: _Optional[int] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., state_change: _Optional[_Union[StateChange, _Mapping]] = ..., log: _Optional[_Union[LogLine, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "nullable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NULLABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    nullable: bool
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., nullable: bool = ...) -> None: ...

class PlannedRelation(_message.Message):
    __slots__ = ("name", "kind", "depends_on", "shared", "columns", "refresh", "refresh_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    REFRESH_FIELD_NUMBER: _ClassVar[int]
    REFRESH_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    depends_on: _containers.RepeatedScalarFieldContainer[str]
    shared: bool
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    refresh: str
    refresh_reason: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., depends_on: _Optional[_Iterable[str]] = ..., shared: bool = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., refresh: _Optional[str] = ..., refresh_reason: _Optional[str] = ...) -> None: ...

class PlannedInput(_message.Message):
    __slots__ = ("name", "location", "files", "bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    location: str
    files: int
    bytes: int
    def __init__(self, name: _Optional[str] = ..., location: _Optional[str] = ..., files: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class PlannedStep(_message.Message):
    __slots__ = ("name", "kind", "after", "stages", "partitions", "plan")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    after: _containers.RepeatedScalarFieldContainer[str]
    stages: int
    partitions: int
    plan: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., after: _Optional[_Iterable[str]] = ..., stages: _Optional[int] = ..., partitions: _Optional[int] = ..., plan: _Optional[str] = ...) -> None: ...

class JobPlan(_message.Message):
    __slots__ = ("relations", "inputs", "steps", "warnings")
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    relations: _containers.RepeatedCompositeFieldContainer[PlannedRelation]
    inputs: _containers.RepeatedCompositeFieldContainer[PlannedInput]
    steps: _containers.RepeatedCompositeFieldContainer[PlannedStep]
    warnings: _containers.RepeatedCompositeFieldContainer[Diagnostic]
    def __init__(self, relations: _Optional[_Iterable[_Union[PlannedRelation, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[PlannedInput, _Mapping]]] = ..., steps: _Optional[_Iterable[_Union[PlannedStep, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[Diagnostic, _Mapping]]] = ...) -> None: ...
