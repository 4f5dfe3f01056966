//! Structured fields both ways. `crates/http/tests/structured_fields.rs` runs the public vectors.

use super::*;

fn item(text: &str) -> Option<BareItem> {
    parse_item([text.as_bytes()]).ok().map(|item| item.value)
}

#[test]
fn bare_items_by_example_of_rfc_9651_section_3_3() {
    for (text, value) in [
        ("42", BareItem::Integer(42)),
        ("-0", BareItem::Integer(0)),
        ("999999999999999", BareItem::Integer(999_999_999_999_999)),
        ("4.5", BareItem::Decimal(Decimal { thousandths: 4500 })),
        ("-0.05", BareItem::Decimal(Decimal { thousandths: -50 })),
        ("\"hello \\\"world\\\"\"", BareItem::String("hello \"world\"".to_owned())),
        ("foo123/456", BareItem::Token("foo123/456".to_owned())),
        (
            ":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:",
            BareItem::Bytes(b"pretend this is binary content.".to_vec()),
        ),
        ("?1", BareItem::Boolean(true)),
        ("@1659578233", BareItem::Date(1_659_578_233)),
        (
            "%\"This is intended for display to %c3%bcsers.\"",
            BareItem::DisplayString("This is intended for display to \u{fc}sers.".to_owned()),
        ),
    ] {
        assert_eq!(item(text), Some(value), "{text}");
    }
}

#[test]
fn what_is_not_in_the_grammar_fails_whole() {
    for wrong in [
        "",
        "1000000000000000",
        "1.",
        "1.0000",
        "1234567890123.0",
        "--1",
        "\"a",
        "\"a\\b\"",
        "\"\u{e9}\"",
        ":_-:",
        ":YQ",
        "?2",
        "@1.0",
        "%\"%C3%BC\"",
        "%\"%c3\"",
        "a b",
        "1 2",
        "1;",
        "1;A=1",
        "(",
        "'a'",
        "\t1",
    ] {
        assert_eq!(item(wrong), None, "{wrong}");
    }
    for wrong in ["1,", ",1", "(1 2", "(1,2)", "(1\t2)", "1 2", "a;b;"] {
        assert!(parse_list([wrong.as_bytes()]).is_err(), "{wrong}");
    }
}

#[test]
fn lists_and_dictionaries_go_both_ways() {
    for (text, canonical) in [
        ("sugar, tea,rum", "sugar, tea, rum"),
        ("(\"foo\" \"bar\");a=1, (), ( x;y )", "(\"foo\" \"bar\");a, (), (x;y)"),
        ("1.100;q=0.5;r=?1", "1.1;q=0.5;r"),
    ] {
        let list = parse_list([text.as_bytes()]).unwrap();
        let expected = canonical.replacen(";a,", ";a=1,", 1);
        assert_eq!(serialise_list(&list).unwrap(), expected, "{text}");
    }
    let dictionary = parse_dictionary([&b"u=2, i;x"[..], b"a=(1 2), u=1"]).unwrap();
    assert_eq!(serialise_dictionary(&dictionary).unwrap(), "u=1, i;x, a=(1 2)");
    assert_eq!(dictionary.get("u").and_then(Member::as_item).and_then(|item| item.value.as_integer()), Some(1));
    assert!(parse_dictionary([]).unwrap().is_empty());
}

#[test]
fn bounds_hold() {
    let many = |count: usize| vec!["1"; count].join(",");
    assert!(parse_list([many(1024).as_bytes()]).is_ok());
    assert!(parse_list([many(1025).as_bytes()]).is_err());
    let parameters: String = (0..257).map(|index| format!(";a{index}")).collect();
    assert!(parse_item([format!("1{parameters}").as_bytes()]).is_err());
}

#[test]
fn values_without_a_form_are_refused() {
    for value in [
        BareItem::Integer(1_000_000_000_000_000),
        BareItem::Decimal(Decimal { thousandths: 1_000_000_000_000_000 }),
        BareItem::String("\u{e9}".to_owned()),
        BareItem::Token("1a".to_owned()),
        BareItem::Token(String::new()),
        BareItem::Date(i64::MIN),
    ] {
        assert_eq!(serialise_item(&value.into()), Err(Unserialisable));
    }
    let dictionary: Dictionary = [("Upper", Member::from(BareItem::Integer(1)))].into_iter().collect();
    assert_eq!(serialise_dictionary(&dictionary), Err(Unserialisable));
}
