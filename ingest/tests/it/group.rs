//! Tests processes that share a topic's partitions as members of a consumer
//! group.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Child;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::apache::{shared_broker, start_broker};
use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::Cluster;
use crate::mock::mock_broker;
use crate::process::{print_line, program_command, send_signal};
use crate::records::produce_mixed;
use crate::wait::{wait_until, wait_until_landed};

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

/// A member waits for its brokers in the middle of its work, as long as they may take, and
/// is asked to stop then.
#[test]
fn a_member_that_waits_for_silent_brokers_ends_soon_after_sigterm() {
    let Some(broker) = start_broker() else { return };
    let topic = broker.new_topic(PARTITIONS);
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    let connection = ["--bootstrap-servers", broker.address(), "--timeout", "10m"];
    let read = ["--topic", &topic, "--group", "landing", "--follow"];
    let output = ["--landing", landing.path().to_str().unwrap()];
    let batches = ["--duration", "1", "--log-level", "debug"];
    let mut member = program_command(&[&connection[..], &read, &output, &batches].concat())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    produce_mixed(broker.address(), &topic, PARTITIONS, 400, "before");
    wait_until_landed(&landing.path().join(&topic), 400);
    broker.pause().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    let questions = || {
        said()
            .matches("whether the topic is still the same")
            .count()
    };
    let before = questions();
    // The brokers have ten minutes to answer this one.
    wait_until("the member asks again", || questions() > before);
    let asked = Instant::now();
    send_signal(&member, libc::SIGTERM);
    let status = member.wait().unwrap();
    let took = asked.elapsed();
    print_line(&format!(
        "the member ended {:.1} s after SIGTERM",
        took.as_secs_f64()
    ));
    // A few seconds, and what a busy machine adds.
    assert!(took < Duration::from_secs(60), "{took:?}: {}", said());
    assert!(status.success(), "{status}: {}", said());
    broker.resume().unwrap();
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 400);
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
