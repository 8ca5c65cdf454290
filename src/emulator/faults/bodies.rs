//! Bodies that are too long, too slow, cut off or coded.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};

/// The number of pieces of a slow body.
const PIECES: usize = 10;
/// The longest stored block of DEFLATE (RFC 1951, section 3.2.4).
const BLOCK: usize = 0xffff;

/// Makes a body of this many bytes that begins like a JSON string and never ends it.
pub(crate) fn oversized(bytes: u64) -> Body {
    const CHUNK_BYTES: usize = 64 * 1024;
    const START: &[u8] = b"{\"filling\":\"";
    // A constant would take as many bytes of the program.
    let filling = Bytes::from(vec![b'x'; CHUNK_BYTES]);
    let start = (bytes, Bytes::from_static(START));
    let chunks = stream::unfold(start, move |(left, mut chunk)| {
        let filling = filling.clone();
        async move {
            let size = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
            chunk.truncate(size);
            (left > 0).then(|| (Ok::<_, Infallible>(chunk), (left - size as u64, filling)))
        }
    });
    Body::from_stream(chunks)
}

/// Makes a body that arrives in pieces over this time.
pub(crate) fn slow(bytes: Bytes, time: Duration) -> Body {
    let size = bytes.len().div_ceil(PIECES).max(1);
    let pause = time / PIECES as u32;
    let pieces = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = left.split_to(size.min(left.len()));
        Some((Ok::<_, Infallible>(piece), left))
    });
    Body::from_stream(pieces)
}

/// Makes a body that breaks the connection at its end.
pub(crate) fn broken(bytes: Bytes) -> Body {
    let cut = stream::once(async {
        // A pending body makes hyper write the part before.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(stream::iter([Ok(bytes)]).chain(cut))
}

/// Codes bytes as gzip (RFC 1952) in stored blocks, which need no compressor.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coded = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        coded.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        coded.push(u8::from(blocks.peek().is_none()));
        coded.extend(length.to_le_bytes());
        coded.extend((!length).to_le_bytes());
        coded.extend(block);
    }
    coded.extend(crc32(bytes).to_le_bytes());
    coded.extend((bytes.len() as u32).to_le_bytes());
    coded
}

/// Returns the checksum of RFC 1952, section 8.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let polynomial = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            (sum >> 1) ^ polynomial
        })
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn coded_bytes_decode_to_the_same() {
        for length in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let coded = gzip(&bytes);
            let mut decoded = Vec::new();
            let read = flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut decoded);
            read.expect("gzip with the right checksum");
            assert!(decoded == bytes, "{length}");
        }
    }
}
