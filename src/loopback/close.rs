//! The end of a connection: the caller gets to read its last answer, and is not waited for long.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much of what a caller still sends is thrown away, in bytes: the longest body that a service
/// here takes. A caller that sends more is stopped.
const DRAIN: usize = 1024 * 1024;

/// A stream that can be closed at once.
pub(super) trait Abort {
    /// Makes the system drop what the peer has not taken when this end is closed. Otherwise it
    /// would keep those bytes for minutes.
    fn abort(&self);
}

impl Abort for tokio::net::TcpStream {
    fn abort(&self) {
        // Without it the system only takes longer.
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Abort for tokio::net::UnixStream {
    /// What was written is in the peer's hands.
    fn abort(&self) {}
}

impl<IO: Abort> Abort for tokio_rustls::server::TlsStream<IO> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// Ends this side, and throws away what the peer still sends until it ends its side. A connection
/// that is closed with unread bytes is reset, and the peer may lose the answer that it has not read
/// (RFC 9112, section 9.6).
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
