//! `store`: a folder that takes files. Called by the chain; GET and HEAD go on to `files`, PUT, DELETE and PATCH to `disk` on the
//! blocking pool.
//!
//! Nothing here asks who the client is: that is what `auth` is for, and the configuration refuses a store without it unless told
//! that it is meant to be open.
//!
//! Every change is a new file that takes the old one's place by a rename, after its bytes are on the disk. A crash at any moment
//! leaves the old or the new one.

#[cfg(test)]
mod crash;
mod disk;
pub mod limits;
mod patch;
mod patching;
mod quota;
mod refusal;
#[cfg(test)]
mod tests;
mod upload;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::{ByteCount, Entropy};
use edgeway_http::semantics::{BodyLength, FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Frame, Response};

use self::disk::{Changed, Demands, Disk, Place, status_of_error};
use self::limits::{FILE, NAME_BYTES_MAX, WRITE_CHUNK};
use self::quota::Reservation;
use self::refusal::{Refused, refuse_content_coding, status_of_body};
use self::upload::Upload;
use crate::exchange::Exchange;
use crate::page;
use crate::plan::End;
use crate::stages::files::root::Facts;
use crate::stages::{files, respond};

/// What can be set. [`Settings::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub root: PathBuf,
    /// The largest file. Default: [`limits::FILE`].
    pub file_limit: ByteCount,
    /// Bytes of all files together. Default: none but the disk's.
    pub quota: Option<ByteCount>,
    /// Whether folders on the way to a new file are made; else the answer is 409. Default: yes.
    pub make_folders: bool,
    /// Whether an answer waits until the change is on the disk. Default: yes.
    pub durable: bool,
    /// Whether a folder shows what it holds. Default: no.
    pub listing: bool,
    /// The Cache-Control of what is read. Default: `no-cache`, as what is stored may change at any time.
    pub cache_control: Option<String>,
}

impl Settings {
    /// The defaults for a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            file_limit: FILE,
            quota: None,
            make_folders: true,
            durable: true,
            listing: false,
            cache_control: Some("no-cache".to_owned()),
        }
    }
}

/// The methods of a store.
pub const METHODS: &[Method] =
    &[Method::Get, Method::Head, Method::Put, Method::Delete, Method::Patch, Method::Options];

/// What PATCH takes (RFC 5789 §3.1).
const ACCEPT_PATCH: &str = "application/json-patch+json, application/merge-patch+json, application/octet-stream";

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    disk: Arc<Disk>,
    file_limit: u64,
}

impl Shared {
    /// Opens the folder, tries to write to it, counts what it holds and sweeps away what a crash left. Waits for the disk.
    ///
    /// # Errors
    /// When the folder is missing or takes no files: the operator's to mend, at the start.
    pub fn open(settings: Settings, chance: &mut dyn Entropy) -> io::Result<Arc<Self>> {
        let Settings { root, file_limit, quota, make_folders, durable, listing, cache_control } = settings;
        let files = files::Shared::open(files::Settings {
            listing,
            cache_control,
            precompressed: false,
            index: Vec::new(),
            // What one worker has stored, another has to show at once: nothing is believed without a look.
            revalidate: Duration::ZERO,
            memory_file: ByteCount(0),
            replaced_whole: true,
            // What a stranger uploads is what it says it is, and nothing else.
            no_sniff: true,
            ..files::Settings::new(root)
        })?;
        let quota = quota.map_or(u64::MAX, |quota| quota.0);
        let disk = Disk::open(files, quota, durable, make_folders, chance.next_u64())?;
        Ok(Arc::new(Self { disk: Arc::new(disk), file_limit: file_limit.0 }))
    }

    /// Bytes in use.
    pub fn used(&self) -> ByteCount {
        ByteCount(self.disk.quota.used())
    }
}

/// One worker's store.
pub struct Store {
    shared: Arc<Shared>,
    files: files::Files,
}

impl Store {
    /// One worker's end.
    pub fn new(shared: Arc<Shared>) -> Self {
        let files = files::Files::new(Arc::clone(&shared.disk.files));
        Self { shared, files }
    }

    async fn change(&self, exchange: &mut Exchange) -> Response {
        let outcome = match exchange.head.method {
            Method::Put => self.put(exchange).await,
            Method::Delete => self.delete(exchange).await,
            Method::Patch => self.patch(exchange).await,
            _ => return respond::method_not_allowed(exchange, METHODS),
        };
        self.files.forget(&exchange.path);
        match outcome {
            Ok(changed) => confirm(exchange, changed.as_ref()),
            Err(Refused { status, why, field }) => {
                let mut response = page::explained(exchange, status, why);
                if let Some((name, value)) = field {
                    response.head.fields.append_named(name, value);
                }
                response
            }
        }
    }

    /// RFC 9110 §9.3.4.
    async fn put(&self, exchange: &mut Exchange) -> Result<Option<Changed>, Refused> {
        let place = self.place(exchange)?;
        let fields = &exchange.head.fields;
        // RFC 9110 §14.5: a partial PUT is not what the client believes it is.
        if fields.contains(FieldName::ContentRange) {
            return Err(Refused::because(Status::BAD_REQUEST, "A part of a file is changed by PATCH, not by PUT."));
        }
        refuse_content_coding(exchange)?;
        let demands = demands_of(exchange);
        let reservation = self.reserve(exchange)?;
        let chance = exchange.edge.outside.entropy().next_u64();
        let disk = Arc::clone(&self.shared.disk);
        let (begun_place, begun_demands) = (place.clone(), demands.clone());
        let upload = in_pool(move || {
            let current = disk.current(&begun_place)?;
            // Asked before the content is read, so that nobody uploads in vain, and again before the rename.
            disk.check(&begun_demands, current.as_ref().map(|opened| &opened.facts))?;
            disk.begin(&begun_place, chance)
        });
        let written = self.receive(&mut exchange.body, upload.await?, reservation, u64::MAX).await?;
        self.commit(place, written, demands, None).await
    }

    /// RFC 9110 §9.3.5.
    async fn delete(&self, exchange: &Exchange) -> Result<Option<Changed>, Refused> {
        let place = self.place(exchange)?;
        let demands = demands_of(exchange);
        let disk = Arc::clone(&self.shared.disk);
        in_pool(move || disk.remove(&place, &demands)).await?;
        Ok(None)
    }

    /// Where a change would happen; 404 for what may not be seen, 409 for a folder.
    fn place(&self, exchange: &Exchange) -> Result<Place, Refused> {
        if !self.shared.disk.files.admits(&exchange.path) {
            return Err(Status::NOT_FOUND.into());
        }
        if exchange.path.has_trailing_slash() {
            return Err(Refused::because(Status::CONFLICT, "This is the name of a folder; only files can be changed."));
        }
        if exchange.path.segments().any(|segment| segment.len() > NAME_BYTES_MAX) {
            return Err(Refused::because(Status::URI_TOO_LONG, "A name has at most 255 bytes."));
        }
        Place::of(exchange.path.decoded()).ok_or_else(|| Status::CONFLICT.into())
    }

    /// Room for content that says how long it is; what does not is given room as it comes.
    fn reserve(&self, exchange: &Exchange) -> Result<Reservation, Refused> {
        match exchange.head.body {
            BodyLength::Known(length) if length > self.shared.file_limit => Err(Status::CONTENT_TOO_LARGE.into()),
            BodyLength::Known(length) => self.room(length),
            BodyLength::None | BodyLength::Unknown => self.room(0),
        }
    }

    fn room(&self, bytes: u64) -> Result<Reservation, Refused> {
        Reservation::new(&self.shared.disk.quota, bytes).map_err(|_| Status::INSUFFICIENT_STORAGE.into())
    }

    /// Writes the content as it comes, at most `most` bytes of it.
    async fn receive(
        &self,
        body: &mut Body,
        mut upload: Upload,
        mut reservation: Reservation,
        most: u64,
    ) -> Result<Written, Refused> {
        let mut gathered: Vec<Bytes> = Vec::new();
        let (mut waiting, mut received) = (0, 0_u64);
        loop {
            let frame = body.frame().await.transpose().map_err(|error| status_of_body(error.failure))?;
            let ended = frame.is_none();
            if let Some(Frame::Data(data)) = frame {
                received += data.len() as u64;
                waiting += data.len();
                gathered.push(data);
            }
            if received > most {
                return Err(Refused::because(Status::BAD_REQUEST, "The content is longer than Content-Range says."));
            }
            if waiting >= WRITE_CHUNK || (ended && waiting > 0) {
                let after = upload.size() + waiting as u64;
                if after > self.shared.file_limit && most == u64::MAX {
                    return Err(Status::CONTENT_TOO_LARGE.into());
                }
                if most == u64::MAX {
                    reservation.grow_to(after).map_err(|_| Refused::from(Status::INSUFFICIENT_STORAGE))?;
                }
                let chunks = std::mem::take(&mut gathered);
                upload = in_pool(move || {
                    upload.write(&chunks).map_err(|error| status_of_error(&error))?;
                    Ok(upload)
                })
                .await?;
                waiting = 0;
            }
            if ended {
                return Ok(Written { upload, reservation, received });
            }
        }
    }

    async fn commit(
        &self,
        place: Place,
        written: Written,
        demands: Demands,
        base: Option<Facts>,
    ) -> Result<Option<Changed>, Refused> {
        let disk = Arc::clone(&self.shared.disk);
        let Written { upload, reservation, .. } = written;
        let changed = in_pool(move || disk.commit(&place, upload, reservation, &demands, base.as_ref()));
        changed.await.map(Some)
    }
}

/// A complete file without its name.
struct Written {
    upload: Upload,
    reservation: Reservation,
    /// Bytes of content that came for it.
    received: u64,
}

fn demands_of(exchange: &Exchange) -> Demands {
    let mut fields = exchange.head.fields.clone();
    fields.retain(|field| {
        matches!(
            field.known,
            FieldName::IfMatch | FieldName::IfNoneMatch | FieldName::IfModifiedSince | FieldName::IfUnmodifiedSince
        )
    });
    Demands { method: exchange.head.method, fields, now: exchange.edge.outside.wall() }
}

/// 201 for a new file, 204 for a changed or removed one (RFC 9110 §9.3.4, §9.3.5).
fn confirm(exchange: &mut Exchange, changed: Option<&Changed>) -> Response {
    let status = if changed.is_some_and(|changed| changed.created) { Status::CREATED } else { Status::NO_CONTENT };
    let mut response = exchange.respond(status);
    if let Some(changed) = changed {
        response.head.fields.append(FieldName::Etag, &changed.entity_tag);
    }
    response
}

/// Runs what waits for the disk where it holds up nobody.
async fn in_pool<T: Send + 'static>(work: impl FnOnce() -> Result<T, Status> + Send + 'static) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(Refused::from),
        // Work that panicked is ours to answer for.
        Err(_) => Err(Status::INTERNAL_SERVER_ERROR.into()),
    }
}

impl End for Store {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        match exchange.head.method {
            Method::Get | Method::Head => self.files.answer_now(exchange),
            Method::Options => {
                let mut response = respond::options(exchange, METHODS);
                response.head.fields.append_named("Accept-Patch", ACCEPT_PATCH);
                Some(response)
            }
            Method::Put | Method::Delete | Method::Patch => None,
            _ => Some(respond::method_not_allowed(exchange, METHODS)),
        }
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        match exchange.head.method {
            Method::Get | Method::Head => self.files.answer(exchange),
            _ => Box::pin(self.change(exchange)),
        }
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        METHODS
    }
}
