//! Extensible priorities (RFC 9218): read from the Priority field and from PRIORITY_UPDATE frames; obeyed by the
//! schedulers of the binary dialects.

/// How soon a response is wanted, and whether its parts are of use before the whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Priority {
    /// 0 (soonest) to 7 (background).
    pub urgency: u8,
    /// Whether the response may share the connection with others of its urgency.
    pub incremental: bool,
}

impl Default for Priority {
    /// RFC 9218 §4: urgency 3, not incremental.
    fn default() -> Self {
        Self { urgency: Self::URGENCY_DEFAULT, incremental: false }
    }
}

impl Priority {
    /// The least urgent level.
    pub const URGENCY_MAX: u8 = 7;
    /// The level of what says nothing.
    pub const URGENCY_DEFAULT: u8 = 3;

    /// Reads a Priority field value. Unknown members, and known ones of a wrong type or range, are ignored
    /// (RFC 9218 §4): what is left counts over the default.
    pub fn from_field(value: &[u8]) -> Self {
        let mut priority = Self::default();
        for member in members(value) {
            match member {
                [b'u', b'=', digit @ b'0'..=b'7'] => priority.urgency = digit - b'0',
                b"i" | b"i=?1" => priority.incremental = true,
                b"i=?0" => priority.incremental = false,
                _ => {}
            }
        }
        priority
    }
}

/// The members of a structured dictionary, without their parameters; commas in strings do not part members.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut in_string, mut escaped) = (false, false);
    value
        .split(move |byte| {
            let parts = *byte == b',' && !in_string;
            in_string ^= *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && in_string && !escaped;
            parts
        })
        .map(|member| member.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_fields_of_rfc_9218_section_4() {
        for (value, urgency, incremental) in [
            ("", 3, false),
            ("u=0", 0, false),
            ("u=5, i", 5, true),
            ("i", 3, true),
            ("i=?0, u=7", 7, false),
            ("u=1;x=2,i;y", 1, true),
            ("u=8, i=1", 3, false),
            ("u=-1", 3, false),
            ("u=2, u=4", 4, false),
            ("x=\"a,u=0\", u=6", 6, false),
            ("x=\"\\\",u=0\", u=6", 6, false),
        ] {
            assert_eq!(Priority::from_field(value.as_bytes()), Priority { urgency, incremental }, "{value}");
        }
    }
}
