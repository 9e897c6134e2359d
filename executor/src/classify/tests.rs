use std::io;
use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::FailedTask;
use ballista_core::serde::protobuf::failed_task::FailedReason;

use datafusion::arrow::error::ArrowError;
use sluice_service::task_failure::FailureKind;

use super::*;

fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn ballista(error: BallistaError) -> DataFusionError {
    error.into_datafusion()
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
fn markers_decide_and_do_not_show() {
    let lost = DataFusionError::Execution(
        "SLUICE_STAGED_LOST: staged part t/1 cannot be read: Connection refused".to_owned(),
    );
    assert_eq!(
        task_failure(&lost.context("scanning")),
        TaskFailure::new(
            FailureKind::StagedLost,
            "staged part t/1 cannot be read: Connection refused"
        )
    );
    let bad = DataFusionError::External("SLUICE_DATA_QUALITY: a.json:3: not an object".into());
    assert_eq!(
        task_failure(&bad),
        TaskFailure::new(FailureKind::DataQuality, "a.json:3: not an object")
    );
    let task = at_scheduler(&bad);
    assert!(task.error.contains("SLUICE_DATA_QUALITY") && !task.retryable);
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
