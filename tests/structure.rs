//! The plan of the house, held by a test: which crate may import which, that every file says what it is,
//! where `unsafe` may stand, and how large a file may grow. Reads manifests and sources; runs nothing.
//!
//! `cargo test -p edgeway-tests --test structure -- --nocapture` also prints the ten largest files and functions.

#[path = "structure/arrows.rs"]
mod arrows;
#[path = "structure/rust_source.rs"]
mod rust_source;

use rust_source::RustSource;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Most lines a source file may have. Two screens of a tall monitor six times over: past that a reader searches
/// instead of reading. Tables of constants stand in files of their own and are excepted, see [`is_table`].
const FILE_LINES_MAX: usize = 600;

/// Files whose lines are rows: long lists, one entry each, that nobody reads from top to bottom.
const TABLES: &[&str] = &["crates/http/src/semantics/field_name.rs"];

/// Words that name a drawer, not a thing; nothing is found again in a file called so.
const DRAWER_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "ext", "handy", "manager"];

/// Marks of unfinished work. Assembled from halves so that this file does not contain them.
const UNFINISHED: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];

#[test]
fn crates_import_only_what_the_plan_draws() {
    let wrong = arrows::undrawn(&root());
    assert!(wrong.is_empty(), "arrows the plan does not draw:\n{}", lines(&wrong));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    refuse("opens without a `//!` line that says what it is, who calls it and what it hands on to", |source| {
        !source.text.starts_with("//!")
    });
}

#[test]
fn unsafe_stands_only_where_the_kernel_is_called() {
    refuse("uses `unsafe`, which belongs in crates/net/src/os alone", |source| {
        !source.path.starts_with("crates/net/src/os") && source.has_word("unsafe")
    });
}

#[test]
fn no_file_outgrows_its_reader() {
    let mut sources = sources();
    sources.sort_by_key(|source| std::cmp::Reverse(source.line_count()));
    println!("largest files:");
    for source in sources.iter().take(10) {
        println!("{:6} {}", source.line_count(), source.path.display());
    }
    refuse("is over 600 lines; split it along what changes for different reasons", |source| {
        source.line_count() > FILE_LINES_MAX && !is_table(&source.path)
    });
}

/// Not refused, only shown: a long function is sometimes a long list, and the reader of this report can tell.
#[test]
fn the_longest_functions_are_known() {
    let mut functions: Vec<_> = sources().iter().flat_map(RustSource::functions).collect();
    assert!(!functions.is_empty(), "the function finder finds functions");
    functions.sort_by_key(|function| std::cmp::Reverse(function.lines));
    println!("longest functions:");
    for function in functions.iter().take(10) {
        println!("{:6} {}:{} {}", function.lines, function.path.display(), function.line, function.name);
    }
}

#[test]
fn no_file_is_a_drawer() {
    refuse("is named after a drawer; name it after the thing in it", |source| {
        let stem = source.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = source.path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        DRAWER_NAMES.contains(&stem) || (stem == "mod" && DRAWER_NAMES.contains(&folder))
    });
}

#[test]
fn nothing_is_left_for_later() {
    refuse("carries a mark of unfinished work", |source| UNFINISHED.iter().any(|mark| source.text.contains(mark)));
}

/// A file of constants copied from a specification: its name says so, or [`TABLES`] does.
fn is_table(path: &Path) -> bool {
    if TABLES.iter().any(|table| path == Path::new(table)) {
        return true;
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem == "table" || stem == "tables" || stem.ends_with("_table") || stem.ends_with("_tables")
}

fn refuse(what: &str, is_wrong: impl Fn(&RustSource) -> bool) {
    let sources = sources();
    assert!(sources.len() > 5, "found only {} source files under {}", sources.len(), root().display());
    let wrong: Vec<String> =
        sources.iter().filter(|s| is_wrong(s)).map(|s| format!("{} {what}", s.path.display())).collect();
    assert!(wrong.is_empty(), "\n{}", lines(&wrong));
}

fn lines(all: &[String]) -> String {
    all.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    })
}

/// Every Rust file of the project, with its path relative to the root.
fn sources() -> Vec<RustSource> {
    let root = root();
    let mut found = Vec::new();
    for folder in ["crates", "tests", "bench", "xtask", "fuzz", "examples"] {
        collect(&root, &root.join(folder), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<RustSource>) {
    // A folder that does not exist yet has no files.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            found.push(RustSource::new(relative, text));
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate stands in the root folder").to_path_buf()
}
