//! TLS for listeners: which certificate is shown, whose certificates are asked for; both may change while it runs.

use arc_swap::ArcSwap;
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

/// What the files of `server.tls` hold, PEM.
#[derive(Debug, Clone, Copy)]
pub struct TlsFiles<'a> {
    /// The server's certificate, then those that vouch for it.
    pub certificate: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
    /// The certificates by which clients' must be vouched for; without them no client is asked for one.
    pub client_ca: Option<&'a [u8]>,
}

/// Files that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct TlsError {
    /// The setting whose file it is.
    pub setting: &'static str,
    /// What is wrong.
    pub problem: String,
}

const CERTIFICATE: &str = "server.tls.cert";
const KEY: &str = "server.tls.key";
const CLIENT_CA: &str = "server.tls.client_ca";

/// How the listeners speak TLS, from the next connection on.
#[derive(Debug)]
pub struct LiveTls(ArcSwap<Current>);

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

impl LiveTls {
    /// TLS by these files.
    ///
    /// # Errors
    /// Files that hold no certificate or key, or do not belong together.
    pub fn new(files: TlsFiles<'_>) -> Result<Self, TlsError> {
        Ok(Self(ArcSwap::from_pointee(current(files)?)))
    }

    /// Puts other files in force. Connections that are open go on as they are.
    ///
    /// # Errors
    /// Files that cannot be used; the last ones stay in force.
    pub fn replace(&self, files: TlsFiles<'_>) -> Result<(), TlsError> {
        self.0.store(Arc::new(current(files)?));
        Ok(())
    }

    /// How the next connection is made.
    #[must_use]
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.load().config)
    }

    /// Whether the certificate is one for this name.
    #[must_use]
    pub(crate) fn is_for(&self, name: &str) -> bool {
        let current = self.0.load();
        let Ok(name) = ServerName::try_from(name) else { return false };
        ParsedCertificate::try_from(&current.certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }
}

/// How a listener speaks TLS 1.2 and 1.3; HTTP/2 is offered before HTTP/1.1.
///
/// # Errors
/// Files that hold no certificate or key, or do not belong together.
fn current(files: TlsFiles<'_>) -> Result<Current, TlsError> {
    let fault = |setting| move |problem: String| TlsError { setting, problem };
    let chain = certificates(files.certificate).map_err(fault(CERTIFICATE))?;
    let certificate = chain.first().cloned().ok_or_else(|| fault(CERTIFICATE)("there is none".to_owned()))?;
    let key = PrivateKeyDer::from_pem_slice(files.key)
        .map_err(|error| fault(KEY)(format!("the file holds no private key in PEM form: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(CERTIFICATE)(error.to_string()))?;
    let builder = match files.client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem).map_err(fault(CLIENT_CA))? {
                roots.add(certificate).map_err(|error| fault(CLIENT_CA)(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| fault(CLIENT_CA)(error.to_string()))?)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| fault(KEY)(format!("the key does not belong to the certificate of {CERTIFICATE}: {error}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Current { config: Arc::new(config), certificate })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| format!("the file is no PEM: {error}"))?;
    if all.is_empty() {
        return Err("the file holds no certificate in PEM form".to_owned());
    }
    Ok(all)
}
