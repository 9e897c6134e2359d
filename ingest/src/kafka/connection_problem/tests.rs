use super::*;

const SERVERS: &str = "kafka:9092, SASL_SSL://kafka:9093,127.0.0.1:1,other";

fn read_line(line: &str) -> Option<ConnectionProblem> {
    ConnectionProblem::from_log_line(line, SERVERS)
}

/// Lines in the words of librdkafka 2.12 and of OpenSSL 3, with what they mean.
#[test]
fn each_line_has_its_cause() {
    use ConnectionCause as Cause;
    for (line, cause) in [
        (
            "nowhere.invalid:9092/bootstrap: Failed to resolve 'nowhere.invalid:9092': Name or \
             service not known (after 12ms in state TRY_CONNECT)",
            Cause::UnknownHost,
        ),
        (
            "nowhere.invalid:9092/bootstrap: Failed to resolve 'nowhere.invalid:9092': Temporary \
             failure in name resolution (after 5012ms in state TRY_CONNECT, 3 identical error(s) \
             suppressed)",
            Cause::UnknownHost,
        ),
        (
            "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after \
             0ms in state CONNECT)",
            Cause::Refused,
        ),
        (
            "[::1]:9092/bootstrap: Connect to ipv6#[::1]:9092 failed: Connection refused (after \
             0ms in state CONNECT)",
            Cause::Refused,
        ),
        (
            "10.0.0.9:9092/bootstrap: Failed to connect to broker at 10.0.0.9:9092: Network is \
             unreachable (after 0ms in state TRY_CONNECT)",
            Cause::NoRoute,
        ),
        (
            "10.0.0.9:9092/bootstrap: Connect to ipv4#10.0.0.9:9092 failed: No route to host \
             (after 3061ms in state CONNECT)",
            Cause::NoRoute,
        ),
        (
            "10.0.0.9:9092/bootstrap: Connection setup timed out in state CONNECT (after 10006ms \
             in state CONNECT)",
            Cause::Silent,
        ),
        (
            "kafka:9092/bootstrap: Receive failed: Invalid response size 352518912 \
             (0..100000000): increase receive.message.max.bytes (after 1ms in state \
             APIVERSION_QUERY)",
            Cause::TlsListener,
        ),
        (
            "kafka:9092/bootstrap: Receive failed: Invalid response size 1213486160 \
             (0..100000000): increase receive.message.max.bytes (after 1ms in state \
             APIVERSION_QUERY)",
            Cause::NotKafka,
        ),
        (
            "kafka:9092/bootstrap: Disconnected: connection closed by peer: receive 0 after \
             POLLIN (after 2ms in state APIVERSION_QUERY)",
            Cause::ClosedInPlaintext,
        ),
        (
            "kafka:9092/bootstrap: Disconnected: connection reset by peer: requesting \
             ApiVersion: might be caused by incorrect security.protocol configuration \
             (connecting to a SSL listener?) or broker version is < 0.10 (see \
             api.version.request) (after 2ms in state APIVERSION_QUERY)",
            Cause::ClosedInPlaintext,
        ),
        (
            "kafka:9092/bootstrap: Disconnected: connection closed by peer: receive 0 after \
             POLLIN (after 2ms in state UP)",
            Cause::ClosedBeforeSasl,
        ),
        (
            "ssl://kafka:9092/bootstrap: SSL handshake failed: Disconnected: connection closed by \
             peer: connecting to a PLAINTEXT broker listener? (after 3ms in state SSL_HANDSHAKE)",
            Cause::ClosedInTls,
        ),
        (
            "ssl://kafka:9092/bootstrap: Disconnected: during SSL connection handshake (after 3ms \
             in state SSL_HANDSHAKE)",
            Cause::ClosedInTls,
        ),
        (
            "ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong \
             version number (after 3ms in state SSL_HANDSHAKE)",
            Cause::PlaintextListener,
        ),
        (
            "sasl_ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000086:SSL \
             routines::certificate verify failed: broker certificate could not be verified, \
             verify that ssl.ca.location is correctly configured or root CA certificates are \
             installed (install ca-certificates package) (after 9ms in state SSL_HANDSHAKE)",
            Cause::BrokerCertificate,
        ),
        (
            "ssl://kafka:9093/bootstrap: Failed to verify broker certificate: certificate has \
             expired (after 9ms in state SSL_HANDSHAKE)",
            Cause::BrokerCertificate,
        ),
        (
            "ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000410:SSL routines::sslv3 \
             alert handshake failure: SSL alert number 40 (after 9ms in state SSL_HANDSHAKE)",
            Cause::TlsHandshake,
        ),
        (
            "ssl://kafka:9093/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert \
             certificate required: SSL alert number 116 (after 4ms in state APIVERSION_QUERY)",
            Cause::ClientCertificate,
        ),
        (
            "ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000412:SSL routines::sslv3 \
             alert bad certificate: SSL alert number 42 (after 4ms in state SSL_HANDSHAKE)",
            Cause::ClientCertificate,
        ),
        (
            "sasl_plaintext://kafka:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: \
             Request not valid in current SASL state: broker's supported mechanisms:  (after 1ms \
             in state AUTH_HANDSHAKE)",
            Cause::NoSaslListener,
        ),
        (
            "sasl_plaintext://kafka:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: \
             Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-512 (after 1ms \
             in state AUTH_HANDSHAKE)",
            Cause::SaslMechanism,
        ),
        (
            "sasl_ssl://kafka:9093/bootstrap: SASL authentication error: Authentication failed \
             during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 \
             (after 306ms in state AUTH_REQ)",
            Cause::Credentials,
        ),
        (
            "GroupCoordinator: kafka-2:9092: Connect to ipv4#10.0.0.2:9092 failed: Connection \
             refused (after 0ms in state CONNECT)",
            Cause::Refused,
        ),
    ] {
        assert_eq!(read_line(line).unwrap().cause, cause, "{line}");
    }
}

#[test]
fn ordinary_ends_of_connections_have_no_cause() {
    for line in [
        // A broker that stops after a while.
        "kafka:9092/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after \
         73021ms in state UP)",
        "sasl_ssl://kafka:9093/1: Disconnected: SSL connection closed by peer (after 20ms in \
         state UP)",
        "kafka:9092/1: 3 request(s) timed out: disconnect (average rtt 4.210ms) (after 73021ms in \
         state UP)",
        "sasl_ssl://kafka:9093/1: SASL authentication error: SaslAuthenticateRequest failed: \
         Local: Broker transport failure (after 2ms in state AUTH_REQ)",
        "GroupCoordinator: Logical broker has no address yet (after 1ms in state TRY_CONNECT)",
        "3/3 brokers are down",
        "",
    ] {
        assert_eq!(read_line(line), None, "{line}");
    }
}

fn refused_at(name: &str) -> ConnectionProblem {
    let line = format!(
        "{name}: Connect to ipv4#10.0.0.2:9092 failed: Connection refused (after 0ms in state \
         CONNECT)"
    );
    read_line(&line).unwrap()
}

#[test]
fn an_address_is_advertised_if_it_comes_from_a_broker_only() {
    for (name, is_advertised) in [
        ("kafka:9092/bootstrap", false),
        ("elsewhere:9092/bootstrap", false),
        ("kafka-2:9092/2", true),
        ("sasl_ssl://kafka-2:9093/2", true),
        ("GroupCoordinator: kafka-2:9092", true),
        // The broker's number does not make the user's own address another one.
        ("kafka:9092/1", false),
        ("sasl_ssl://kafka:9093/1", false),
        ("other:9092/3", false),
        ("GroupCoordinator: kafka:9092", false),
    ] {
        assert_eq!(refused_at(name).is_advertised, is_advertised, "{name}");
    }
    let said = refused_at("kafka-2:9092/2").to_string();
    assert!(said.contains("advertised.listeners"), "{said}");
    assert!(said.contains("nothing listens at kafka-2:9092"), "{said}");
    let said = refused_at("kafka:9092/1").to_string();
    assert!(!said.contains("advertise"), "{said}");
}

#[test]
fn a_message_has_the_cause_the_words_of_the_library_and_the_next_step() {
    let line = "sasl_ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000086:SSL \
        routines::certificate verify failed: broker certificate could not be verified, verify \
        that ssl.ca.location is correctly configured (after 9ms in state SSL_HANDSHAKE)";
    assert_eq!(
        read_line(line).unwrap().to_string(),
        "the certificate of kafka:9093 is not trusted, or is valid for another name only (SSL \
         handshake failed: error:0A000086:SSL routines::certificate verify failed); set \
         ssl.ca.location to the authority that signed it, and use a host name that is in it"
    );
}

#[test]
fn what_lasts_explains_more_than_what_may_pass() {
    let refused = refused_at("kafka:9092/bootstrap");
    let advertised = refused_at("kafka-2:9092/2");
    let line = "sasl_ssl://kafka:9093/bootstrap: SASL authentication error: invalid credentials \
        (after 306ms in state AUTH_REQ)";
    let password = read_line(line).unwrap();
    assert!(advertised.explains_more_than(&refused) && !refused.explains_more_than(&advertised));
    assert!(password.explains_more_than(&advertised));
    assert!(password.cause.is_lasting() && !refused.cause.is_lasting());
}
