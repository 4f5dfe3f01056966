//! A file on its way to its name. Until it is complete and on the disk it has no name (O_TMPFILE), or where the file system has
//! no nameless files, a hidden one; then a rename puts it in its place at once. Whoever looks, and whenever the power fails,
//! sees the old file or the new one. Everything here waits for the disk: for the blocking pool.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, fstat, fsync, linkat, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::stages::files::root::Facts;

/// What the names of half-written files begin with. Hidden, so that no request reaches one.
pub(super) const HIDDEN_PREFIX: &str = ".edgeway-put-";

/// Locks a half-written file as long as its writer lives: one that nobody holds was left by a process that died.
fn claimed(file: OwnedFd) -> File {
    // Where a file system has no locks, leftovers are told by their age instead.
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    file.into()
}

/// Whether nobody writes the half-written file any more.
pub(super) fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// A file without its name.
#[derive(Debug)]
pub(super) struct Upload {
    folder: OwnedFd,
    file: File,
    /// The name it has meanwhile, where it has one.
    hidden: Option<String>,
    /// A name that nobody else uses, for the moment before the rename.
    own_name: String,
    /// Where the next byte goes.
    position: u64,
    size: u64,
}

impl Upload {
    /// Begins a file in `folder`. `nameless`: whether the file system has nameless files that can be given a name.
    pub(super) fn begin(folder: OwnedFd, nameless: bool, chance: u64) -> io::Result<Self> {
        let own_name = format!("{HIDDEN_PREFIX}{chance:016x}");
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        if nameless {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            let file = claimed(openat(&folder, ".", flags, mode)?);
            return Ok(Self { folder, file, hidden: None, own_name, position: 0, size: 0 });
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = claimed(openat(&folder, &*own_name, flags, mode)?);
        Ok(Self { folder, file, hidden: Some(own_name.clone()), own_name, position: 0, size: 0 })
    }

    /// How long the file is.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Writes, and goes on behind it.
    pub(super) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.position += written as u64;
                    self.size = self.size.max(self.position);
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Begins with the content of another file; the kernel shares the blocks where it can.
    pub(super) fn copy_from(&mut self, base: &File) -> io::Result<()> {
        let mut base = base;
        self.position = io::copy(&mut base, &mut self.file)?;
        self.size = self.position;
        Ok(())
    }

    /// Goes on writing at `offset`, over what is there.
    pub(super) fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        self.position = self.file.seek(SeekFrom::Start(offset))?;
        Ok(())
    }

    /// Waits until the bytes are on the disk.
    pub(super) fn synchronise(&self) -> io::Result<()> {
        Ok(fsync(&self.file)?)
    }

    /// Gives it its name, in the place of whatever had it; returns what it is now.
    pub(super) fn publish(mut self, name: &[u8]) -> io::Result<(OwnedFd, Facts)> {
        if self.hidden.is_none() {
            // Only a process with CAP_DAC_READ_SEARCH may link a descriptor by itself; everybody may by its /proc name.
            let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            linkat(CWD, &*path, &self.folder, &*self.own_name, AtFlags::SYMLINK_FOLLOW)?;
            self.hidden = Some(self.own_name.clone());
        }
        renameat(&self.folder, &*self.own_name, &self.folder, name)?;
        self.hidden = None;
        let facts = Facts::of(&fstat(&self.file)?).ok_or(io::ErrorKind::Other)?;
        let folder = self.folder.try_clone()?;
        Ok((folder, facts))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(name) = &self.hidden {
            // What cannot be removed now is swept away at the next start.
            let _ = unlinkat(&self.folder, &**name, AtFlags::empty());
        }
    }
}

/// Whether `folder` takes files at all, and nameless ones: the whole way is tried once.
pub(super) fn probe(folder: &OwnedFd, chance: u64) -> io::Result<bool> {
    for nameless in [true, false] {
        let name = format!("{HIDDEN_PREFIX}probe-{chance:016x}");
        let tried =
            Upload::begin(folder.try_clone()?, nameless, chance).and_then(|upload| upload.publish(name.as_bytes()));
        match tried {
            Ok(_) => {
                unlinkat(folder, &*name, AtFlags::empty())?;
                return Ok(nameless);
            }
            Err(error) if !nameless => return Err(error),
            Err(_) => {}
        }
    }
    Err(Errno::NOTSUP.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::files::scratch::Scratch;

    fn folder(place: &Scratch) -> OwnedFd {
        File::open(place.path()).unwrap().into()
    }

    fn names(place: &Scratch) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_nobody_writes_is_abandoned() {
        let place = Scratch::new("upload-abandoned");
        let upload = Upload::begin(folder(&place), false, 7).unwrap();
        let path = place.path().join(&names(&place)[0]);
        assert!(!is_abandoned(&path), "its writer lives");
        let copy = place.path().join(format!("{HIDDEN_PREFIX}8"));
        std::fs::write(&copy, "what a dead process left").unwrap();
        assert!(is_abandoned(&copy));
        drop(upload);
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let place = Scratch::new("upload");
        for nameless in [true, false] {
            std::fs::write(place.path().join("a"), "old").unwrap();
            let mut upload = Upload::begin(folder(&place), nameless, 7).unwrap();
            upload.write(&[Bytes::from("nEW "), Bytes::from("content")]).unwrap();
            upload.seek_to(1).unwrap();
            upload.write(&[Bytes::from("ew")]).unwrap();
            assert_eq!(upload.size(), 11);
            assert_eq!(std::fs::read_to_string(place.path().join("a")).unwrap(), "old");
            assert_eq!(names(&place).len(), if nameless { 1 } else { 2 });
            upload.synchronise().unwrap();
            let (_, facts) = upload.publish(b"a").unwrap();
            assert_eq!((facts.size, names(&place)), (11, vec!["a".to_owned()]));
            assert_eq!(std::fs::read_to_string(place.path().join("a")).unwrap(), "new content");
            let abandoned = Upload::begin(folder(&place), nameless, 8).unwrap();
            drop(abandoned);
            assert_eq!(names(&place), ["a"], "nothing is left of what was given up");
        }
        assert!(probe(&folder(&place), 9).is_ok());
        assert_eq!(names(&place), ["a"]);
    }
}
