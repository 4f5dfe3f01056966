//! The arrows between crates: the table of ARCHITECTURE.md as data, and the manifests measured against it.
//! Called by `structure.rs`.

use std::path::Path;

/// A crate of ours and the crates of ours that it may import.
const DRAWN: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("tcpip", &["base"]),
    ("dns", &["base"]),
    ("http", &["base"]),
    ("tls", &["base"]),
    ("quic", &["base", "tls"]),
    ("sso", &["base", "http"]),
    ("net", &["base", "tcpip", "http", "tls", "quic"]),
    ("lab", &["base", "tcpip"]),
    ("serve", &["base", "dns", "http", "tls", "sso", "net"]),
    ("visit", &["base", "dns", "http", "tls", "quic", "net"]),
    ("edgeway", &["base", "tcpip", "dns", "http", "tls", "quic", "sso", "net", "lab", "serve", "visit"]),
];

/// Crates outside `crates/`: the judges. Those that measure from outside import nothing of ours, so that they see
/// what a stranger sees; the tests crate may look at every house.
const JUDGES: &[(&str, bool)] = &[("bench", false), ("xtask", false), ("tests", true)];

/// Sections of a manifest that import. Tests of a crate obey the same table: a dev-dependency upwards would let a
/// house be proven only with its caller beside it.
const IMPORTING: &[&str] = &["dependencies", "build-dependencies", "dev-dependencies"];

/// One sentence for each arrow that no dot of the table allows.
pub(crate) fn undrawn(root: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let entries = std::fs::read_dir(root.join("crates")).expect("the project has a crates folder");
    for entry in entries.flatten() {
        let house = entry.file_name().to_string_lossy().into_owned();
        let Some(imports) = imports(&entry.path()) else { continue };
        match DRAWN.iter().find(|(name, _)| *name == house) {
            None => wrong.push(format!("crates/{house} is not in the plan: draw it in ARCHITECTURE.md and here")),
            Some((_, allowed)) => wrong.extend(
                imports
                    .iter()
                    .filter(|import| !allowed.contains(&import.as_str()))
                    .map(|import| format!("crates/{house} -> {import}: may import only {allowed:?}")),
            ),
        }
    }
    for (judge, may_look_inside) in JUDGES {
        let imports = imports(&root.join(judge)).unwrap_or_default();
        if !may_look_inside && !imports.is_empty() {
            wrong.push(format!("{judge} -> {imports:?}: it judges from outside and imports nothing of ours"));
        }
    }
    wrong
}

/// Our own crates that the manifest in `folder` names, without the prefix; `None` where there is no manifest.
fn imports(folder: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}/Cargo.toml: {error}", folder.display()));
    let mut tables = vec![&manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut found: Vec<String> = tables
        .iter()
        .flat_map(|table| IMPORTING.iter().filter_map(|section| table.get(*section)?.as_table()))
        .flat_map(|section| section.iter())
        .filter_map(|(key, value)| house_named(key, value))
        .collect();
    found.sort();
    found.dedup();
    Some(found)
}

/// A dependency may be renamed (`short = { package = "edgeway-base" }`): the package decides.
fn house_named(key: &str, value: &toml::Value) -> Option<String> {
    let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
    if package == "edgeway" {
        return Some(package.to_owned());
    }
    package.strip_prefix("edgeway-").map(str::to_owned)
}
