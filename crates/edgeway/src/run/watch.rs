//! Notices that files have changed, by looking once a second. Looking costs a system call for each file and works the same on every file
//! system, through symbolic links and for editors that replace files, which notifications do not.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Some files and what they were like.
#[derive(Debug, Default)]
pub struct Watch {
    files: Vec<(PathBuf, Option<Likeness>)>,
}

/// A file that differs in any of these is another one.
type Likeness = (u64, u64, i64, i64);

impl Watch {
    /// Watches `files` as they are now.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { files: files.into_iter().map(|path| (path.clone(), likeness(&path))).collect() }
    }

    /// The first file that differs from when it was last looked at. All are looked at, and remembered as they are now.
    pub fn changed(&mut self) -> Option<PathBuf> {
        let mut first = None;
        for (path, before) in &mut self.files {
            let now = likeness(path);
            // A file that is missing for a moment is being replaced: it has changed when it is back.
            if now.is_some() && now != *before {
                *before = now;
                first.get_or_insert_with(|| path.clone());
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
        std::fs::write(&path, "three").unwrap();
        assert_eq!(watch.changed(), Some(path.clone()));
        assert_eq!(watch.changed(), None);
        std::fs::remove_file(&path).unwrap();
    }
}
