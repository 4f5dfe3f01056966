//! A Rust file seen as text: its code without comments and strings, its words, its functions and their lengths.
//! Called by `structure.rs`. Not a parser: it knows just enough of the grammar not to be fooled by quotes.

use std::path::PathBuf;

/// One file.
pub(crate) struct RustSource {
    /// Relative to the project's root.
    pub(crate) path: PathBuf,
    /// As it stands on disk.
    pub(crate) text: String,
    /// The same length in lines, with comments and the insides of literals blanked.
    code: String,
}

/// Where a function starts and how many lines it has.
pub(crate) struct Function {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl RustSource {
    pub(crate) fn new(path: PathBuf, text: String) -> Self {
        let code = code_only(&text);
        Self { path, text, code }
    }

    pub(crate) fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// Whether the code (not its comments, not its strings) contains this keyword.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        words(&self.code).any(|(_, found)| found == word)
    }

    /// Every function with a body, from its `fn` to its closing brace.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut all = words(&self.code).peekable();
        let mut found = Vec::new();
        while let Some((start, word)) = all.next() {
            if word != "fn" {
                continue;
            }
            // `fn(u8)` is a type: no name follows before the bracket.
            let Some(&(name_at, name)) = all.peek() else { break };
            if self.code[start + 2..name_at].trim().is_empty()
                && let Some(end) = body_end(&self.code, name_at)
            {
                let line = line_of(&self.code, start);
                let lines = line_of(&self.code, end) - line + 1;
                found.push(Function { path: self.path.clone(), name: name.to_owned(), line, lines });
            }
        }
        found
    }
}

/// The offset of the brace that closes the body starting after `from`; `None` where `;` ends a declaration.
fn body_end(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut brackets = 0usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            // `[u8; 4]` in the signature is not the end of it.
            b';' if depth == 0 && brackets == 0 => return None,
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

fn line_of(code: &str, offset: usize) -> usize {
    code.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Identifiers and keywords with their offsets.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let start = from + code[from..].find(is_word)?;
        let end = code[start..].find(|c| !is_word(c)).map_or(code.len(), |length| start + length);
        from = end;
        Some((start, &code[start..end]))
    })
}

/// Blanks comments, strings and character literals, keeping every line break and every byte's place.
fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match literal_length(&bytes[at..], at.checked_sub(1).map(|before| bytes[before])) {
            Some(length) => {
                let end = (at + length).min(bytes.len());
                code.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
                at = end;
            }
            None => {
                code.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(code).expect("only whole literals are blanked, and each is blanked with ASCII")
}

/// Length of the comment or literal that starts here, if one does. `before` tells `r"raw"` from `var"`.
fn literal_length(rest: &[u8], before: Option<u8>) -> Option<usize> {
    let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match rest {
        [b'/', b'/', ..] => Some(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment_length(rest)),
        [b'"', ..] => Some(quoted_length(rest)),
        [b'r', b'"' | b'#', ..] if !in_word || before == Some(b'b') => raw_string_length(rest),
        [b'\'', b'\\', _, after @ ..] => Some(4 + after.iter().position(|byte| *byte == b'\'')?),
        // A lifetime has no closing quote after one character.
        [b'\'', first, ..] => {
            let width = utf8_width(*first);
            (rest.get(1 + width) == Some(&b'\'')).then_some(2 + width)
        }
        _ => None,
    }
}

fn utf8_width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

fn quoted_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    // `r#type` is an identifier, not a string.
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = 2 + hashes;
    let end = rest[body..].windows(closing.len()).position(|window| window == closing)?;
    Some(body + end + closing.len())
}

fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

#[test]
fn words_in_strings_and_comments_are_not_code() {
    let cases = [
        ("fn main() { unsafe { f() } }", true),
        ("// unsafe\nfn f() {}", false),
        ("/* unsafe /* nested */ unsafe */ fn f() {}", false),
        (r#"const A: &str = "unsafe \" unsafe";"#, false),
        (r##"const A: &str = r#"unsafe " unsafe"#;"##, false),
        (r#"const A: char = '"'; unsafe {}"#, true),
        (r"const A: char = '\''; unsafe {}", true),
        ("const A: char = 'é'; unsafe {}", true),
        ("fn f<'a>(x: &'a str) -> &'a str { unsafe { x } }", true),
        ("#![deny(unsafe_code)]", false),
        ("let r#unsafe_name = 1;", false),
    ];
    for (text, expected) in cases {
        let source = RustSource::new(PathBuf::from("case.rs"), text.to_owned());
        assert_eq!(source.has_word("unsafe"), expected, "{text}");
    }
}

#[test]
fn functions_are_measured_from_name_to_brace() {
    let text = "trait T { fn declared(a: [u8; 4]); }\nfn one() {}\nfn three(f: fn(u8)) {\n  if a { b }\n}\n";
    let source = RustSource::new(PathBuf::from("case.rs"), text.to_owned());
    let found: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(found, [("one".to_owned(), 2, 1), ("three".to_owned(), 3, 3)]);
}
