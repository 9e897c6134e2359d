//! Why brokers cannot be connected to: each cause is named, with the next step.

use std::net::SocketAddr;

use sluice_kafka_sandbox::{Broker, Installation};

use crate::fake_broker::{listen, listen_and_answer, listen_as_kafka};
use crate::process::{program_command, send_signal};
use crate::wait;

/// An address at which nothing listens.
const REFUSED: &str = "127.0.0.1:1";

/// Long enough for a busy machine to find the cause of a failure. The run takes as long
/// when the cause may pass.
const A_WHILE: &str = "12s";

/// Longer than a test waits: the run must end before.
const TOO_LONG: &str = "10m";

fn ingest_args<'a>(servers: &'a str, landing: &'a str, timeout: &'a str) -> Vec<&'a str> {
    vec![
        "--bootstrap-servers",
        servers,
        "--topic",
        "t",
        "--landing",
        landing,
        "--timeout",
        timeout,
    ]
}

/// What ingest prints when it cannot connect with these settings.
fn print_failure(servers: &str, timeout: &str, settings: &[&str]) -> String {
    let landing = tempfile::tempdir().unwrap();
    let mut args = ingest_args(servers, landing.path().to_str().unwrap(), timeout);
    for setting in settings {
        args.extend(["--kafka-conf", setting]);
    }
    let mut run = program_command(&args).spawn().unwrap();
    wait::wait_until("ingest ends", || run.try_wait().unwrap().is_some());
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{settings:?}: {said}");
    said
}

/// Ingest must end with this cause, having logged it before.
fn assert_cause(servers: &str, timeout: &str, settings: &[&str], cause: &str) {
    let said = print_failure(servers, timeout, settings);
    let last = format!("no connection to the brokers of `{servers}`: ");
    let (logged, last) = said.split_once(&last).unwrap_or_else(|| panic!("{said}"));
    assert!(last.contains(cause), "{said}");
    assert!(logged.contains("WARN") && logged.contains(cause), "{said}");
}

#[test]
fn an_address_where_nothing_listens() {
    let cause = "nothing listens at 127.0.0.1:1 (Connect to ipv4#127.0.0.1:1 failed: Connection \
        refused); start Kafka, or correct host and port";
    assert_cause(REFUSED, A_WHILE, &[], cause);
}

#[test]
fn a_name_that_does_not_exist() {
    let cause = "the host name of kafka.invalid:9092 cannot be resolved";
    assert_cause("kafka.invalid:9092", "30s", &[], cause);
}

#[test]
fn a_listener_that_speaks_tls() {
    // The alerts "unexpected message" and "close notify" of TLS 1.2.
    let alerts = &[0x15, 3, 3, 0, 2, 2, 10, 0x15, 3, 3, 0, 2, 1, 0];
    let address = listen_and_answer(alerts).to_string();
    let cause = format!("the listener at {address} speaks TLS");
    assert_cause(&address, TOO_LONG, &[], &cause);
}

#[test]
fn a_listener_that_speaks_no_tls() {
    let tls = ["security.protocol=SSL"];
    let address = listen_and_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n").to_string();
    let cause = format!("the listener at {address} does not speak TLS");
    assert_cause(&address, TOO_LONG, &tls, &cause);
    let address = listen_as_kafka(refused_address()).to_string();
    let cause = format!("{address} closes each connection during the TLS handshake");
    assert_cause(&address, A_WHILE, &tls, &cause);
}

#[test]
fn something_that_is_not_kafka() {
    let address = listen_and_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n").to_string();
    let cause = format!("what answers at {address} does not speak Kafka's protocol");
    assert_cause(&address, TOO_LONG, &[], &cause);
    // As a proxy does before its service has started: that may pass.
    let address = listen(drop).to_string();
    let cause = format!("{address} closes each connection at the first request");
    assert_cause(&address, A_WHILE, &[], &cause);
}

#[test]
fn a_wrong_password() {
    let address = listen_as_kafka(refused_address()).to_string();
    let settings = [
        "security.protocol=SASL_PLAINTEXT",
        "sasl.mechanism=PLAIN",
        "sasl.username=sluice",
        "sasl.password=a-wrong-password",
    ];
    let cause = format!("{address} does not accept the user or the password");
    assert_cause(&address, TOO_LONG, &settings, &cause);
    let said = print_failure(&address, TOO_LONG, &settings);
    assert!(!said.contains("a-wrong-password"), "{said}");
}

fn refused_address() -> SocketAddr {
    REFUSED.parse().unwrap()
}

#[test]
fn an_advertised_address_that_cannot_be_used() {
    let address = listen_as_kafka(refused_address()).to_string();
    let cause = "Kafka answers, but advertises an address that cannot be used from here: nothing \
        listens at 127.0.0.1:1";
    assert_cause(&address, A_WHILE, &[], cause);
}

#[test]
fn the_cause_is_logged_while_a_question_waits() {
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    let folder = landing.path().to_str().unwrap();
    for more in [&["--follow"][..], &["--follow", "--group", "g"]] {
        let args = ingest_args(REFUSED, folder, TOO_LONG);
        let mut run = program_command(&[&args[..], more].concat())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        wait::wait_until("the cause is logged", || {
            let logged = std::fs::read_to_string(&log).unwrap();
            logged.contains("nothing listens at 127.0.0.1:1")
        });
        assert!(run.try_wait().unwrap().is_none(), "{more:?} has ended");
        send_signal(&run, libc::SIGTERM);
        run.wait().unwrap();
    }
}

#[test]
fn the_listeners_of_apache_kafka() {
    let Some(installation) = Installation::find().unwrap() else {
        return;
    };
    let (broker, secure) = Broker::start_secure(&installation, &[]).unwrap();
    let (plain, tls) = (broker.address(), secure.address.as_str());
    let ca = format!("ssl.ca.location={}", secure.ca.display());
    let password = format!("sasl.password={}", secure.password);
    let user = format!("sasl.username={}", secure.user);
    let sasl_ssl = "security.protocol=SASL_SSL";
    let plain_mechanism = "sasl.mechanism=PLAIN";
    let in_plaintext = "security.protocol=SASL_PLAINTEXT";
    let unknown_mechanism = "sasl.mechanism=SCRAM-SHA-256";
    for (servers, settings, cause) in [
        (plain, vec!["security.protocol=SSL"], "TLS handshake"),
        (
            plain,
            vec![in_plaintext, plain_mechanism, &user, &password],
            "does not use SASL",
        ),
        (
            tls,
            vec![sasl_ssl, plain_mechanism, &user, &password],
            "the certificate of",
        ),
        (
            tls,
            vec![sasl_ssl, unknown_mechanism, &user, &password, &ca],
            "broker's supported mechanisms: ",
        ),
        (
            tls,
            vec![sasl_ssl, plain_mechanism, &user, "sasl.password=no", &ca],
            "does not accept the user or the password",
        ),
        (tls, vec![], "TLS"),
        (tls, vec!["security.protocol=SSL", &ca], "SASL"),
    ] {
        let is_named = |said: &str| {
            let last = said.split("no connection to the brokers of ").nth(1);
            last.is_some_and(|last| last.contains(cause))
        };
        let mut said = print_failure(servers, "5s", &settings);
        if !is_named(&said) {
            // A busy machine may need longer to connect.
            said = print_failure(servers, "60s", &settings);
        }
        assert!(is_named(&said), "{settings:?}: {said}");
    }
}
