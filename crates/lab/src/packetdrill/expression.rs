//! The Python of `%{ assert ... }%`, as far as scripts use it: names, numbers, `|`, `&`, `+`, `-`, comparisons,
//! `and`, `or`, `not`, brackets. Called by [`super::runner`].

/// Evaluates `text`; `names` gives the value of a name. `Err` says what was not understood.
pub fn evaluate(text: &str, names: &dyn Fn(&str) -> Option<i64>) -> Result<i64, String> {
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, at: 0, names };
    let value = reader.either()?;
    match reader.peek() {
        None => Ok(value),
        Some(token) => Err(format!("`{token}` is not understood")),
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut token = letter.to_string();
        if letter.is_whitespace() {
            continue;
        }
        if letter.is_alphanumeric() || letter == '_' {
            while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                token.push(next);
            }
        } else if "=!<>".contains(letter) {
            token.extend(letters.next_if(|next| *next == '='));
        }
        tokens.push(token);
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    names: &'a dyn Fn(&str) -> Option<i64>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn take(&mut self, wanted: &[&str]) -> Option<String> {
        let token = self.peek().filter(|token| wanted.contains(token))?.to_owned();
        self.at += 1;
        Some(token)
    }

    fn either(&mut self) -> Result<i64, String> {
        let mut value = self.both()?;
        while self.take(&["or"]).is_some() {
            let right = self.both()?;
            value = i64::from(value != 0 || right != 0);
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<i64, String> {
        let mut value = self.comparison()?;
        while self.take(&["and"]).is_some() {
            let right = self.comparison()?;
            value = i64::from(value != 0 && right != 0);
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<i64, String> {
        if self.take(&["not"]).is_some() {
            return Ok(i64::from(self.comparison()? == 0));
        }
        let left = self.sum()?;
        let Some(sign) = self.take(&["==", "!=", "<", "<=", ">", ">="]) else { return Ok(left) };
        let right = self.sum()?;
        Ok(i64::from(match sign.as_str() {
            "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            _ => left >= right,
        }))
    }

    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.single()?;
        while let Some(sign) = self.take(&["|", "&", "+", "-"]) {
            let right = self.single()?;
            value = match sign.as_str() {
                "|" => value | right,
                "&" => value & right,
                "+" => value + right,
                _ => value - right,
            };
        }
        Ok(value)
    }

    fn single(&mut self) -> Result<i64, String> {
        let token = self.peek().ok_or("the expression ends too early")?.to_owned();
        self.at += 1;
        if token == "(" {
            let value = self.either()?;
            return self.take(&[")"]).map(|_| value).ok_or_else(|| "`(` without `)`".to_owned());
        }
        token.parse().ok().or_else(|| (self.names)(&token)).ok_or_else(|| format!("`{token}` is not known"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let names = |name: &str| (name == "x").then_some(6);
        for (text, value) in
            [("x == (2 | 4)", 1), ("x & 2 == 2", 1), ("x != 6 or not x", 0), ("x >= 6 and x < 7", 1), ("x + 1 - 3", 4)]
        {
            assert_eq!(evaluate(text, &names), Ok(value), "{text}");
        }
        for wrong in ["y", "(x", "x x", ""] {
            assert!(evaluate(wrong, &names).is_err(), "{wrong}");
        }
    }
}
