//! Tests processes that share a topic's partitions as members of a consumer
//! group.

use std::collections::BTreeSet;
use std::process::Child;

use tempfile::TempDir;

use crate::apache::shared_broker;
use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::Cluster;
use crate::mock::mock_broker;
use crate::process::{program_command, send_signal};
use crate::records::produce_mixed;
use crate::wait::wait_until_landed;

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
            topic: cluster.new_topic(PARTITIONS),
            landing: tempfile::tempdir().unwrap(),
            sent: 0,
        }
    }

    /// Starts a member, which commits every half second.
    fn start_member(&self) -> Child {
        let args = ["--bootstrap-servers", &self.address, "--topic", &self.topic];
        let group = ["--group", "landing", "--follow", "--duration", "0.5"];
        // The shortest timeout that brokers allow, so that a lost member is noticed
        // soon.
        let timeout = ["--kafka-conf", "session.timeout.ms=6000"];
        let output = ["--landing", self.landing.path().to_str().unwrap()];
        let quiet = ["--log-level", "warn"];
        program_command(&[&args[..], &group, &timeout, &output, &quiet].concat())
            .spawn()
            .unwrap()
    }

    /// Sends records to all partitions and waits until they have landed.
    /// Returns how many members committed some of them.
    fn send_records(&mut self, count: usize) -> usize {
        let folder = self.landing.path().join(&self.topic);
        let before = ledger_entries(&folder).len();
        let tag = format!("after {}", self.sent);
        produce_mixed(&self.address, &self.topic, PARTITIONS, count, &tag);
        self.sent += count;
        wait_until_landed(&folder, self.sent as u64);
        let members: BTreeSet<String> = ledger_entries(&folder)
            .into_iter()
            .skip(before)
            .map(|entry| entry["body"]["run_id"].to_string())
            .collect();
        members.len()
    }

    /// Sends records until this many members commit some of them.
    fn wait_until_shared(&mut self, members: usize) {
        let settled = (0..ROUNDS).any(|_| self.send_records(40) == members);
        assert!(settled, "{members} members do not share the partitions");
    }

    /// Stops the members with SIGTERM, and asserts that everything has landed once.
    fn stop_members(self, members: Vec<Child>) {
        for member in &members {
            send_signal(member, libc::SIGTERM);
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
    let mut group = Group::new(mock_broker());
    let members = vec![group.start_member(), group.start_member()];
    group.send_records(400);
    group.wait_until_shared(2);
    group.stop_members(members);
}

#[test]
fn a_group_outlives_a_member_that_is_killed() {
    let Some(kafka) = shared_broker() else { return };
    let mut group = Group::new(kafka);
    let (mut killed, other) = (group.start_member(), group.start_member());
    group.send_records(400);
    group.wait_until_shared(2);
    send_signal(&killed, libc::SIGKILL);
    killed.wait().unwrap();
    // The other member takes over its partitions.
    assert_eq!(group.send_records(400), 1);
    group.stop_members(vec![other]);
}
