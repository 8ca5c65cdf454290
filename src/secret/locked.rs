//! Memory that the system does not write to the swap device (mlock(2), `VirtualLock`).
//!
//! The memory comes in chunks. One system call locks a chunk as a whole, and one chunk is enough
//! for a command. A chunk is cut into pieces with sizes that are powers of two. A piece is wiped
//! when its secret is dropped, and then holds another one. No chunk is unlocked or freed before the
//! process ends: locks are not counted, so an unlocked page could still hold another secret.
//!
//! A secret that finds no locked memory is in ordinary memory, and is wiped all the same. This
//! happens if the system locks none (the limit `RLIMIT_MEMLOCK`), to a secret longer than a chunk,
//! and if the chunks are used up, as by thousands of tokens at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::{Zeroize, Zeroizing};

/// Size of the smallest piece, in bytes.
const MIN_PIECE_BYTES: usize = 64;
/// How many sizes of pieces there are.
const SIZES: usize = 11;
/// Size of the largest piece, which is a whole chunk.
const CHUNK_BYTES: usize = MIN_PIECE_BYTES << (SIZES - 1);
/// The most chunks: 1 MiB, of the 8 MiB that are the usual limit.
const MAX_CHUNKS: usize = 16;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// Bytes that are wiped when dropped, in locked memory if there is some.
pub(super) enum LockedBytes {
    Piece {
        pool: &'static Mutex<Pool>,
        piece: &'static mut [u8],
        length: usize,
    },
    Ordinary(Zeroizing<Vec<u8>>),
}

impl LockedBytes {
    /// Copies the bytes. The caller wipes its own.
    pub(super) fn copy(bytes: &[u8]) -> Self {
        LockedBytes::copy_to(&POOL, bytes)
    }

    fn copy_to(pool: &'static Mutex<Pool>, bytes: &[u8]) -> Self {
        let length = bytes.len();
        match held(pool).take(length) {
            Some(piece) => {
                piece[..length].copy_from_slice(bytes);
                LockedBytes::Piece {
                    pool,
                    piece,
                    length,
                }
            }
            None => LockedBytes::Ordinary(Zeroizing::new(bytes.to_vec())),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            LockedBytes::Piece { piece, length, .. } => &piece[..*length],
            LockedBytes::Ordinary(bytes) => bytes,
        }
    }
}

impl Clone for LockedBytes {
    fn clone(&self) -> Self {
        LockedBytes::copy(self.bytes())
    }
}

impl PartialEq for LockedBytes {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for LockedBytes {}

impl Drop for LockedBytes {
    fn drop(&mut self) {
        if let LockedBytes::Piece {
            pool,
            piece,
            length,
        } = self
        {
            piece[..*length].zeroize();
            held(pool).give_back(std::mem::take(piece));
        }
    }
}

/// Whether the system locks memory for this process, as far as was tried.
pub(super) fn is_offered() -> bool {
    let mut pool = held(&POOL);
    if pool.chunks == 0 {
        pool.grow();
    }
    !pool.is_refused
}

/// The pieces that hold no secret.
pub(super) struct Pool {
    /// Those of each size.
    free: [Vec<&'static mut [u8]>; SIZES],
    /// How many chunks there are.
    chunks: usize,
    /// Whether the system did not lock a chunk.
    is_refused: bool,
}

impl Pool {
    const fn new() -> Self {
        Pool {
            free: [const { Vec::new() }; SIZES],
            chunks: 0,
            is_refused: false,
        }
    }

    /// Takes a piece of at least this many bytes, all of them zero.
    fn take(&mut self, length: usize) -> Option<&'static mut [u8]> {
        let wanted = size_for(length)?;
        if self.free[wanted..].iter().all(Vec::is_empty) {
            self.grow();
        }
        let mut size = (wanted..SIZES).find(|size| !self.free[*size].is_empty())?;
        let mut piece = self.free[size].pop()?;
        while size > wanted {
            size -= 1;
            let (first, second) = piece.split_at_mut(MIN_PIECE_BYTES << size);
            self.free[size].push(second);
            piece = first;
        }
        Some(piece)
    }

    fn give_back(&mut self, piece: &'static mut [u8]) {
        if let Some(size) = size_for(piece.len()) {
            self.free[size].push(piece);
        }
    }

    /// Adds a chunk, if the system locks it.
    fn grow(&mut self) {
        if self.is_refused || self.chunks == MAX_CHUNKS {
            return;
        }
        let page = region::page::size();
        let memory = vec![0; CHUNK_BYTES + page].leak();
        let start = memory.as_ptr().align_offset(page);
        let Some(chunk) = memory.get_mut(start..start.saturating_add(CHUNK_BYTES)) else {
            return;
        };
        match region::lock(chunk.as_ptr(), chunk.len()) {
            Ok(guard) => {
                std::mem::forget(guard);
                self.chunks += 1;
                self.free[SIZES - 1].push(chunk);
            }
            Err(_) => self.is_refused = true,
        }
    }
}

fn held(pool: &'static Mutex<Pool>) -> MutexGuard<'static, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The index of the smallest size that holds this many bytes.
fn size_for(length: usize) -> Option<usize> {
    (0..SIZES).find(|size| MIN_PIECE_BYTES << size >= length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_piece(secret: &LockedBytes) -> bool {
        matches!(secret, LockedBytes::Piece { .. })
    }

    #[test]
    fn secrets_of_all_lengths_survive_beside_one_another() {
        let pool = own_pool();
        let lengths = [
            0,
            1,
            63,
            64,
            65,
            1000,
            4096,
            4097,
            40_000,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
        ];
        let fill = |length: usize| (0..length).map(|at| (at * 31 + length) as u8).collect();
        let all: Vec<(Vec<u8>, LockedBytes)> = lengths
            .into_iter()
            .map(fill)
            .map(|bytes: Vec<u8>| (bytes.clone(), LockedBytes::copy_to(pool, &bytes).clone()))
            .collect();
        for (bytes, secret) in &all {
            assert_eq!(secret.bytes(), bytes);
            assert!(*secret == LockedBytes::copy(bytes) && *secret != LockedBytes::copy(b"other"));
            assert_eq!(
                is_piece(secret),
                bytes.len() <= CHUNK_BYTES,
                "{}",
                bytes.len()
            );
        }
    }

    /// The tests run at once, and each needs to know what is in its pool.
    fn own_pool() -> &'static Mutex<Pool> {
        Box::leak(Box::new(Mutex::new(Pool::new())))
    }

    #[test]
    fn piece_is_wiped_before_it_is_used_again() {
        let pool = own_pool();
        let secret = LockedBytes::copy_to(pool, &[7; 100]);
        assert!(is_piece(&secret), "this system locks no memory");
        let place = secret.bytes().as_ptr();
        drop(secret);
        let piece = held(pool).take(100).expect("a piece");
        assert_eq!(piece.as_ptr(), place);
        assert!(piece.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn thousands_of_short_secrets_after_one_another_need_one_chunk() {
        let pool = own_pool();
        for length in 1..5000 {
            let secrets = [1, 2, 3].map(|byte| LockedBytes::copy_to(pool, &vec![byte; length]));
            assert!(secrets.iter().all(is_piece), "{length}");
        }
        assert_eq!(held(pool).chunks, 1);
    }

    #[test]
    fn secrets_beyond_the_lock_limit_are_in_ordinary_memory() {
        let pool = own_pool();
        let secrets: Vec<LockedBytes> = (0..MAX_CHUNKS + 2)
            .map(|_| LockedBytes::copy_to(pool, &[1; CHUNK_BYTES]))
            .collect();
        let ordinary = secrets.iter().filter(|secret| !is_piece(secret));
        assert_eq!(ordinary.count(), 2);
        assert!(
            secrets
                .iter()
                .all(|secret| secret.bytes() == [1; CHUNK_BYTES])
        );
        drop(secrets);
        assert!(is_piece(&LockedBytes::copy_to(pool, &[1; CHUNK_BYTES])));
    }
}
