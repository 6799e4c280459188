//! TLS, with and without client certificates.

use crate::databases::Database;
use crate::server::{Server, TOKEN};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// A certificate and its key, as PEM.
struct Identity {
    certificate: String,
    key: String,
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(issuer: &CertifiedIssuer<'static, KeyPair>, usage: ExtendedKeyUsagePurpose) -> Identity {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap().pem();
    Identity {
        certificate,
        key: key.serialize_pem(),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The status line that a caller gets who trusts `trusted` and shows `shown`; nothing if TLS does not come about.
fn status(address: SocketAddr, trusted: &str, shown: Option<&Identity>) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    let connection =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap())
            .unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let request = format!(
        "GET /v1/clients/NOBODY HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    String::from_utf8(answer)
        .unwrap()
        .lines()
        .next()
        .map(str::to_owned)
}

#[test]
fn c14_the_store_offers_tls_and_demands_a_client_certificate_where_told_to() {
    let database = Database::sqlite();
    let folder = database.folder.path();
    let (ca, stranger) = (issuer(), issuer());
    let server = issue(&ca, ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = write(folder, "server.pem", &server.certificate);
    let key = write(folder, "server.key", &server.key);
    let client_ca = write(folder, "ca.pem", &ca.pem());
    let not_found = Some("HTTP/1.1 404 Not Found".to_owned());

    let tls = ["--tls-certificate", &certificate, "--tls-key", &key];
    let open = Server::start(&database, &tls);
    assert!(open.process.log().contains("listening on https://"));
    assert_eq!(status(open.address, &ca.pem(), None), not_found);
    assert_eq!(status(open.address, &stranger.pem(), None), None);

    let mutual = Server::start(
        &database,
        &[&tls[..], &["--tls-client-ca", &client_ca]].concat(),
    );
    let client = issue(&ca, ExtendedKeyUsagePurpose::ClientAuth);
    let other = issue(&stranger, ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(status(mutual.address, &ca.pem(), Some(&client)), not_found);
    assert_eq!(status(mutual.address, &ca.pem(), Some(&other)), None);
    assert_eq!(status(mutual.address, &ca.pem(), None), None);
}

#[test]
fn a_file_that_tls_cannot_use_is_named() {
    let database = Database::sqlite();
    let nothing = write(database.folder.path(), "nothing.pem", "");
    for file in [&nothing, "/nowhere.pem"] {
        let output = database
            .command(&[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--tls-certificate",
                file,
                "--tls-key",
                file,
            ])
            .env("LATCHKEY_SERVICE_TOKENS", TOKEN)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(file), "{message}");
    }
}
