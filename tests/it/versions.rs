//! Processes of different versions.

use std::net::{Ipv4Addr, SocketAddr};

use tonic::Code;

use crate::registrations::{VERSION, register_executor};
use crate::sandbox::Cluster;

#[test]
fn an_executor_of_another_version_is_refused_with_both_versions() {
    let cluster = Cluster::builder().executors(0).start();
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    for (version, name) in [
        (Some("9.9.9"), "version 9.9.9"),
        (None, "of an unknown version"),
    ] {
        let refused = register_executor(&cluster, nowhere, version, 1).unwrap_err();
        // Executors end with this code and do not retry.
        assert_eq!(refused.code(), Code::FailedPrecondition);
        let expected = format!("the scheduler is version {VERSION}, this executor is {name}");
        assert_eq!(refused.message(), expected);
        let log = cluster.scheduler.read_log();
        assert!(
            log.contains(&expected) && log.contains("run the same version"),
            "{log}"
        );
    }
    assert!(cluster.registered_executors().is_empty());
    // One of the same version is refused for another reason: no one listens there.
    let unreachable = register_executor(&cluster, nowhere, Some(VERSION), 1).unwrap_err();
    assert_eq!(unreachable.code(), Code::Unavailable);
}
