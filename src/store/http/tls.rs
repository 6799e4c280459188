//! TLS, where nothing in front of the store does it.

use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files that TLS is made from, all PEM.
pub struct Tls {
    /// The server's certificate, and those that lead to its issuer.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Who issues the certificates that callers must show; `None`: callers need show none.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {source}; expected {expected} in PEM", path.display())]
    File {
        path: PathBuf,
        expected: &'static str,
        source: pem::Error,
    },
    #[error("{}: there is no certificate in it", .0.display())]
    NoCertificate(PathBuf),
    #[error("{}: a certificate in it cannot be used as issuer: {source}", path.display())]
    Issuer {
        path: PathBuf,
        source: rustls::Error,
    },
    #[error("client certificates cannot be checked: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("certificate and private key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

impl Tls {
    pub(super) fn load(&self) -> Result<RustlsConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|source| TlsError::File {
            path: self.key.clone(),
            expected: "a private key",
            source,
        })?;
        let verifier: Arc<dyn ClientCertVerifier> = match &self.client_ca {
            Some(path) => {
                WebPkiClientVerifier::builder_with_provider(issuers(path)?.into(), provider.clone())
                    .build()?
            }
            None => Arc::new(NoClientAuth),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(RustlsConfig::from_config(Arc::new(config)))
    }
}

fn issuers(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|source| TlsError::Issuer {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::File {
        path: path.to_owned(),
        expected: "certificates",
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(error)?
        .collect::<Result<_, _>>()
        .map_err(error)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}
