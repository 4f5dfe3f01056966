//! What can be set for a folder of files, and what all workers share of it. Made by the configuration; read by the files stage and
//! by `store`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::ByteCount;
use edgeway_http::semantics::percent::NormalPath;

use super::limits;
use super::root::Root;

/// What can be set. [`Settings::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub root: PathBuf,
    /// Names tried, in order, where a folder is asked for. Default: `index.html`.
    pub index: Vec<String>,
    /// Whether a folder without index shows what it holds. Default: no.
    pub listing: bool,
    /// Whether `name.br`, `name.zst` and `name.gz` beside a text file are sent to those who can read them. Default: yes.
    pub precompressed: bool,
    /// The Cache-Control of every answer. Default: none, which lets caches guess from Last-Modified.
    pub cache_control: Option<String>,
    /// The file that answers paths without a file: `index.html` of a single-page application. Only where the client takes
    /// HTML and the last segment has no dot, so that a missing picture is a 404 still. Default: none.
    pub fallback: Option<String>,
    /// Files below the root that are the content of errors, by status: `404 = "404.html"`. Default: none.
    pub error_pages: BTreeMap<u16, String>,
    /// Whether names with a leading dot are served. `.well-known` at the root always is (RFC 8615). Default: no.
    pub hidden: bool,
    /// Whether relative symbolic links that stay below the root are followed. Default: no; the root itself may be a link.
    pub follow_links: bool,
    /// Bytes of content each worker keeps in memory. Default: [`limits::MEMORY`].
    pub memory: ByteCount,
    /// The largest file kept in memory. Default: [`limits::MEMORY_FILE`].
    pub memory_file: ByteCount,
    /// How long a file is answered without another look at it. Default: [`limits::REVALIDATE`].
    pub revalidate: Duration,
    /// Whether files only ever change by being replaced whole, as the store does it: tags are strong at once. Default: no.
    pub replaced_whole: bool,
    /// Whether a `transform` stage stands around this end: then a client that refuses plain content gets it compressed there,
    /// instead of 406 here. Default: no.
    pub compressed_later: bool,
    /// Whether browsers are told not to guess another type (X-Content-Type-Options). Default: no; the store sets it.
    pub no_sniff: bool,
}

impl Settings {
    /// The defaults for a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            index: vec!["index.html".to_owned()],
            listing: false,
            precompressed: true,
            cache_control: None,
            fallback: None,
            error_pages: BTreeMap::new(),
            hidden: false,
            follow_links: false,
            memory: limits::MEMORY,
            memory_file: limits::MEMORY_FILE,
            revalidate: limits::REVALIDATE,
            replaced_whole: false,
            compressed_later: false,
            no_sniff: false,
        }
    }
}

/// What all workers share: made once when the configuration is checked.
#[derive(Debug)]
pub struct Shared {
    pub(super) settings: Settings,
    pub(super) root: Root,
}

impl Shared {
    /// Opens the folder.
    ///
    /// # Errors
    /// When the folder is missing, is none, or may not be read: the operator's to mend, at the start.
    pub fn open(settings: Settings) -> io::Result<Arc<Self>> {
        let root = Root::open(&settings.root, settings.follow_links)?;
        Ok(Arc::new(Self { settings, root }))
    }

    /// The folder.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Whether a path may lead to a file at all.
    pub(crate) fn admits(&self, path: &NormalPath) -> bool {
        path.is_plain() && (self.settings.hidden || !self.is_hidden(path))
    }

    /// RFC 8615 §3: `/.well-known/` is public by definition.
    fn is_hidden(&self, path: &NormalPath) -> bool {
        path.segments()
            .enumerate()
            .any(|(depth, segment)| segment.first() == Some(&b'.') && !(depth == 0 && segment == b".well-known"))
    }
}
