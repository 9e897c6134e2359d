//! Tests processes that share a topic's partitions as members of a consumer
//! group.

use std::collections::BTreeSet;
use std::process::Child;

use tempfile::TempDir;

use crate::apache::broker;
use crate::checker::{assert_exact, entries};
use crate::cluster::Cluster;
use crate::mock::mock;
use crate::process::{command, signal};
use crate::records::produce_some;
use crate::wait::landed;

const PARTITIONS: i32 = 4;

/// More rounds than a group needs to balance on a slow machine.
const ROUNDS: usize = 300;

struct Group {
    address: String,
    topic: String,
    landing: TempDir,
    sent: usize,
}

impl Group {
    fn new(cluster: &dyn Cluster) -> Self {
        Self {
            address: cluster.address(),
            topic: cluster.topic(PARTITIONS),
            landing: tempfile::tempdir().unwrap(),
            sent: 0,
        }
    }

    /// Starts a member, which commits every half second.
    fn member(&self) -> Child {
        let args = ["--bootstrap-servers", &self.address, "--topic", &self.topic];
        let group = ["--group", "landing", "--follow", "--duration", "0.5"];
        // The shortest timeout that brokers allow, so that a lost member is noticed
        // soon.
        let timeout = ["--kafka-conf", "session.timeout.ms=6000"];
        let output = ["--output", self.landing.path().to_str().unwrap()];
        let quiet = ["--log-level", "warn"];
        command(&[&args[..], &group, &timeout, &output, &quiet].concat())
            .spawn()
            .unwrap()
    }

    /// Sends records to all partitions and waits until they have landed.
    /// Returns how many members committed some of them.
    fn send(&mut self, count: usize) -> usize {
        let folder = self.landing.path().join(&self.topic);
        let before = entries(&folder).len();
        let tag = format!("after {}", self.sent);
        produce_some(&self.address, &self.topic, PARTITIONS, count, &tag);
        self.sent += count;
        landed(&folder, self.sent as u64);
        let members: BTreeSet<String> = entries(&folder)
            .into_iter()
            .skip(before)
            .map(|entry| entry["body"]["run_id"].to_string())
            .collect();
        members.len()
    }

    /// Sends records until this many members commit some of them.
    fn settle(&mut self, members: usize) {
        let settled = (0..ROUNDS).any(|_| self.send(40) == members);
        assert!(settled, "{members} members do not share the partitions");
    }

    /// Stops the members with SIGTERM, and asserts that everything has landed once.
    fn end(self, members: Vec<Child>) {
        for member in &members {
            signal(member, libc::SIGTERM);
        }
        for member in members {
            let ended = member.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(ended.status.success(), "{said}");
        }
        let count = assert_exact(&self.address, &self.topic, self.landing.path());
        assert_eq!(count, self.sent);
    }
}

#[test]
fn a_group_shares_the_partitions() {
    let mut group = Group::new(mock());
    let members = vec![group.member(), group.member()];
    group.send(400);
    group.settle(2);
    group.end(members);
}

#[test]
fn a_group_outlives_a_member_that_is_killed() {
    let Some(kafka) = broker() else { return };
    let mut group = Group::new(kafka);
    let (mut killed, other) = (group.member(), group.member());
    group.send(400);
    group.settle(2);
    signal(&killed, libc::SIGKILL);
    killed.wait().unwrap();
    // The other member takes over its partitions.
    assert_eq!(group.send(400), 1);
    group.end(vec![other]);
}
