//! Notices that files have changed, by looking once a second. Looking costs a system call for each file and works the same on every file
//! system, through symbolic links and for editors that replace files, which notifications do not.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Some files and what they were like.
#[derive(Debug, Default)]
pub struct Watch {
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// As it was when it was last told.
    known: Option<Likeness>,
    /// As it was at the last look: a file that is still being written differs from look to look.
    seen: Option<Likeness>,
}

/// A file that differs in any of these is another one.
type Likeness = (u64, u64, i64, i64);

impl Watch {
    /// Watches `files` as they are now.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let watched = |path: PathBuf| {
            let now = likeness(&path);
            Watched { path, known: now, seen: now }
        };
        Self { files: files.into_iter().map(watched).collect() }
    }

    /// The first file that has changed and has rested since the last look. All are looked at.
    pub fn changed(&mut self) -> Option<PathBuf> {
        let mut first = None;
        for file in &mut self.files {
            let now = likeness(&file.path);
            let rests = now == file.seen;
            file.seen = now;
            // A file that is missing for a moment is being replaced: it has changed when it is back.
            if rests && now.is_some() && now != file.known {
                file.known = now;
                first.get_or_insert_with(|| file.path.clone());
            }
        }
        first
    }
}

fn likeness(path: &std::path::Path) -> Option<Likeness> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_changed_once() {
        let path = std::env::temp_dir().join(format!("edgeway-watch-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch::new([path.clone()]);
        assert_eq!(watch.changed(), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(watch.changed(), None, "missing for a moment");
        std::fs::write(&path, "thr").unwrap();
        assert_eq!(watch.changed(), None, "it may still be being written");
        std::fs::write(&path, "three").unwrap();
        assert_eq!(watch.changed(), None, "and it was");
        assert_eq!(watch.changed(), Some(path.clone()), "now it rests");
        assert_eq!(watch.changed(), None);
        std::fs::remove_file(&path).unwrap();
    }
}
