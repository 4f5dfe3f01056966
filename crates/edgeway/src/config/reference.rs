//! The reference page of the guide, written from the same definitions that read the file.
//! `edgeway check --reference` prints it; a test keeps `docs/guide/src/reference.md` equal to it.

use std::fmt::Write as _;

use super::raw::{
    Acme, Auth, ClientCertificates, Configuration, Headers, Hsts, Issue, Limits, Listen, Log, ProxyTable, Redirect,
    RespondTable, Rewrite, Route, Site, SiteTls, Tls, TsigKey, UpstreamTls, Workers, Zone,
};
use super::read::{Field, Table};

/// The page, as markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration reference\n\n\
         Every key there is. This page is written by `edgeway check --reference` from the definitions that also read \
         the file, so it cannot be out of date. Your editor knows the same: `edgeway check --schema > edgeway.schema.json`.\n\n\
         *Periods* are written `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"1h30m\"`, `\"1d\"`, `\"1w\"`, `\"1y\"`; *sizes* `\"64KB\"`, \
         `\"10MB\"`, `\"1GB\"` (a KB is 1,024 bytes). Where a list is taken, a single value will do.\n",
    );
    section::<Configuration>(&mut page, "The file");
    section::<Listen>(&mut page, "[listen]");
    section::<Tls>(&mut page, "[tls]");
    section::<Acme>(&mut page, "[tls.acme]");
    section::<ClientCertificates>(&mut page, "client_certificates");
    section::<Log>(&mut page, "[log]");
    section::<Limits>(&mut page, "[limits]");
    section::<Workers>(&mut page, "[workers]");
    section::<Site>(&mut page, "[site.\"host\"]");
    section::<SiteTls>(&mut page, "tls of a site");
    section::<Hsts>(&mut page, "hsts");
    section::<Route>(&mut page, "[[site.\"host\".route]]");
    section::<ProxyTable>(&mut page, "proxy");
    section::<UpstreamTls>(&mut page, "tls of a proxy");
    section::<Redirect>(&mut page, "redirect");
    section::<RespondTable>(&mut page, "respond");
    section::<Issue>(&mut page, "issue");
    section::<Rewrite>(&mut page, "rewrite");
    section::<Headers>(&mut page, "headers and request_headers");
    section::<Auth>(&mut page, "auth");
    section::<Zone>(&mut page, "[zone.\"name\"]");
    section::<TsigKey>(&mut page, "[tsig.\"name\"]");
    page
}

fn section<T: Table>(page: &mut String, heading: &str) {
    let _ = writeln!(page, "\n## {heading}\n\n{}\n", T::documentation());
    for field in T::fields() {
        let _ = writeln!(page, "### `{}`\n\n{}\n\n{}\n", field.key, facts(&field), field.documentation);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
}

fn facts(field: &Field) -> String {
    let expected = (field.expected)();
    let rest = match (field.default, field.optional) {
        (Some(default), _) => format!("Default: `{default}`."),
        (None, true) => "Optional.".to_owned(),
        (None, false) => "Required.".to_owned(),
    };
    format!("*Takes {expected}. {rest}*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_guide_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/src/reference.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == reference(),
            "docs/guide/src/reference.md is stale; write it anew with\n  \
             cargo run -p edgeway -- check --reference > docs/guide/src/reference.md"
        );
    }

    #[test]
    fn every_table_of_the_schema_has_a_section() {
        let schema = crate::config::schema::schema();
        let page = reference();
        for (name, table) in schema["definitions"].as_object().unwrap() {
            for key in table["properties"].as_object().unwrap().keys() {
                assert!(page.contains(&format!("### `{key}`")), "{name}.{key} is not in the reference");
            }
        }
    }
}
