//! TLS of our own, for servers without a proxy before them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use lamp_core::error::{Classified, Kind};
use lamp_core::exposure::TlsFiles;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the other end may take to agree on keys.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Connections at a time. More wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;

/// Connections that have agreed on keys and are not picked up yet.
const READY_MAX: usize = 64;

/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there or not what it should be.
    #[error("cannot use `{}` as the server's {what}: {why}", path.display())]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the library said.
        why: String,
    },
    /// They do not go together.
    #[error("the certificate and the key do not go together: {0}")]
    Pair(rustls::Error),
}

impl Classified for TlsError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("give a chain and its key as PEM files: --tls-cert fullchain.pem --tls-key privkey.pem".to_owned())
    }
}

/// A certificate and its key, read and found to go together.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl Tls {
    /// Reads the files; relative paths count from `root`.
    pub fn load(files: &TlsFiles, root: &Path) -> Result<Self, TlsError> {
        let cert_path = root.join(&files.cert);
        let key_path = root.join(&files.key);
        let failed = |what, path: &Path, why: String| TlsError::File { what, path: path.to_owned(), why };
        let chain = CertificateDer::pem_file_iter(&cert_path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failed("certificate", &cert_path, error.to_string()))?;
        if chain.is_empty() {
            return Err(failed("certificate", &cert_path, "there is none in it".to_owned()));
        }
        let key =
            PrivateKeyDer::from_pem_file(&key_path).map_err(|error| failed("key", &key_path, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }
}

/// Accepts connections and agrees on keys, many at a time: one that dawdles holds nobody up.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsConnection, SocketAddr)>,
    address: SocketAddr,
    /// Ends with this listener.
    _accepting: JoinSet<()>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, tls: &Tls) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (send, ready) = mpsc::channel(READY_MAX);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, TlsAcceptor::from(Arc::clone(&tls.config)), send));
        Ok(Self { ready, address, _accepting: accepting })
    }
}

impl Listener for TlsListener {
    type Io = TlsConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsConnection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task never ends by itself; without it nobody comes any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<(TlsConnection, SocketAddr)>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut handshakes = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while handshakes.try_join_next().is_some() {}
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        handshakes.spawn(async move {
            match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // Nobody picks connections up any more when the server ends.
                    let _ = ready.send((TlsConnection { stream, _permit: permit }, peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS with this client"),
                Err(_) => tracing::debug!(%peer, "this client took too long to agree on keys"),
            }
        });
    }
}

/// A connection, and its place among those that there may be at a time.
pub(crate) struct TlsConnection {
    stream: TlsStream<TcpStream>,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for TlsConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
