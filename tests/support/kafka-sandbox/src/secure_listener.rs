//! A second listener with TLS and passwords, in addition to the plain one that the
//! tools use.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::installation::Installation;
use crate::{Broker, SandboxError};

const STORE_PASSWORD: &str = "sandbox-store";

/// How to connect to a broker over TLS with a password.
#[derive(Debug, Clone)]
pub struct SecureListener {
    /// `localhost:PORT`, for clients that use SASL over TLS.
    pub address: String,
    /// The certificate to trust, as PEM.
    pub ca: PathBuf,
    /// The user, with PLAIN and with SCRAM-SHA-512.
    pub user: &'static str,
    pub password: &'static str,
}

impl Broker {
    /// Like [`Broker::start`], with a second listener for SASL over TLS.
    ///
    /// # Errors
    /// When the broker does not start, or `keytool`, which comes with Java, cannot
    /// create a certificate.
    pub fn start_secure(
        installation: &Installation,
        settings: &[(&str, &str)],
    ) -> Result<(Self, SecureListener), SandboxError> {
        let mut broker = Self::prepare_folder(installation)?;
        let folder = broker.folder().to_owned();
        let [plain, controller, secure] = free_ports()?;
        // The script would choose a port, but the listeners' settings must name it.
        let file = folder.join("controller.port");
        std::fs::write(&file, controller.to_string()).map_err(|source| SandboxError::File {
            path: file.clone(),
            source,
        })?;
        let store = folder.join("broker.p12");
        let listener = SecureListener {
            address: format!("localhost:{secure}"),
            ca: folder.join("ca.pem"),
            user: "sluice",
            password: "sandbox-password",
        };
        make_certificate(&store, &listener.ca)?;
        let SecureListener { user, password, .. } = &listener;
        let (tls, sasl) = (
            "listener.name.secure.ssl",
            "org.apache.kafka.common.security",
        );
        broker.args = vec!["--port".to_owned(), plain.to_string()];
        broker.args.extend([
            format!("listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{secure}"),
            format!("advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURE://localhost:{secure}"),
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL".to_owned(),
            format!("{tls}.keystore.type=PKCS12"),
            format!("{tls}.keystore.location={}", store.display()),
            format!("{tls}.keystore.password={STORE_PASSWORD}"),
            "listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512".to_owned(),
            format!("listener.name.secure.plain.sasl.jaas.config={sasl}.plain.PlainLoginModule required user_{user}=\"{password}\";"),
            format!("listener.name.secure.scram-sha-512.sasl.jaas.config={sasl}.scram.ScramLoginModule required;"),
        ]);
        broker.args.extend(crate::broker::key_value_pairs(settings));
        broker.address = broker.start_new_process()?;
        let scram = format!("SCRAM-SHA-512=[password={password}]");
        let args = [
            "--alter",
            "--add-config",
            &scram,
            "--entity-type",
            "users",
            "--entity-name",
            user,
        ];
        broker.run_tool("configs", &args)?;
        Ok((broker, listener))
    }
}

/// Different ports: all of them are taken before any is given back.
fn free_ports() -> Result<[u16; 3], SandboxError> {
    let listen = || TcpListener::bind("127.0.0.1:0");
    let ports = || -> std::io::Result<[u16; 3]> {
        let listeners = [listen()?, listen()?, listen()?];
        let [first, second, third] = &listeners;
        Ok([
            first.local_addr()?.port(),
            second.local_addr()?.port(),
            third.local_addr()?.port(),
        ])
    };
    ports().map_err(|source| SandboxError::Run {
        verb: "start".to_owned(),
        source,
    })
}

/// Creates a key with a self-signed certificate, in a key store and as PEM.
fn make_certificate(store: &Path, pem: &Path) -> Result<(), SandboxError> {
    let common = [
        "-alias",
        "broker",
        "-storetype",
        "PKCS12",
        "-storepass",
        STORE_PASSWORD,
    ];
    let mut make = Command::new("keytool");
    make.args([
        "-genkeypair",
        "-keyalg",
        "RSA",
        "-keysize",
        "2048",
        "-validity",
        "7",
    ])
    .args([
        "-dname",
        "CN=localhost",
        "-ext",
        "san=dns:localhost,ip:127.0.0.1",
    ])
    .args(common)
    .arg("-keystore")
    .arg(store);
    let mut export = Command::new("keytool");
    export
        .args(["-exportcert", "-rfc"])
        .args(common)
        .arg("-keystore")
        .arg(store)
        .arg("-file")
        .arg(pem);
    for mut command in [make, export] {
        let verb = || "start (keytool)".to_owned();
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| SandboxError::Run {
                verb: verb(),
                source,
            })?;
        if !output.status.success() {
            return Err(SandboxError::Failed {
                verb: verb(),
                output: String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr),
            });
        }
    }
    Ok(())
}
