//! The sockets of connections, and a stream that records its reads and writes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::exchange::Progress;

/// Most bytes that are discarded before the connection closes: the longest body of any service here.
const DRAIN: usize = 1024 * 1024;

/// A connection's socket, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {
    /// Is ready if the socket has bytes of the peer, or the peer's end.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Makes the system discard unsent bytes when this end is closed. Otherwise it would keep them for
    /// minutes.
    fn abort(&self);
}

impl Stream for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // `poll_read_ready` may be ready without bytes.
        self.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map_ok(drop)
    }

    fn abort(&self) {
        // Best effort: without it the system takes longer.
        let _ = self.set_zero_linger();
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    /// Does nothing: the peer already has the written bytes.
    fn abort(&self) {}
}

impl Stream for TlsStream<Box<dyn Stream>> {
    /// Does not report bytes that TLS has read ahead.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_ref().0.poll_readable(cx)
    }

    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// Ends this side, and discards the bytes of the peer until it ends its side. Closing a connection with
/// unread bytes resets it, and the peer may lose the response (RFC 9112, section 9.6).
pub(super) async fn close_gracefully(mut stream: Box<dyn Stream>) -> io::Result<()> {
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

/// A stream that records its reads and writes.
pub(super) struct Recorded {
    pub(super) stream: Box<dyn Stream>,
    pub(super) progress: Progress,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.progress.state().read();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.state().wrote(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.progress.state().wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        match flushed {
            Poll::Ready(_) => self.progress.state().flushed(),
            // A TLS stream takes bytes before the system does.
            Poll::Pending => self.progress.state().wrote(true),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
