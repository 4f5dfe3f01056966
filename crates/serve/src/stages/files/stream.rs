//! Content from a file, chunk by chunk. What the page cache has is read on the worker's thread without waiting (preadv2 with
//! RWF_NOWAIT); only what has to come from the disk goes to the blocking pool, so a slow disk holds up nobody else.

use std::collections::VecDeque;
use std::future::Future as _;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use edgeway_http::semantics::BodyLength;
use edgeway_http::semantics::ranges::{ByteRange, Multipart};
use edgeway_net::drive::{BodyError, BodyFailure, BodySource, Frame};
use tokio::task::JoinHandle;

use super::limits::CHUNK;
use super::resource::{Content, read_blocking, read_cached};
use super::root::Refusal;

/// Bytes in memory and stretches of one file, one after the other.
pub(super) struct FileBody {
    file: Arc<OwnedFd>,
    pieces: VecDeque<Piece>,
    length: u64,
    buffer: BytesMut,
    waiting: Option<JoinHandle<Result<Bytes, Refusal>>>,
}

enum Piece {
    Bytes(Bytes),
    Stretch { offset: u64, length: u64 },
}

impl FileBody {
    /// One stretch of a file; it has to be there still when it is read, or the content breaks off.
    pub(super) fn stretch(file: Arc<OwnedFd>, offset: u64, length: u64) -> Self {
        Self::new(file, VecDeque::from([Piece::Stretch { offset, length }]), length)
    }

    /// Several stretches as `multipart/byteranges`.
    pub(super) fn multipart(file: Arc<OwnedFd>, multipart: &Multipart) -> Self {
        let mut pieces = VecDeque::with_capacity(multipart.parts().len() * 2 + 1);
        for (head, range) in multipart.parts() {
            pieces.push_back(Piece::Bytes(Bytes::copy_from_slice(head)));
            pieces.push_back(Piece::Stretch { offset: range.first, length: range.length() });
        }
        pieces.push_back(Piece::Bytes(Bytes::copy_from_slice(multipart.tail())));
        Self::new(file, pieces, multipart.length())
    }

    fn new(file: Arc<OwnedFd>, pieces: VecDeque<Piece>, length: u64) -> Self {
        Self { file, pieces, length, buffer: BytesMut::new(), waiting: None }
    }

    /// Takes `data` off the stretch in front.
    fn advance(&mut self, data: Bytes) -> Poll<Option<Result<Frame, BodyError>>> {
        if data.is_empty() {
            // The file was cut short: its length was promised, so the content breaks off visibly.
            return failed();
        }
        if let Some(Piece::Stretch { offset, length }) = self.pieces.front_mut() {
            *offset += data.len() as u64;
            *length -= data.len() as u64;
            if *length == 0 {
                self.pieces.pop_front();
            }
        }
        Poll::Ready(Some(Ok(Frame::Data(data))))
    }

    /// Reads from the page cache; `None` when it has to wait.
    fn read_at_once(&mut self, offset: u64, wanted: usize) -> Option<Result<Bytes, Refusal>> {
        self.buffer.resize(wanted, 0);
        match read_cached(&self.file, &mut self.buffer, offset) {
            Ok(read) => Some(Ok(self.buffer.split_to(read).freeze())),
            Err(Refusal::WouldBlock) => None,
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

fn failed() -> Poll<Option<Result<Frame, BodyError>>> {
    Poll::Ready(Some(Err(BodyFailure::Local.into())))
}

impl BodySource for FileBody {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let Poll::Ready(outcome) = Pin::new(waiting).poll(context) else { return Poll::Pending };
                self.waiting = None;
                return match outcome {
                    Ok(Ok(data)) => self.advance(data),
                    _ => failed(),
                };
            }
            match self.pieces.front_mut() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.pieces.pop_front();
                    return Poll::Ready(Some(Ok(Frame::Data(bytes))));
                }
                Some(Piece::Stretch { length: 0, .. }) => _ = self.pieces.pop_front(),
                Some(Piece::Stretch { offset, length }) => {
                    let (offset, wanted) = (*offset, (*length).min(CHUNK as u64) as usize);
                    match self.read_at_once(offset, wanted) {
                        Some(Ok(data)) => return self.advance(data),
                        Some(Err(_)) => return failed(),
                        None => self.waiting = Some(read_in_pool(Arc::clone(&self.file), offset, wanted)),
                    }
                }
            }
        }
    }

    fn length(&self) -> BodyLength {
        BodyLength::Known(self.length)
    }
}

fn read_in_pool(file: Arc<OwnedFd>, offset: u64, wanted: usize) -> JoinHandle<Result<Bytes, Refusal>> {
    tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; wanted];
        let read = read_blocking(&file, &mut buffer, offset)?;
        buffer.truncate(read);
        Ok(buffer.into())
    })
}

/// One stretch of a variant's content as a body.
pub(super) fn body_of(content: &Content, range: ByteRange) -> edgeway_net::drive::Body {
    match content {
        Content::Memory(bytes) => bytes.slice(range.first as usize..=range.last as usize).into(),
        Content::File(file) => {
            edgeway_net::drive::Body::Source(Box::new(FileBody::stretch(Arc::clone(file), range.first, range.length())))
        }
    }
}

/// Several stretches of a variant's content as a body.
pub(super) fn multipart_of(content: &Content, multipart: &Multipart) -> edgeway_net::drive::Body {
    match content {
        Content::File(file) => {
            edgeway_net::drive::Body::Source(Box::new(FileBody::multipart(Arc::clone(file), multipart)))
        }
        Content::Memory(bytes) => {
            // At most RANGES_MAX parts of a small file.
            let mut all = Vec::with_capacity(multipart.length() as usize);
            for (head, range) in multipart.parts() {
                all.extend_from_slice(head);
                all.extend_from_slice(&bytes[range.first as usize..=range.last as usize]);
            }
            all.extend_from_slice(multipart.tail());
            Bytes::from(all).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use edgeway_net::drive::Body;

    use super::super::scratch::Scratch;
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn stretches_and_parts_come_whole_and_a_cut_file_is_noticed() {
        let place = Scratch::new("stream");
        let path = place.path().join("big");
        let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(OwnedFd::from(File::open(&path).unwrap()));
        run(async {
            let mut body = Body::Source(Box::new(FileBody::stretch(Arc::clone(&file), 10, 999_980)));
            assert_eq!(body.length(), BodyLength::Known(999_980));
            assert_eq!(body.collect(usize::MAX).await.unwrap(), content[10..999_990]);

            let ranges = [ByteRange { first: 0, last: 9 }, ByteRange { first: 500_000, last: 799_999 }];
            let multipart = Multipart::new(&ranges, 1_000_000, b"a/b", 1);
            let on_disk =
                multipart_of(&Content::File(Arc::clone(&file)), &multipart).collect(usize::MAX).await.unwrap();
            let in_memory =
                multipart_of(&Content::Memory(content.clone().into()), &multipart).collect(usize::MAX).await.unwrap();
            assert_eq!(on_disk, in_memory);
            assert_eq!(on_disk.len() as u64, multipart.length());

            let mut body = Body::Source(Box::new(FileBody::stretch(Arc::clone(&file), 0, 1_000_000)));
            assert!(matches!(body.frame().await, Some(Ok(Frame::Data(_)))));
            File::options().write(true).open(&path).unwrap().set_len(CHUNK as u64).unwrap();
            let rest = body.collect(usize::MAX).await;
            assert_eq!(rest.unwrap_err().failure, BodyFailure::Local);
        });
    }
}
