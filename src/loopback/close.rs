//! Closes a connection so that the caller can read its last response.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Most bytes that are discarded before the connection closes: the longest body of any service here.
const DRAIN: usize = 1024 * 1024;

/// A stream that can be closed at once.
pub(super) trait Abort {
    /// Makes the system discard unsent bytes when this end is closed. Otherwise it would keep them for
    /// minutes.
    fn abort(&self);
}

impl Abort for tokio::net::TcpStream {
    fn abort(&self) {
        // Best effort: without it the system takes longer.
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Abort for tokio::net::UnixStream {
    /// Does nothing: the peer already has the written bytes.
    fn abort(&self) {}
}

impl<IO: Abort> Abort for tokio_rustls::server::TlsStream<IO> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// Ends this side, and discards the bytes of the peer until it ends its side. Closing a connection with
/// unread bytes resets it, and the peer may lose the response (RFC 9112, section 9.6).
pub(super) async fn close_gracefully<IO>(mut stream: IO) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    stream.shutdown().await?;
    let mut scrap = [0; 2 * 1024];
    let mut drained = 0;
    while drained < DRAIN {
        match stream.read(&mut scrap).await? {
            0 => break,
            read => drained += read,
        }
    }
    Ok(())
}
