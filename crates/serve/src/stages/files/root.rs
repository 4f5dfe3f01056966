//! A folder that nothing leads out of. Called by `resource` and `listing` here and by `store`; hands on to the kernel.
//!
//! Every lookup is one openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS: the kernel itself refuses `..`, absolute
//! links and races that would lead outside. Where the kernel has no openat2 (before Linux 5.6, or a sandbox without it)
//! the path is walked folder by folder and every link refused.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use edgeway_base::WallTime;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2};
use rustix::io::Errno;

use super::limits::LOOKUP_TRIES;

/// A folder and what may be opened below it. Shared by all workers.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    follow_links: bool,
    folder: RwLock<Arc<OwnedFd>>,
}

/// Whether a lookup may wait for the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// Only what the kernel has in memory; else [`Refusal::WouldBlock`]. For the worker's own thread.
    Cached,
    /// As long as it takes. For the blocking pool.
    Blocking,
}

/// Why nothing was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is nothing of that name that may be seen: missing, leads outside, a link where links are refused, or a
    /// name no file can have.
    Missing,
    /// The file system forbids it to us.
    Forbidden,
    /// It has to wait for the disk.
    WouldBlock,
    /// No descriptor or memory is left: try later.
    Exhausted,
    /// The disk failed.
    Broken,
}

impl Refusal {
    /// The meaning of a system call's error.
    pub const fn of(error: Errno) -> Self {
        match error {
            Errno::ACCESS | Errno::PERM => Self::Forbidden,
            Errno::AGAIN => Self::WouldBlock,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Self::Exhausted,
            Errno::IO | Errno::NODEV => Self::Broken,
            // NOENT, NOTDIR, LOOP (a link), XDEV (leads outside), NAMETOOLONG, INVAL, NXIO (a socket) ...
            _ => Self::Missing,
        }
    }
}

/// What an open file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Its length in bytes.
    pub size: u64,
    /// When its content last changed, to the nanosecond.
    pub modified: WallTime,
    /// Its number in its file system.
    pub inode: u64,
    /// Whether it is a folder; else it is a regular file.
    pub is_folder: bool,
}

impl Facts {
    /// From metadata; `None` for what is neither file nor folder.
    pub fn of(stat: &Stat) -> Option<Self> {
        let is_folder = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            // FIFOs would block for ever, devices have no end, sockets are no content.
            _ => return None,
        };
        Some(Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: wall_of(stat.st_mtime, stat.st_mtime_nsec),
            inode: stat.st_ino,
            is_folder,
        })
    }
}

/// A time stamp; the epoch for anything before it.
fn wall_of(seconds: i64, nanoseconds: impl TryInto<u32>) -> WallTime {
    let nanoseconds = nanoseconds.try_into().unwrap_or(0);
    WallTime::from_duration(
        u64::try_from(seconds).map_or(Duration::ZERO, |seconds| Duration::new(seconds, nanoseconds)),
    )
}

/// An open file or folder.
#[derive(Debug)]
pub struct Opened {
    /// Its descriptor.
    pub file: OwnedFd,
    /// What it is.
    pub facts: Facts,
}

impl Root {
    /// Opens the folder. `follow_links` allows symbolic links that stay inside.
    ///
    /// # Errors
    /// When it is missing, is no folder, or may not be read.
    pub fn open(path: impl Into<PathBuf>, follow_links: bool) -> io::Result<Self> {
        let path = path.into();
        let folder = RwLock::new(Arc::new(open_folder(&path)?));
        Ok(Self { path, follow_links, folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself.
    pub fn folder(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.folder.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Looks whether another folder has taken the place of the one that is open (a deployment that moves a link), and
    /// takes that one. True when it did.
    pub fn refresh(&self) -> bool {
        let Ok(current) = open_folder(&self.path) else { return false };
        let identity = |folder: BorrowedFd<'_>| fstat(folder).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        if identity(current.as_fd()) == identity(self.folder().as_fd()) {
            return false;
        }
        *self.folder.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(current);
        true
    }

    /// Opens a file or folder to be read. `path` has no leading slash; empty, it is the root itself.
    pub fn look_up(&self, path: &[u8], patience: Patience) -> Result<Opened, Refusal> {
        // O_NONBLOCK: opening a FIFO must not wait for its other end. O_NOCTTY: a terminal must not become ours.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = self.open_beneath(path, flags, patience)?;
        let stat = fstat(&file).map_err(Refusal::of)?;
        let facts = Facts::of(&stat).ok_or(Refusal::Missing)?;
        Ok(Opened { file, facts })
    }

    /// Opens a folder as the place for changes to what is in it.
    pub fn open_folder(&self, path: &[u8]) -> Result<OwnedFd, Refusal> {
        self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Patience::Blocking)
    }

    fn open_beneath(&self, path: &[u8], flags: OFlags, patience: Patience) -> Result<OwnedFd, Refusal> {
        let path = if path.is_empty() { b"." } else { path };
        let folder = self.folder();
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if !self.follow_links {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        if patience == Patience::Cached {
            resolve |= ResolveFlags::CACHED;
        }
        for _ in 0..LOOKUP_TRIES {
            match openat2(&*folder, path, flags, Mode::empty(), resolve) {
                Ok(file) => return Ok(file),
                Err(Errno::AGAIN) if patience == Patience::Blocking => {}
                // INVAL: a kernel between 5.6 and 5.12 does not know RESOLVE_CACHED.
                Err(Errno::AGAIN) => return Err(Refusal::WouldBlock),
                Err(Errno::INVAL) if patience == Patience::Cached => return Err(Refusal::WouldBlock),
                Err(Errno::NOSYS) if patience == Patience::Cached => return Err(Refusal::WouldBlock),
                Err(Errno::NOSYS) => return walk(folder.as_fd(), path, flags).map_err(Refusal::of),
                Err(error) => return Err(Refusal::of(error)),
            }
        }
        Err(Refusal::Exhausted)
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    // O_PATH would do for lookups, but cannot be synchronised to disk, which the store needs.
    File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() { Ok(file.into()) } else { Err(io::ErrorKind::NotADirectory.into()) }
    })
}

/// Opens `path` below `folder` without openat2: a step for each segment, links refused, `..` refused.
fn walk(folder: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (parents, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&b""[..], path),
    };
    let mut place = openat(folder, ".", step, Mode::empty())?;
    for segment in parents.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty()) {
        if segment == b".." {
            return Err(Errno::XDEV);
        }
        place = openat(&place, segment, step, Mode::empty())?;
    }
    if name == b".." {
        return Err(Errno::XDEV);
    }
    openat(&place, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn hostile_078_nothing_leads_out() {
        let place = super::super::scratch::Scratch::new("root");
        let inside = place.path().join("public");
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::write(place.path().join("secret"), "s").unwrap();
        std::fs::write(inside.join("a"), "a").unwrap();
        std::fs::write(inside.join("sub/b"), "b").unwrap();
        for (link, to) in [
            ("up", "../secret"),
            ("absolute", "/etc/passwd"),
            ("ok", "sub/b"),
            ("magic", "/proc/self/exe"),
            ("loop", "loop"),
        ] {
            symlink(to, inside.join(link)).unwrap();
        }
        rustix::fs::mkfifoat(rustix::fs::CWD, inside.join("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
        let strict = Root::open(&inside, false).unwrap();
        let lenient = Root::open(&inside, true).unwrap();
        for (path, in_strict, in_lenient) in [
            ("a", true, true),
            ("sub/b", true, true),
            ("", true, true),
            ("ok", false, true),
            ("up", false, false),
            ("absolute", false, false),
            ("magic", false, false),
            ("loop", false, false),
            ("fifo", false, false),
            ("../secret", false, false),
            ("sub/../../secret", false, false),
            ("/etc/passwd", false, false),
            ("a/b", false, false),
            ("missing", false, false),
            ("a\0b", false, false),
        ] {
            let sees = |root: &Root| match root.look_up(path.as_bytes(), Patience::Blocking) {
                Ok(_) => true,
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::Missing, "{path}");
                    false
                }
            };
            assert_eq!((sees(&strict), sees(&lenient)), (in_strict, in_lenient), "{path}");
            let walked = walk(
                strict.folder().as_fd(),
                if path.is_empty() { b"." } else { path.as_bytes() },
                OFlags::RDONLY | OFlags::NONBLOCK,
            );
            assert_eq!(walked.is_ok(), in_strict || path == "fifo", "walk {path}");
        }
    }

    #[test]
    fn a_moved_link_is_followed_when_looked_at() {
        let place = super::super::scratch::Scratch::new("root-moved");
        for release in ["one", "two"] {
            std::fs::create_dir(place.path().join(release)).unwrap();
            std::fs::write(place.path().join(release).join("name"), release).unwrap();
        }
        let current = place.path().join("current");
        symlink("one", &current).unwrap();
        let root = Root::open(&current, false).unwrap();
        assert!(!root.refresh());
        std::fs::remove_file(&current).unwrap();
        assert!(!root.refresh(), "while it is gone the old one serves");
        symlink("two", &current).unwrap();
        assert!(root.refresh());
        assert_eq!(root.look_up(b"name", Patience::Blocking).unwrap().facts.size, 3);
    }
}
