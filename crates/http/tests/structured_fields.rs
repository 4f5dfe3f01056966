//! Runs the structured-field vectors of the HTTP working group (RFC 9651) from the folder that `EDGEWAY_VECTORS`
//! names: `structured-fields/*.json` inside it. Without the variable the test says so and runs nothing.

use std::fs;
use std::path::{Path, PathBuf};

use edgeway_http::semantics::structured::{
    BareItem, Decimal, InnerList, Item, Member, Parameters, parse_dictionary, parse_item, parse_list,
    serialise_dictionary, serialise_item, serialise_list,
};
use serde_json::Value;

#[test]
fn public_vectors() {
    let Some(folder) = std::env::var_os("EDGEWAY_VECTORS") else {
        eprintln!("skipped: EDGEWAY_VECTORS is not set, no structured-field vectors");
        return;
    };
    let folder = PathBuf::from(folder).join("structured-fields");
    let (mut passed, mut failed) = (0, Vec::new());
    for (file, serialising) in files(&folder, false)
        .into_iter()
        .chain(files(&folder.join("serialisation-tests"), true))
        .chain(files(&folder.join("serialisation"), true))
    {
        let text = fs::read_to_string(&file).expect("a readable vector file");
        let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
        for case in cases {
            let outcome = if serialising { check_writing(&case) } else { check_reading(&case) };
            match outcome {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{}: {}: {why}", file.display(), case["name"])),
            }
        }
    }
    eprintln!("structured fields: {passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed > 0, "no vectors in {}", folder.display());
}

fn files(folder: &Path, serialising: bool) -> Vec<(PathBuf, bool)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.into_iter().map(|file| (file, serialising)).collect()
}

/// What was read, as the vectors show it, and written again.
fn read(case: &Value) -> Result<(Value, String), String> {
    let lines: Vec<&[u8]> =
        case["raw"].as_array().ok_or("no raw lines")?.iter().filter_map(Value::as_str).map(str::as_bytes).collect();
    match case["header_type"].as_str() {
        Some("item") => {
            let item = parse_item(lines).map_err(|error| error.to_string())?;
            Ok((item_json(&item), serialise_item(&item).map_err(|error| error.to_string())?))
        }
        Some("list") => {
            let list = parse_list(lines).map_err(|error| error.to_string())?;
            let shown = Value::Array(list.iter().map(member_json).collect());
            Ok((shown, serialise_list(&list).map_err(|error| error.to_string())?))
        }
        _ => {
            let dictionary = parse_dictionary(lines).map_err(|error| error.to_string())?;
            let shown = dictionary.iter().map(|(key, member)| Value::Array(vec![key.into(), member_json(member)]));
            Ok((Value::Array(shown.collect()), serialise_dictionary(&dictionary).map_err(|error| error.to_string())?))
        }
    }
}

fn check_reading(case: &Value) -> Result<(), String> {
    let flag = |name: &str| case[name].as_bool().unwrap_or(false);
    let (found, written) = match read(case) {
        Err(_) if flag("must_fail") || flag("can_fail") => return Ok(()),
        Err(error) => return Err(error),
        Ok(_) if flag("must_fail") => return Err("read, but must fail".to_owned()),
        Ok(both) => both,
    };
    if !same(&found, &case["expected"]) {
        return Err(format!("read {found}, expected {}", case["expected"]));
    }
    let canonical = case.get("canonical").unwrap_or_else(|| &case["raw"]);
    let expected: Vec<&str> =
        canonical.as_array().ok_or("no canonical lines")?.iter().filter_map(Value::as_str).collect();
    let expected = expected.join(", ");
    if written == expected { Ok(()) } else { Err(format!("wrote {written}, expected {expected}")) }
}

fn check_writing(case: &Value) -> Result<(), String> {
    let must_fail = case["must_fail"].as_bool().unwrap_or(false);
    let Some(written) = write(case) else {
        return if must_fail { Ok(()) } else { Err("not written".to_owned()) };
    };
    if must_fail {
        return Err(format!("wrote {written}, but must fail"));
    }
    let expected = case["canonical"][0].as_str().unwrap_or_default();
    if written == expected { Ok(()) } else { Err(format!("wrote {written}, expected {expected}")) }
}

fn write(case: &Value) -> Option<String> {
    let expected = &case["expected"];
    match case["header_type"].as_str()? {
        "item" => serialise_item(&json_item(expected)?).ok(),
        "list" => serialise_list(&expected.as_array()?.iter().map(json_member).collect::<Option<Vec<_>>>()?).ok(),
        _ => {
            let pairs =
                expected.as_array()?.iter().map(|pair| Some((pair[0].as_str()?.to_owned(), json_member(&pair[1])?)));
            serialise_dictionary(&pairs.collect::<Option<Vec<_>>>()?.into_iter().collect()).ok()
        }
    }
}

fn member_json(member: &Member) -> Value {
    match member {
        Member::Item(item) => item_json(item),
        Member::InnerList(list) => {
            let items = list.items.iter().map(item_json).collect();
            Value::Array(vec![Value::Array(items), parameters_json(&list.parameters)])
        }
    }
}

fn item_json(item: &Item) -> Value {
    Value::Array(vec![bare_json(&item.value), parameters_json(&item.parameters)])
}

fn parameters_json(parameters: &Parameters) -> Value {
    Value::Array(parameters.iter().map(|(key, value)| Value::Array(vec![key.into(), bare_json(value)])).collect())
}

fn typed(name: &str, value: Value) -> Value {
    serde_json::json!({ "__type": name, "value": value })
}

fn bare_json(value: &BareItem) -> Value {
    match value {
        BareItem::Integer(number) => (*number).into(),
        BareItem::Decimal(number) => (number.thousandths as f64 / 1000.0).into(),
        BareItem::String(text) => text.as_str().into(),
        BareItem::Token(word) => typed("token", word.as_str().into()),
        BareItem::Bytes(bytes) => typed("binary", base32(bytes).into()),
        BareItem::Boolean(value) => (*value).into(),
        BareItem::Date(seconds) => typed("date", (*seconds).into()),
        BareItem::DisplayString(text) => typed("displaystring", text.as_str().into()),
    }
}

fn json_member(value: &Value) -> Option<Member> {
    let pair = value.as_array()?;
    if let Some(items) = pair[0].as_array() {
        let items = items.iter().map(json_item).collect::<Option<Vec<_>>>()?;
        return Some(Member::InnerList(InnerList { items, parameters: json_parameters(&pair[1])? }));
    }
    json_item(value).map(Member::Item)
}

fn json_item(value: &Value) -> Option<Item> {
    Some(Item { value: json_bare(&value[0])?, parameters: json_parameters(&value[1])? })
}

fn json_parameters(value: &Value) -> Option<Parameters> {
    value.as_array()?.iter().map(|pair| Some((pair[0].as_str()?.to_owned(), json_bare(&pair[1])?))).collect()
}

fn json_bare(value: &Value) -> Option<BareItem> {
    match value {
        Value::Bool(value) => Some(BareItem::Boolean(*value)),
        Value::String(text) => Some(BareItem::String(text.clone())),
        Value::Number(number) if number.is_i64() => Some(BareItem::Integer(number.as_i64()?)),
        // Half to even, as RFC 9651 §4.1.5 rounds a number that has more digits than the field.
        Value::Number(number) => {
            let thousandths = (number.as_f64()? * 1000.0).round_ties_even();
            Some(BareItem::Decimal(Decimal { thousandths: thousandths as i64 }))
        }
        Value::Object(object) => match object["__type"].as_str()? {
            "token" => Some(BareItem::Token(object["value"].as_str()?.to_owned())),
            "date" => Some(BareItem::Date(object["value"].as_i64()?)),
            "displaystring" => Some(BareItem::DisplayString(object["value"].as_str()?.to_owned())),
            _ => None,
        },
        _ => None,
    }
}

/// Numbers by value: a vector may say 1 where a decimal 1.0 was read, never the other kind of thing.
fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| same(found, expected))
        }
        (Value::Number(found), Value::Number(expected)) => found.as_f64() == expected.as_f64(),
        _ => found == expected,
    }
}

/// RFC 4648 §6, as the vectors show bytes.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0; 5];
        block[..chunk.len()].copy_from_slice(chunk);
        let number = block.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        for index in 0..8 {
            let used = index * 5 < chunk.len() * 8;
            let letter = LETTERS[(number >> (35 - index * 5) & 31) as usize];
            text.push(if used { char::from(letter) } else { '=' });
        }
    }
    text
}
