//! A file of users: `name:hash` or `name:realm:H(A1)`, one a line; lines that start with # are comments. Kept
//! readable by its owner alone, and replaced whole: a crash leaves the old or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::state::write_secret_file;

/// The lines of a file of users.
pub(super) struct UserFile {
    path: PathBuf,
    lines: Vec<String>,
}

impl UserFile {
    /// Reads a file that must exist.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
        Ok(Self { path: path.to_owned(), lines: text.lines().map(str::to_owned).collect() })
    }

    /// Reads a file, or begins a new one.
    pub(super) fn read_or_new(path: &Path) -> Result<Self, Failure> {
        match fs::exists(path) {
            Ok(false) => Ok(Self { path: path.to_owned(), lines: Vec::new() }),
            _ => Self::read(path),
        }
    }

    /// Keeps `lines`, in the place of those of the same name and kind (and realm). Whether there were any.
    pub(super) fn set(&mut self, lines: Vec<String>) -> bool {
        let place_of = |line: &str| split(line).map(|(name, rest)| (name.to_owned(), realm(rest).map(str::to_owned)));
        let places: Vec<_> = lines.iter().filter_map(|line| place_of(line)).collect();
        let replaced = |line: &String| place_of(line).is_some_and(|place| places.contains(&place));
        let first = self.lines.iter().position(replaced);
        self.lines.retain(|line| !replaced(line));
        let at = first.unwrap_or(self.lines.len());
        self.lines.splice(at..at, lines);
        first.is_some()
    }

    /// Forgets `name`. Whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| split(line).is_none_or(|(user, _)| user != name));
        self.lines.len() < before
    }

    /// Names and how their passwords are kept, in the order of the file.
    pub(super) fn users(&self) -> impl Iterator<Item = (&str, String)> {
        self.lines.iter().filter_map(|line| split(line)).map(|(name, rest)| (name, kind(rest)))
    }

    /// Writes the file, whole.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        write_secret_file(&self.path, text.as_bytes()).map_err(|error| cannot("write", &self.path, &error))
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}

/// Name and the rest; `None` for comments and empty lines.
fn split(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').filter(|_| !line.starts_with('#'))
}

/// The realm of a Digest line; `None` for a hash.
fn realm(rest: &str) -> Option<&str> {
    rest.rsplit_once(':').map(|(realm, _)| realm)
}

fn kind(rest: &str) -> String {
    match rest.rsplit_once(':') {
        Some((realm, secret)) if secret.len() == 64 => format!("digest (SHA-256), realm \"{realm}\""),
        Some((realm, _)) => format!("digest (MD5), realm \"{realm}\""),
        None if rest.starts_with("$argon2id$") => "argon2id".to_owned(),
        None if rest.starts_with("$2") => "bcrypt".to_owned(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_by_kind_and_realm() {
        let mut file = UserFile { path: PathBuf::new(), lines: Vec::new() };
        let set = |file: &mut UserFile, lines: &[&str]| file.set(lines.iter().map(|line| (*line).to_owned()).collect());
        let (long, short) = (format!("anna:home:{}", "a".repeat(64)), format!("anna:home:{}", "a".repeat(32)));
        assert!(!set(&mut file, &["anna:$argon2id$1"]));
        assert!(!set(&mut file, &["bert:$2b$1"]));
        assert!(!set(&mut file, &[&long, &short]));
        assert!(set(&mut file, &["anna:$argon2id$2"]));
        file.lines.insert(0, "# people: of the house".to_owned());
        let users: Vec<_> = file.users().map(|(name, kind)| format!("{name} {kind}")).collect();
        assert_eq!(
            users,
            [
                "anna argon2id",
                "bert bcrypt",
                "anna digest (SHA-256), realm \"home\"",
                "anna digest (MD5), realm \"home\""
            ]
        );
        assert_eq!(file.lines[1], "anna:$argon2id$2");
        assert!(file.remove("anna") && !file.remove("anna"));
        assert_eq!(file.lines, ["# people: of the house", "bert:$2b$1"]);
    }
}
