//! `headers` and `request_headers`: fields set, added, removed. Called by the chain: on the request before the route's stages, on the
//! response after them.

use edgeway_http::semantics::Fields;

/// What to do to a field section, in this order: remove, set, add.
#[derive(Clone, Default, Debug)]
pub struct Edits {
    /// Names to remove; a star at the end takes all names that begin so.
    pub remove: Vec<String>,
    /// Fields of which only this value is to remain.
    pub set: Vec<(String, String)>,
    /// Fields to append.
    pub add: Vec<(String, String)>,
}

impl Edits {
    /// Does it.
    pub fn apply(&self, fields: &mut Fields) {
        for name in &self.remove {
            match name.strip_suffix('*') {
                Some(prefix) => fields.retain(|field| !begins_with(field.name, prefix)),
                None => fields.remove_named(name),
            }
        }
        for (name, value) in &self.set {
            fields.set_named(name, value);
        }
        for (name, value) in &self.add {
            fields.append_named(name, value);
        }
    }
}

fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_then_sets_then_adds() {
        let mut fields = Fields::new();
        for (name, value) in [("X-Powered-By", "a"), ("X-Powered-How", "b"), ("Vary", "c")] {
            fields.append_named(name, value);
        }
        let edits = Edits {
            remove: vec!["x-powered-*".into()],
            set: vec![("vary".into(), "Origin".into())],
            add: vec![("Vary".into(), "Accept".into())],
        };
        edits.apply(&mut fields);
        let left: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(left, [("vary", &b"Origin"[..]), ("Vary", b"Accept")]);
    }
}
