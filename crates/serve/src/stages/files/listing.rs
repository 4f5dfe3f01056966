//! The page that shows a folder: for people, in light and dark, sorted as they ask; for programs, as JSON. Called by the files
//! stage on the blocking pool (to read the folder) and on the worker (to write the page); hands on to nothing.

use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use edgeway_base::WallTime;
use edgeway_http::semantics::date::Calendar;
use edgeway_http::semantics::percent::{decode, encode_segment};
use rustix::fs::{AtFlags, Dir, statat};

use super::limits::LISTING_ENTRIES_MAX;
use super::root::{Facts, Refusal};

/// One line of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    name: Vec<u8>,
    is_folder: bool,
    size: u64,
    modified: WallTime,
}

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Entry>,
    /// Entries beyond what is shown.
    left_out: usize,
}

/// The order of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Column {
    #[default]
    Name,
    Size,
    Modified,
}

/// Which column, and which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Order {
    pub(super) column: Column,
    pub(super) descending: bool,
}

impl Order {
    /// From a query: `sort=size&order=desc`. What is not understood is the default.
    pub(super) fn from_query(query: Option<&str>) -> Self {
        let mut order = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            match pair {
                "sort=size" => order.column = Column::Size,
                "sort=modified" => order.column = Column::Modified,
                "order=desc" => order.descending = true,
                _ => {}
            }
        }
        order
    }
}

/// Reads a folder; waits for the disk. Only what the files stage would answer is shown: files and folders, no links where
/// links are refused, nothing hidden unless hidden files are served.
pub(super) fn read(folder: &OwnedFd, hidden: bool, follow_links: bool) -> Result<Listing, Refusal> {
    let mut listing = Listing::default();
    let flags = if follow_links { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    for entry in Dir::read_from(folder.as_fd()).map_err(Refusal::of)? {
        let entry = entry.map_err(Refusal::of)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || (name.first() == Some(&b'.') && !hidden) {
            continue;
        }
        if listing.entries.len() == LISTING_ENTRIES_MAX {
            listing.left_out += 1;
            continue;
        }
        // Gone since it was read, or neither file nor folder.
        let Some(facts) = statat(folder, entry.file_name(), flags).ok().and_then(|stat| Facts::of(&stat)) else {
            continue;
        };
        let (is_folder, size, modified) = (facts.is_folder, facts.size, facts.modified);
        listing.entries.push(Entry { name: name.to_vec(), is_folder, size, modified });
    }
    Ok(listing)
}

impl Listing {
    /// Folders first, then as asked; equal ones by name.
    pub(super) fn sort(&mut self, order: Order) {
        self.entries.sort_by(|a, b| {
            let by_name =
                || a.name.to_ascii_lowercase().cmp(&b.name.to_ascii_lowercase()).then_with(|| a.name.cmp(&b.name));
            let ordering = match order.column {
                Column::Name => by_name(),
                Column::Size => a.size.cmp(&b.size).then_with(by_name),
                Column::Modified => a.modified.cmp(&b.modified).then_with(by_name),
            };
            b.is_folder.cmp(&a.is_folder).then(if order.descending { ordering.reverse() } else { ordering })
        });
    }

    /// For programs.
    pub(super) fn to_json(&self) -> String {
        let mut text = String::from("[");
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let kind = if entry.is_folder { "folder" } else { "file" };
            let _ = write!(text, "{separator}\n  {{\"name\":");
            write_json_string(&mut text, &String::from_utf8_lossy(&entry.name));
            let _ = write!(text, ",\"link\":\"{}\",\"type\":\"{kind}\"", link(entry));
            if !entry.is_folder {
                let _ = write!(text, ",\"size\":{}", entry.size);
            }
            let _ = write!(text, ",\"modified\":\"{}\"}}", Stamp(entry.modified, 'T', "Z"));
        }
        text.push_str("\n]\n");
        text
    }

    /// For people. `path` is the canonical path of the folder.
    pub(super) fn to_html(&self, path: &str, order: Order) -> String {
        let mut page = String::with_capacity(2048 + self.entries.len() * 160);
        let title = decode(path.as_bytes()).unwrap_or_else(|| path.as_bytes().to_vec());
        let title = String::from_utf8_lossy(&title);
        page.push_str(
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=color-scheme content=\"light dark\">\n",
        );
        page.push_str("<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>");
        escape(&mut page, &title);
        page.push_str("</title>\n<style>");
        page.push_str(STYLE);
        page.push_str("</style>\n<main>\n<h1>");
        write_breadcrumbs(&mut page, path);
        page.push_str("</h1>\n<table>\n<thead><tr>");
        for (name, column) in [("Name", Column::Name), ("Size", Column::Size), ("Changed", Column::Modified)] {
            write_heading(&mut page, name, column, order);
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        if path != "/" {
            page.push_str("<tr><td><a class=folder href=\"../\">..</a><td><td>\n");
        }
        for entry in &self.entries {
            write_row(&mut page, entry);
        }
        page.push_str("</tbody>\n</table>\n");
        self.write_summary(&mut page);
        page.push_str("</main>\n");
        page
    }

    fn write_summary(&self, page: &mut String) {
        let folders = self.entries.iter().filter(|entry| entry.is_folder).count();
        let files = self.entries.len() - folders;
        let bytes = self.entries.iter().filter(|entry| !entry.is_folder).map(|entry| entry.size).sum();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let _ = write!(page, "<p>{folders} folder{}, {files} file{}, {}", plural(folders), plural(files), Size(bytes));
        if self.left_out > 0 {
            let _ = write!(page, "; {} more not shown", self.left_out);
        }
        page.push_str("</p>\n");
    }
}

const STYLE: &str = "\
:root{--ink:#1b1f24;--soft:#667085;--line:#e4e7ec;--mark:#f6f8fa;--link:#0b57d0;--page:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#98a2b3;--line:#2b3037;--mark:#1d2126;--link:#8ab4f8;--page:#14171a}}\
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:56rem;margin:0 auto;padding:2rem 1rem}\
h1{font-size:1.25rem;font-weight:600;overflow-wrap:anywhere;margin:0 0 1rem}\
h1 span{color:var(--soft);padding:0 .25em}\
a{color:var(--link);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line)}\
th a{color:var(--soft);font-weight:500;font-size:.875rem}\
td:first-child{overflow-wrap:anywhere}\
th:nth-child(2),td:nth-child(2){text-align:right;white-space:nowrap}\
td:nth-child(n+2){color:var(--soft);white-space:nowrap}\
tbody tr:hover{background:var(--mark)}\
.folder{font-weight:600}.folder::after{content:\"/\";color:var(--soft)}\
p{color:var(--soft);font-size:.875rem}\
@media(max-width:36rem){th:nth-child(3),td:nth-child(3){display:none}}";

/// Every part of the path leads to its folder.
fn write_breadcrumbs(page: &mut String, path: &str) {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let up = |levels: usize| if levels == 0 { "./".to_owned() } else { "../".repeat(levels) };
    let _ = write!(page, "<a href=\"{}\">~</a><span>/</span>", up(segments.len()));
    for (index, segment) in segments.iter().enumerate() {
        let name = decode(segment.as_bytes()).unwrap_or_default();
        let _ = write!(page, "<a href=\"{}\">", up(segments.len() - index - 1));
        escape(page, &String::from_utf8_lossy(&name));
        page.push_str("</a><span>/</span>");
    }
}

fn write_heading(page: &mut String, name: &str, column: Column, order: Order) {
    let word = match column {
        Column::Name => "name",
        Column::Size => "size",
        Column::Modified => "modified",
    };
    let current = order.column == column;
    // A second click turns the order round.
    let (direction, arrow, sort) = match (current, order.descending) {
        (true, false) => ("desc", " \u{2191}", " aria-sort=ascending"),
        (true, true) => ("asc", " \u{2193}", " aria-sort=descending"),
        (false, _) => ("asc", "", ""),
    };
    let _ = write!(page, "<th scope=col{sort}><a href=\"?sort={word}&amp;order={direction}\">{name}{arrow}</a>");
}

fn write_row(page: &mut String, entry: &Entry) {
    let class = if entry.is_folder { " class=folder" } else { "" };
    let _ = write!(page, "<tr><td><a{class} href=\"{}\">", link(entry));
    escape(page, &String::from_utf8_lossy(&entry.name));
    page.push_str("</a><td>");
    if !entry.is_folder {
        let _ = write!(page, "{}", Size(entry.size));
    }
    let _ = writeln!(
        page,
        "<td><time datetime=\"{}\">{}</time>",
        Stamp(entry.modified, 'T', "Z"),
        Stamp(entry.modified, ' ', "")
    );
}

/// Relative, and never to be taken for a scheme: a name may hold a colon.
fn link(entry: &Entry) -> String {
    // encode_segment leaves `&` and `'` plain, which an attribute in double quotes may hold; not so in HTML: `&amp`.
    let name = encode_segment(&entry.name).replace('&', "%26").replace('\'', "%27");
    format!("./{name}{}", if entry.is_folder { "/" } else { "" })
}

fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
}

fn write_json_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control < ' ' => _ = write!(text, "\\u{:04x}", u32::from(control)),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// `1.4 MB`: three figures are enough for a person.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
        if self.0 < 1024 {
            return write!(formatter, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let decimals = usize::from(value < 99.95);
        write!(formatter, "{value:.decimals$} {}", UNITS[unit])
    }
}

/// RFC 3339, or the same to be read.
struct Stamp(WallTime, char, &'static str);

impl std::fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Calendar { year, month, day, hour, minute, second, .. } = Calendar::from_wall(self.0);
        write!(formatter, "{year:04}-{month:02}-{day:02}{}{hour:02}:{minute:02}", self.1)?;
        if self.2.is_empty() { Ok(()) } else { write!(formatter, ":{second:02}{}", self.2) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;

    fn listing() -> Listing {
        let entry = |name: &str, is_folder, size, seconds| Entry {
            name: name.as_bytes().to_vec(),
            is_folder,
            size,
            modified: WallTime::from_seconds(seconds),
        };
        let entries = vec![
            entry("b.txt", false, 1_500_000, 300),
            entry("A.txt", false, 5, 100),
            entry("z", true, 0, 200),
            entry("<script>alert('1')&\".x", false, 0, 400),
        ];
        Listing { entries, left_out: 0 }
    }

    fn names(listing: &Listing) -> Vec<String> {
        listing.entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).chars().take(2).collect()).collect()
    }

    #[test]
    fn sorted_as_asked_folders_first() {
        let mut listing = listing();
        for (query, expected) in [
            (None, ["z", "<s", "A.", "b."]),
            (Some("sort=size"), ["z", "<s", "A.", "b."]),
            (Some("sort=size&order=desc"), ["z", "b.", "A.", "<s"]),
            (Some("sort=modified"), ["z", "A.", "b.", "<s"]),
            (Some("sort=rubbish&order=desc"), ["z", "b.", "A.", "<s"]),
        ] {
            listing.sort(Order::from_query(query));
            assert_eq!(names(&listing), expected, "{query:?}");
        }
    }

    #[test]
    fn names_cannot_become_markup() {
        let page = listing().to_html("/a%3Cb/c/", Order::default());
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(&#39;1&#39;)&amp;&quot;.x"));
        assert!(page.contains("href=\"./%3Cscript%3Ealert(%271%27)%26%22.x\""));
        assert!(page.contains("<a href=\"../\">a&lt;b</a>") && page.contains("<a href=\"./\">c</a>"));
        assert!(page.contains("1.4 MB") && page.contains("1 folder, 3 files"));
        let json = listing().to_json();
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed[0]["size"], 1_500_000);
        assert_eq!(parsed[2]["type"], "folder");
        assert_eq!(parsed[3]["name"], "<script>alert('1')&\".x");
        assert_eq!(parsed[0]["modified"], "1970-01-01T00:05:00Z");
    }

    #[test]
    fn hidden_ones_and_oddities_are_not_shown() {
        let place = Scratch::new("listing");
        for name in ["a", ".hidden"] {
            std::fs::write(place.path().join(name), name).unwrap();
        }
        std::fs::create_dir(place.path().join("d")).unwrap();
        std::os::unix::fs::symlink("a", place.path().join("l")).unwrap();
        let folder = OwnedFd::from(std::fs::File::open(place.path()).unwrap());
        for (hidden, links, expected) in [(false, false, &["d", "a"][..]), (true, true, &["d", ".h", "a", "l"])] {
            let mut listing = read(&folder, hidden, links).unwrap();
            listing.sort(Order::default());
            assert_eq!(names(&listing), expected);
        }
    }

    #[test]
    fn sizes_have_three_figures() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KB"),
            (102_400, "100 KB"),
            (1_047_000, "1.0 MB"),
            (1 << 40, "1.0 TB"),
        ] {
            assert_eq!(Size(bytes).to_string(), shown);
        }
    }
}
