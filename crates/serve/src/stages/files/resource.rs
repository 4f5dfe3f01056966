//! From a path to what answers it: the file, its precompressed sisters, or a folder. Called by the files stage, on the
//! worker's thread with [`Patience::Cached`] and on the blocking pool otherwise; hands on to `root`.

use std::borrow::Cow;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::WallTime;
use edgeway_http::semantics::date::{IMF_FIXDATE_LENGTH, write_http_date};
use edgeway_http::semantics::entity_tag::EntityTag;
use edgeway_http::semantics::media_type::{self, MediaType};
use edgeway_http::semantics::negotiation::ContentCoding;
use rustix::io::{Errno, ReadWriteFlags};

use super::Settings;
use super::limits::{PRECOMPRESSED_LAG, TIMESTAMP_GRAIN};
use super::root::{Facts, Opened, Patience, Refusal, Root};

/// Precompressed forms in the order of our preference: the smallest first.
pub(super) const PRECOMPRESSED: [ContentCoding; 3] = [ContentCoding::Brotli, ContentCoding::Zstd, ContentCoding::Gzip];

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Resolution {
    /// A file.
    File(Resource),
    /// A folder named without its slash.
    WithoutSlash,
    /// A folder without index, to be listed.
    Folder(OwnedFd),
}

/// A file in all its forms.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Its media type.
    pub(super) content_type: Cow<'static, str>,
    /// Precompressed forms in the order of preference, and the file itself, which is last.
    pub(super) variants: Vec<Variant>,
    /// Whether it may be kept: false when it changed so recently that it may change again under the same time stamp.
    pub(super) settled: bool,
}

/// One form of a file.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) coding: ContentCoding,
    pub(super) facts: Facts,
    pub(super) content: Content,
    /// As the ETag field holds it.
    pub(super) entity_tag: Box<[u8]>,
    /// As the Last-Modified field holds it.
    pub(super) last_modified: [u8; IMF_FIXDATE_LENGTH],
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Memory(Bytes),
    File(Arc<OwnedFd>),
}

impl Resource {
    /// The file itself.
    pub(super) fn identity(&self) -> Option<&Variant> {
        self.variants.last()
    }

    /// Bytes of memory it holds.
    pub(super) fn memory(&self) -> u64 {
        self.variants
            .iter()
            .map(|variant| match &variant.content {
                Content::Memory(bytes) => bytes.len() as u64,
                Content::File(_) => 0,
            })
            .sum()
    }

    /// Descriptors it holds open.
    pub(super) fn descriptors(&self) -> usize {
        self.variants.iter().filter(|variant| matches!(variant.content, Content::File(_))).count()
    }
}

impl Variant {
    /// Its tag.
    pub(super) fn tag(&self) -> Option<EntityTag<'_>> {
        EntityTag::parse(&self.entity_tag)
    }
}

/// Everything a lookup depends on.
pub(super) struct Lookup<'a> {
    pub(super) root: &'a Root,
    pub(super) settings: &'a Settings,
    /// The calendar, to tell what changed just now.
    pub(super) now: WallTime,
    pub(super) patience: Patience,
    /// What was known before: content of unchanged files is taken over.
    pub(super) previous: Option<&'a Resource>,
}

impl Lookup<'_> {
    /// Finds what answers `path` (decoded, without leading slash). `folder` says that it ended with a slash.
    pub(super) fn resolve(&self, path: &[u8], folder: bool) -> Result<Resolution, Refusal> {
        if folder {
            return self.resolve_folder(path);
        }
        let opened = self.root.look_up(path, self.patience)?;
        if opened.facts.is_folder {
            return Ok(Resolution::WithoutSlash);
        }
        self.resource(path, opened).map(Resolution::File)
    }

    fn resolve_folder(&self, path: &[u8]) -> Result<Resolution, Refusal> {
        for name in &self.settings.index {
            let path = join(path, name.as_bytes());
            match self.root.look_up(&path, self.patience) {
                Ok(opened) if !opened.facts.is_folder => return self.resource(&path, opened).map(Resolution::File),
                Ok(_) | Err(Refusal::Missing) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let opened = self.root.look_up(path, self.patience)?;
        if opened.facts.is_folder && self.settings.listing {
            return Ok(Resolution::Folder(opened.file));
        }
        Err(Refusal::Missing)
    }

    fn resource(&self, path: &[u8], opened: Opened) -> Result<Resource, Refusal> {
        let content_type = media_type::from_path(path);
        let original = opened.facts;
        let mut variants = Vec::with_capacity(1);
        let compressible = MediaType::parse(content_type.as_bytes()).is_some_and(|known| known.is_compressible());
        if self.settings.precompressed && compressible {
            for coding in PRECOMPRESSED {
                let sister = [path, coding.file_suffix().as_bytes()].concat();
                match self.root.look_up(&sister, self.patience) {
                    Ok(found) if !found.facts.is_folder && is_current(&found.facts, &original) => {
                        variants.push(self.variant(coding, found)?);
                    }
                    Err(Refusal::WouldBlock) => return Err(Refusal::WouldBlock),
                    _ => {}
                }
            }
        }
        variants.push(self.variant(ContentCoding::Identity, opened)?);
        let settled = variants.iter().all(|variant| self.is_settled(&variant.facts));
        Ok(Resource { content_type, variants, settled })
    }

    fn variant(&self, coding: ContentCoding, opened: Opened) -> Result<Variant, Refusal> {
        let facts = opened.facts;
        let known = self.previous.and_then(|previous| {
            previous.variants.iter().find(|variant| variant.coding == coding && variant.facts == facts)
        });
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let content = if facts.size <= self.settings.memory_file.0 && self.is_settled(&facts) {
            Content::Memory(read_whole(&opened, self.patience)?)
        } else {
            Content::File(Arc::new(opened.file))
        };
        let weak = !self.is_settled(&facts);
        let last_modified = write_http_date(facts.modified);
        Ok(Variant { coding, facts, content, entity_tag: entity_tag(&facts, weak), last_modified })
    }

    fn is_settled(&self, facts: &Facts) -> bool {
        // A time stamp from the future is no reason to read the file again and again.
        self.settings.replaced_whole
            || facts.modified > self.now
            || self.now.since_epoch() - facts.modified.since_epoch() > TIMESTAMP_GRAIN
    }
}

/// Whether a precompressed file was made from this original and not from one before it.
fn is_current(sister: &Facts, original: &Facts) -> bool {
    sister.modified.later(PRECOMPRESSED_LAG) >= original.modified
}

/// The tag of a file: its number, its time of change to the nanosecond and its size. Strong, because no two contents of a
/// file share all three, except within one tick of the kernel's clock: so soon after a change it is weak.
pub(crate) fn entity_tag(facts: &Facts, weak: bool) -> Box<[u8]> {
    let modified = facts.modified.since_epoch().as_nanos();
    let opaque = format!("{:x}-{modified:x}-{:x}", facts.inode, facts.size);
    EntityTag { weak, opaque: opaque.as_bytes() }.to_bytes().into_boxed_slice()
}

/// `folder/name`; the name alone at the root.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// All of a small file. A file that changes its length meanwhile is looked up again by the blocking pool.
fn read_whole(opened: &Opened, patience: Patience) -> Result<Bytes, Refusal> {
    let mut content = vec![0; usize::try_from(opened.facts.size).map_err(|_| Refusal::Exhausted)?];
    let mut filled = 0;
    while filled < content.len() {
        let rest = &mut content[filled..];
        let read = match patience {
            Patience::Cached => read_cached(&opened.file, rest, filled as u64)?,
            Patience::Blocking => read_blocking(&opened.file, rest, filled as u64)?,
        };
        if read == 0 {
            return Err(if patience == Patience::Cached { Refusal::WouldBlock } else { Refusal::Broken });
        }
        filled += read;
    }
    Ok(content.into())
}

/// Reads what the page cache has; [`Refusal::WouldBlock`] when it has nothing, or cannot tell.
pub(super) fn read_cached(file: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
    match rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT) {
        Ok(read) => Ok(read),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR | Errno::NOSYS) => Err(Refusal::WouldBlock),
        Err(error) => Err(Refusal::of(error)),
    }
}

/// Reads, waiting for the disk.
pub(super) fn read_blocking(file: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
    loop {
        match rustix::io::pread(file, &mut *buffer, offset) {
            Err(Errno::INTR) => {}
            other => return other.map_err(|_| Refusal::Broken),
        }
    }
}
