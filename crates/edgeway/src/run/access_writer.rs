//! Writes the access log: a thread that takes blocks of lines from the workers and appends them to a file or standard output. A file that was
//! moved away (logrotate) is opened anew, without being told.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use edgeway_serve::limits::{LOG_BLOCKS_WAITING, LOG_DELAY};

use crate::config::checked::AccessTarget;

/// Starts the writer; `None` when there is nothing to write to. It ends when the last sender is dropped.
///
/// # Errors
/// A file that cannot be opened: the operator should know before the first request.
pub fn start(target: &AccessTarget) -> io::Result<Option<SyncSender<Vec<u8>>>> {
    let mut output = match target {
        AccessTarget::Off => return Ok(None),
        AccessTarget::Stdout => Output::Stdout,
        AccessTarget::File(path) => Output::File(Rotating::open(path)?),
    };
    let (sender, receiver) = sync_channel(LOG_BLOCKS_WAITING);
    std::thread::Builder::new().name("edgeway-log".into()).spawn(move || run(&receiver, &mut output))?;
    Ok(Some(sender))
}

fn run(receiver: &Receiver<Vec<u8>>, output: &mut Output) {
    loop {
        match receiver.recv_timeout(LOG_DELAY) {
            Ok(block) => {
                if let Err(error) = output.write(&block) {
                    tracing::warn!(%error, "the access log cannot be written");
                }
            }
            Err(RecvTimeoutError::Timeout) => output.look(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

enum Output {
    Stdout,
    File(Rotating),
}

impl Output {
    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(block),
            Self::File(file) => file.file.write_all(block),
        }
    }

    fn look(&mut self) {
        if let Self::File(file) = self {
            file.follow();
        }
    }
}

/// A file that may be moved away under us.
struct Rotating {
    path: PathBuf,
    file: File,
}

impl Rotating {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Opens the path again when it is no longer our file.
    fn follow(&mut self) {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let there = std::fs::metadata(&self.path).map(identity).ok();
        let ours = self.file.metadata().map(identity).ok();
        if there != ours {
            match Self::open(&self.path) {
                Ok(fresh) => *self = fresh,
                Err(error) => {
                    tracing::warn!(%error, path = %self.path.display(), "the access log cannot be opened again")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_file_is_opened_anew() {
        let folder = std::env::temp_dir().join(format!("edgeway-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("access.log");
        let mut file = Rotating::open(&path).unwrap();
        file.file.write_all(b"one\n").unwrap();
        std::fs::rename(&path, folder.join("access.log.1")).unwrap();
        file.follow();
        file.file.write_all(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
