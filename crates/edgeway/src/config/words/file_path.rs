//! Files and folders, relative to the configuration file.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::config::read::Word;

/// A path to a file or folder; a relative one starts at the folder of the configuration file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FilePath(PathBuf);

impl FilePath {
    /// The path as written.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl From<PathBuf> for FilePath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Word for FilePath {
    const EXPECTED: &'static str = "a path to a file or folder";
}

impl FromStr for FilePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if text.contains('\0') {
            return Err("a path cannot hold a zero byte".to_owned());
        }
        text.parse().map(Self).map_err(|never: Infallible| match never {})
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}
