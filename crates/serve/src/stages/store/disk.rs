//! What the store does to the folder: look, make folders, put, remove. Everything here waits for the disk and is called on the
//! blocking pool; between looking at the preconditions and the rename stands a lock, so that of two who both saw the old
//! file only one replaces it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use edgeway_base::WallTime;
use edgeway_http::semantics::conditions::{Condition, Validators, evaluate};
use edgeway_http::semantics::entity_tag::EntityTag;
use edgeway_http::semantics::{Fields, Method, Status};
use rustix::fs::{AtFlags, FlockOperation, Mode, flock, fsync, mkdirat, unlinkat};
use rustix::io::Errno;

use super::limits::{DEPTH_MAX, LEFTOVER_AGE_SECONDS};
use super::quota::{Quota, Reservation};
use super::upload::{HIDDEN_PREFIX, Upload, is_abandoned, probe};
use crate::stages::files;
use crate::stages::files::resource::entity_tag;
use crate::stages::files::root::{Facts, Opened, Patience, Refusal};

/// The folder with all that guards its changes. Shared by all workers.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) files: Arc<files::Shared>,
    pub(super) quota: Arc<Quota>,
    /// Whether every change waits until it is on the disk.
    durable: bool,
    make_folders: bool,
    nameless: bool,
    /// Within this process.
    changes: Mutex<()>,
    /// Between this process and the one that replaces it.
    lock: OwnedFd,
}

/// A path split for a change: the folder, and the name in it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) folder: Vec<u8>,
    pub(super) name: Vec<u8>,
}

impl Place {
    /// From a decoded path without leading slash; `None` for the root itself.
    pub(super) fn of(path: &[u8]) -> Option<Self> {
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        (!name.is_empty()).then(|| Self { folder: folder.to_vec(), name: name.to_vec() })
    }

    fn path(&self) -> Vec<u8> {
        files::resource::join(&self.folder, &self.name)
    }
}

/// What a request demands of the file as it is.
#[derive(Clone, Debug)]
pub(super) struct Demands {
    pub(super) method: Method,
    pub(super) fields: Fields,
    pub(super) now: WallTime,
}

/// What became of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Changed {
    /// Whether there was nothing of that name before.
    pub(super) created: bool,
    /// The new tag.
    pub(super) entity_tag: Box<[u8]>,
}

impl Disk {
    /// Tries whether the folder takes files, counts what is in it, and sweeps away what a crash left.
    pub(super) fn open(
        files: Arc<files::Shared>,
        quota: u64,
        durable: bool,
        make_folders: bool,
        chance: u64,
    ) -> io::Result<Self> {
        let folder = files.root().folder();
        let nameless = probe(&folder, chance)?;
        // The probe has just changed the folder, so its time stamp is the present.
        let now = std::fs::metadata(files.root().path())?.modified()?;
        let used = count(files.root().path(), now, 0)?;
        let lock = File::open(files.root().path())?.into();
        let quota = Arc::new(Quota::new(used, quota));
        Ok(Self { files, quota, durable, make_folders, nameless, changes: Mutex::new(()), lock })
    }

    /// What is there now; `None` for nothing. A folder is 409: it cannot be written over.
    pub(super) fn current(&self, place: &Place) -> Result<Option<Opened>, Status> {
        match self.files.root().look_up(&place.path(), Patience::Blocking) {
            Ok(opened) if opened.facts.is_folder => Err(Status::CONFLICT),
            Ok(opened) => Ok(Some(opened)),
            Err(Refusal::Missing) => Ok(None),
            Err(refusal) => Err(files::status_of(refusal)),
        }
    }

    /// Whether the request's preconditions hold for what is there now (RFC 9110 §13.1).
    pub(super) fn check(&self, demands: &Demands, current: Option<&Facts>) -> Result<(), Status> {
        let tag = current.map(|facts| entity_tag(facts, false));
        let validators = Validators {
            exists: current.is_some(),
            entity_tag: tag.as_deref().and_then(EntityTag::parse),
            last_modified: current.map(|facts| facts.modified),
        };
        match evaluate(demands.method, &demands.fields, &validators, demands.now) {
            Condition::Proceed => Ok(()),
            Condition::NotModified | Condition::PreconditionFailed => Err(Status::PRECONDITION_FAILED),
        }
    }

    /// A file without a name yet, in the folder where it will have one. Folders on the way are made where that is allowed.
    pub(super) fn begin(&self, place: &Place, chance: u64) -> Result<Upload, Status> {
        let folder = self.folder_of(place)?;
        Upload::begin(folder, self.nameless, chance).map_err(|error| status_of_error(&error))
    }

    /// Puts a complete file in its place. `base` is what a patch was made of: it must still be there.
    pub(super) fn commit(
        &self,
        place: &Place,
        upload: Upload,
        reservation: Reservation,
        demands: &Demands,
        base: Option<&Facts>,
    ) -> Result<Changed, Status> {
        if self.durable {
            upload.synchronise().map_err(|error| status_of_error(&error))?;
        }
        let guard = self.guard();
        let before = self.current(place)?.map(|opened| opened.facts);
        self.check(demands, before.as_ref())?;
        if base.is_some() && base != before.as_ref() {
            // Changed while the patch was applied: it would bring back what somebody else has just replaced.
            return Err(Status::CONFLICT);
        }
        let size = upload.size();
        let (folder, after) = upload.publish(&place.name).map_err(|error| status_of_error(&error))?;
        reservation.keep(size, before.map_or(0, |facts| facts.size));
        drop(guard);
        self.settle(&folder)?;
        Ok(Changed { created: before.is_none(), entity_tag: entity_tag(&after, false) })
    }

    /// Removes a file. 404 when there is none.
    pub(super) fn remove(&self, place: &Place, demands: &Demands) -> Result<(), Status> {
        let folder = self.files.root().open_folder(&place.folder).map_err(files::status_of)?;
        let guard = self.guard();
        let current = self.current(place)?.ok_or(Status::NOT_FOUND)?.facts;
        self.check(demands, Some(&current))?;
        unlinkat(&folder, &*place.name, AtFlags::empty()).map_err(|error| status_of_error(&error.into()))?;
        self.quota.release(current.size);
        drop(guard);
        self.settle(&folder)
    }

    fn folder_of(&self, place: &Place) -> Result<OwnedFd, Status> {
        let root = self.files.root();
        match root.open_folder(&place.folder) {
            Ok(folder) => return Ok(folder),
            Err(Refusal::Missing) if self.make_folders => {}
            // RFC 4918 §9.7.1 says the same of a PUT below a collection that is not there.
            Err(Refusal::Missing) => return Err(Status::CONFLICT),
            Err(refusal) => return Err(files::status_of(refusal)),
        }
        let mut above = root.open_folder(b"").map_err(files::status_of)?;
        let mut path = Vec::new();
        for (depth, segment) in place.folder.split(|byte| *byte == b'/').enumerate() {
            path = files::resource::join(&path, segment);
            match mkdirat(&above, segment, Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH) {
                Ok(()) => self.settle(&above)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(status_of_error(&error.into())),
            }
            // Missing now: a file, or a link that is not followed, stands in the way.
            above = root.open_folder(&path).map_err(|_| Status::CONFLICT)?;
            if depth + 1 == DEPTH_MAX {
                return Err(Status::CONFLICT);
            }
        }
        Ok(above)
    }

    /// A rename and a removal are on the disk when their folder is.
    fn settle(&self, folder: &OwnedFd) -> Result<(), Status> {
        if self.durable { fsync(folder).map_err(|error| status_of_error(&error.into())) } else { Ok(()) }
    }

    fn guard(&self) -> Guard<'_> {
        let within = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        // A file system without locks has one process at most that matters.
        let between = flock(&self.lock, FlockOperation::LockExclusive).is_ok();
        Guard { lock: between.then_some(&self.lock), _within: within }
    }
}

/// Holds off every other change.
struct Guard<'a> {
    lock: Option<&'a OwnedFd>,
    _within: std::sync::MutexGuard<'a, ()>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(lock) = self.lock {
            let _ = flock(lock, FlockOperation::Unlock);
        }
    }
}

/// What the client is told of a failed system call.
pub(super) fn status_of_error(error: &io::Error) -> Status {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Status::INSUFFICIENT_STORAGE,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Status::FORBIDDEN,
        Some(Errno::ISDIR | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Status::CONFLICT,
        Some(Errno::NAMETOOLONG) => Status::URI_TOO_LONG,
        Some(Errno::NOENT) => Status::NOT_FOUND,
        Some(Errno::MFILE | Errno::NFILE) => Status::SERVICE_UNAVAILABLE,
        _ => Status::INTERNAL_SERVER_ERROR,
    }
}

/// Bytes of all files below `folder`. Half-written ones whose writer died, or that are older than a day, are
/// removed on the way.
fn count(folder: &Path, now: SystemTime, depth: usize) -> io::Result<u64> {
    let mut sum = 0;
    if depth > DEPTH_MAX {
        return Ok(0);
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Does not follow links.
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            sum += count(&entry.path(), now, depth + 1)?;
        } else if metadata.is_file() {
            let half_written = entry.file_name().as_encoded_bytes().starts_with(HIDDEN_PREFIX.as_bytes());
            let age = now.duration_since(metadata.modified()?).unwrap_or_default();
            if half_written && (age.as_secs() > LEFTOVER_AGE_SECONDS || is_abandoned(&entry.path())) {
                std::fs::remove_file(entry.path())?;
            } else {
                sum += metadata.len();
            }
        }
    }
    Ok(sum)
}
