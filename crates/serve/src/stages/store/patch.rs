//! Changing a JSON document by a patch: RFC 6902 (a list of operations) and RFC 7396 (a merge). Nothing waits here. Called by the
//! store stage on the blocking pool.

use edgeway_http::semantics::Status;
use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use super::limits::{JSON, PATCH_OPERATIONS_MAX};

/// How the change is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Language {
    /// `application/json-patch+json`.
    Operations,
    /// `application/merge-patch+json`.
    Merge,
}

/// The document after the change, as it is stored.
///
/// # Errors
/// 400 for a patch that is none, 409 where document and patch do not fit together (RFC 5789 §2.2), 413 for a result beyond
/// [`JSON`].
pub(super) fn apply(language: Language, document: &[u8], patch: &[u8]) -> Result<Vec<u8>, Status> {
    // A file that is no JSON conflicts with a patch for JSON.
    let mut document: Value = serde_json::from_slice(document).map_err(|_| Status::CONFLICT)?;
    match language {
        Language::Operations => {
            let Patch(operations) = serde_json::from_slice(patch).map_err(|_| Status::BAD_REQUEST)?;
            apply_operations(&mut document, &operations)?;
        }
        Language::Merge => {
            let patch: Value = serde_json::from_slice(patch).map_err(|_| Status::BAD_REQUEST)?;
            json_patch::merge(&mut document, &patch);
        }
    }
    let mut text = serde_json::to_vec_pretty(&document).map_err(|_| Status::INTERNAL_SERVER_ERROR)?;
    text.push(b'\n');
    if text.len() as u64 > JSON.0 * 4 { Err(Status::CONTENT_TOO_LARGE) } else { Ok(text) }
}

/// One after the other; the document is thrown away when one fails, so nothing need be undone (RFC 5789 §2: all or nothing).
fn apply_operations(document: &mut Value, operations: &[PatchOperation]) -> Result<(), Status> {
    if operations.len() > PATCH_OPERATIONS_MAX {
        return Err(Status::CONTENT_TOO_LARGE);
    }
    // A `copy` can double the document, and thirty of them make it a billion times as large: what they add is counted
    // before it is done.
    let mut copied = 0;
    for operation in operations {
        if let PatchOperation::Copy(copy) = operation {
            copied += document.pointer(copy.from.as_str()).map_or(0, weight);
            if copied > JSON.0 {
                return Err(Status::CONTENT_TOO_LARGE);
            }
        }
        json_patch::patch_unsafe(document, std::slice::from_ref(operation)).map_err(|_| Status::CONFLICT)?;
    }
    Ok(())
}

/// About how many bytes a value is as text.
fn weight(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() as u64 + 3,
        Value::Array(items) => items.iter().map(weight).sum::<u64>() + 2,
        Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() as u64 + 4 + weight(value)).sum::<u64>() + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(language: Language, document: &str, patch: &str) -> Result<String, u16> {
        let result = apply(language, document.as_bytes(), patch.as_bytes());
        let text = result.map_err(Status::code)?;
        let value: Value = serde_json::from_slice(&text).unwrap();
        Ok(value.to_string())
    }

    #[test]
    fn operations_of_rfc_6902_appendix_a() {
        for (document, patch, expected) in [
            (r#"{"foo":"bar"}"#, r#"[{"op":"add","path":"/baz","value":"qux"}]"#, Ok(r#"{"foo":"bar","baz":"qux"}"#)),
            (
                r#"{"foo":["bar","baz"]}"#,
                r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                Ok(r#"{"foo":["bar","qux","baz"]}"#),
            ),
            (r#"{"baz":"qux","foo":"bar"}"#, r#"[{"op":"remove","path":"/baz"}]"#, Ok(r#"{"foo":"bar"}"#)),
            (
                r#"{"a":1}"#,
                r#"[{"op":"replace","path":"/a","value":2},{"op":"test","path":"/a","value":2}]"#,
                Ok(r#"{"a":2}"#),
            ),
            (r#"{"a":1}"#, r#"[{"op":"replace","path":"/a","value":2},{"op":"test","path":"/a","value":1}]"#, Err(409)),
            (r#"{"a":1}"#, r#"[{"op":"remove","path":"/b"}]"#, Err(409)),
            (r#"{"a":{"b":1}}"#, r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, Err(409)),
            (r#"{"a":1}"#, r#"[{"op":"explode","path":"/a"}]"#, Err(400)),
            (r#"{"a":1}"#, r#"{"a":2}"#, Err(400)),
            ("no json", "[]", Err(409)),
            (r#"{"z":1,"a":2}"#, "[]", Ok(r#"{"z":1,"a":2}"#)),
        ] {
            assert_eq!(
                applied(Language::Operations, document, patch).as_deref(),
                expected.as_ref().copied(),
                "{document} {patch}"
            );
        }
    }

    #[test]
    fn merges_of_rfc_7396_appendix_a() {
        for (document, patch, expected) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ] {
            assert_eq!(applied(Language::Merge, document, patch).as_deref(), Ok(expected), "{document} {patch}");
        }
    }

    #[test]
    fn copies_cannot_explode() {
        let copies = vec![r#"{"op":"copy","from":"","path":"/a/-"}"#; 40].join(",");
        assert_eq!(
            applied(Language::Operations, r#"{"a":["xxxxxxxxxxxxxxxxxxxx"]}"#, &format!("[{copies}]")),
            Err(413)
        );
        let many = vec![r#"{"op":"test","path":"/a","value":1}"#; PATCH_OPERATIONS_MAX + 1].join(",");
        assert_eq!(applied(Language::Operations, r#"{"a":1}"#, &format!("[{many}]")), Err(413));
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(applied(Language::Merge, "{}", &deep), Err(400));
    }
}
