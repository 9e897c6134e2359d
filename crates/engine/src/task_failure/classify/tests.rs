use std::sync::Arc;

use ballista_core::serde::protobuf::FailedTask;
use ballista_core::serde::protobuf::failed_task::FailedReason;

use super::*;

fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn ballista(error: BallistaError) -> DataFusionError {
    error.into_datafusion()
}

fn task_failure(error: &DataFusionError) -> TaskFailure {
    classify_error(error, &|_| None)
}

/// What the scheduler receives for an error of a task.
fn at_scheduler(error: &DataFusionError) -> FailedTask {
    FailedTask::from(BallistaError::from(to_task_error(&task_failure(error))))
}

#[test]
fn permanent_errors_are_not_retried_and_keep_their_text() {
    // EACCES, ENOSPC, ENOENT, EROFS, however wrapped.
    for (code, words) in [
        (13, "Permission denied"),
        (28, "No space left on device"),
        (2, "No such file or directory"),
        (30, "Read-only file system"),
    ] {
        let wrapped: [DataFusionError; 6] = [
            DataFusionError::IoError(os(code)),
            DataFusionError::IoError(os(code)).context("writing"),
            DataFusionError::Shared(Arc::new(DataFusionError::IoError(os(code)))),
            ballista(BallistaError::IoError(os(code))),
            ArrowError::IoError(os(code).to_string(), os(code)).into(),
            ballista(BallistaError::General(format!(
                "cannot create file: {}",
                os(code)
            ))),
        ];
        for error in wrapped {
            let failure = task_failure(&error);
            assert_eq!(failure.kind, FailureKind::Storage, "{error:?}");
            assert!(failure.message.contains(words), "{failure}");
            let task = at_scheduler(&error);
            assert!(!task.retryable, "{error:?}");
            assert_eq!(TaskFailure::find_in_text(&task.error).unwrap(), failure);
        }
    }
}

#[test]
fn transient_errors_are_io_errors_to_ballista() {
    let errors: [DataFusionError; 5] = [
        DataFusionError::IoError(io::Error::new(
            io::ErrorKind::ConnectionReset,
            "connection reset",
        )),
        DataFusionError::ObjectStore(Box::new(object_store::Error::Generic {
            store: "S3",
            source: "503 slow down".into(),
        })),
        ballista(BallistaError::GrpcConnectionError("no route".to_owned())),
        DataFusionError::Execution("request failed: Connection refused (os error 111)".to_owned()),
        DataFusionError::External(Box::new(os(104))),
    ];
    for error in errors {
        assert_eq!(
            task_failure(&error).kind,
            FailureKind::Transient,
            "{error:?}"
        );
        let task = at_scheduler(&error);
        assert!(task.retryable && task.count_to_failures, "{error:?}");
        assert!(matches!(task.failed_reason, Some(FailedReason::IoError(_))));
        assert!(TaskFailure::find_in_text(&task.error).is_some());
    }
}

#[test]
fn stores_errors_keep_their_kind() {
    let missing = DataFusionError::ObjectStore(Box::new(object_store::Error::NotFound {
        path: "landing/x.json".to_owned(),
        source: "gone".into(),
    }));
    let failure = task_failure(&missing);
    assert_eq!(failure.kind, FailureKind::Storage);
    assert!(failure.message.contains("landing/x.json"), "{failure}");
}

#[test]
fn a_failure_that_was_encoded_where_it_was_found_is_kept() {
    let stage = "t".to_owned();
    let lost = TaskFailure::new(
        FailureKind::StagedLost { stage },
        "staged part t/1 cannot be read: Connection refused",
    );
    assert_eq!(
        task_failure(&to_task_error(&lost).context("scanning")),
        lost
    );
    let bad = TaskFailure::new(FailureKind::DataQuality, "a.json:3: not an object");
    let error = DataFusionError::External(bad.encode().into());
    assert_eq!(task_failure(&error), bad);
    let task = at_scheduler(&error);
    assert!(task.error.contains("SLUICE_DATA_QUALITY") && !task.retryable);
}

/// Operators flatten errors into texts, and shared inputs fail for every reader.
#[test]
fn an_encoded_failure_is_found_in_every_wrapping() {
    let stage = "job-3-1".to_owned();
    let lost = TaskFailure::new(FailureKind::StagedLost { stage }, "\"no\" answer <1>");
    let error = || to_task_error(&lost);
    let wrapped: [DataFusionError; 7] = [
        error(),
        error().context("join"),
        DataFusionError::Shared(Arc::new(error())),
        ballista(BallistaError::DataFusionError(Box::new(error()))),
        ballista(BallistaError::General(format!("write failed: {}", error()))),
        ArrowError::ExternalError(Box::new(error())).into(),
        DataFusionError::Execution(format!("{:?}", error())),
    ];
    for error in wrapped {
        assert_eq!(task_failure(&error), lost, "{error:?}");
        let task = at_scheduler(&error);
        assert!(!task.retryable, "{error:?}");
        assert_eq!(TaskFailure::find_in_text(&task.error).as_ref(), Some(&lost));
    }
}

#[test]
fn memory_faults_and_plain_errors_are_distinguished() {
    let kind = |error: DataFusionError| task_failure(&error).kind;
    assert_eq!(
        kind(DataFusionError::ResourcesExhausted("no memory".to_owned())),
        FailureKind::Memory
    );
    assert_eq!(
        kind(DataFusionError::Internal("a bug".to_owned())),
        FailureKind::Internal
    );
    assert_eq!(
        kind(DataFusionError::Execution(
            "cannot cast 'x' to INT".to_owned()
        )),
        FailureKind::Execution
    );
    assert_eq!(
        kind(ArrowError::CastError("no".to_owned()).into()),
        FailureKind::Execution
    );
    let panic = DataFusionError::Execution(
        "shuffle writer drain panicked: task 3 panicked with message \"no such row\"".to_owned(),
    );
    let failure = task_failure(&panic);
    assert_eq!(failure.kind, FailureKind::Internal);
    assert!(
        failure.message.starts_with("an operator panicked"),
        "{failure}"
    );
    let located = classify_error(&panic, &|text| {
        text.contains("no such row").then(|| "join.rs:7".to_owned())
    });
    assert!(
        located
            .message
            .starts_with("an operator panicked at join.rs:7: "),
        "{located}"
    );
}

#[test]
fn fetches_and_cancellation_are_found_in_wrapped_errors() {
    let fetch = || BallistaError::FetchFailed("e1".to_owned(), 3, 7, "gone".to_owned());
    let twice = ballista(BallistaError::DataFusionError(Box::new(ballista(fetch()))));
    let arrow: DataFusionError = ArrowError::ExternalError(Box::new(fetch())).into();
    for error in [
        ballista(fetch()),
        ballista(fetch()).context("join"),
        twice,
        arrow,
    ] {
        assert_eq!(failed_fetch(&error), Some(("e1", 3)), "{error:?}");
        assert!(!is_cancelled(&error));
    }
    assert!(is_cancelled(&ballista(BallistaError::Cancelled)));
    assert_eq!(failed_fetch(&DataFusionError::Plan("x".to_owned())), None);
}

/// What Ballista and tokio say about a panic on another thread, with their types.
#[tokio::test]
async fn a_panic_of_another_task_is_recognized_by_its_text() {
    let panic = tokio::spawn(async { panic!("row 7 of 3") });
    let join_error = panic.await.unwrap_err();
    let text = DataFusionError::Execution(format!("shuffle writer drain panicked: {join_error}"));
    for error in [text, DataFusionError::ExecutionJoin(Box::new(join_error))] {
        let failure = task_failure(&error);
        assert_eq!(failure.kind, FailureKind::Internal, "{error:?}");
        assert!(failure.message.contains("row 7 of 3"), "{failure}");
    }
}

/// Texts into which an operator flattened the cause.
#[test]
fn causes_are_recognized_in_texts() {
    let kind = |text: &str| {
        let general = ballista(BallistaError::General(text.to_owned()));
        task_failure(&general).kind
    };
    for (number, expected) in [
        (errno::ENOSPC, FailureKind::Storage),
        (errno::EDQUOT, FailureKind::Storage),
        (errno::EACCES, FailureKind::Storage),
        (errno::EROFS, FailureKind::Storage),
        (errno::ENOENT, FailureKind::Storage),
        (errno::ECONNREFUSED, FailureKind::Transient),
        (errno::ECONNRESET, FailureKind::Transient),
        (errno::EPIPE, FailureKind::Transient),
        (errno::ETIMEDOUT, FailureKind::Transient),
    ] {
        assert_eq!(
            kind(&format!("spill: {}", os(number))),
            expected,
            "{number}"
        );
    }
    assert_eq!(kind("division by zero"), FailureKind::Execution);
    // A permanent cause decides, even next to a transient one.
    let both = format!("{}, then {}", os(errno::EPIPE), os(errno::ENOSPC));
    assert_eq!(kind(&both), FailureKind::Storage);
}

/// The system's error numbers on Linux.
mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const EACCES: i32 = 13;
    pub(super) const ENOSPC: i32 = 28;
    pub(super) const EROFS: i32 = 30;
    pub(super) const EPIPE: i32 = 32;
    pub(super) const ECONNRESET: i32 = 104;
    pub(super) const ETIMEDOUT: i32 = 110;
    pub(super) const ECONNREFUSED: i32 = 111;
    pub(super) const EDQUOT: i32 = 122;
}

#[test]
fn a_backtrace_is_cut_from_the_message() {
    let text = format!("cast failed{}frames", DataFusionError::BACK_TRACE_SEP);
    let failure = task_failure(&DataFusionError::Execution(text));
    assert_eq!(
        failure,
        TaskFailure::new(FailureKind::Execution, "cast failed")
    );
}
