//! Documents do not lie: every `toml` block of the guide and the front pages is read and checked as the program would,
//! and so is every file in `examples/`, together with the files it names. Asked at the boundary: the program itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const EDGEWAY: &str = env!("CARGO_BIN_EXE_edgeway");

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn edgeway(words: &[&str]) -> Output {
    Command::new(EDGEWAY).args(words).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Files with an ending below a folder, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Documents that a reader may copy from.
fn documents() -> Vec<PathBuf> {
    let mut documents = files(&project().join("docs"), "md");
    let top = fs::read_dir(project()).expect("the project's folder");
    documents
        .extend(top.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")));
    documents
}

/// The `toml` blocks of a document, each with the line it starts in.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            None if line.trim_end() == "```toml" => open = Some((index + 2, String::new())),
            Some(_) if line.starts_with("```") => blocks.extend(open.take()),
            Some((_, block)) => block.extend([line, "\n"]),
            None => {}
        }
    }
    blocks
}

#[test]
fn every_block_of_toml_is_good() {
    let folder = std::env::temp_dir().join(format!("edgeway-documents-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder of our own");
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for (line, mut block) in blocks(&text) {
            // A block may show one section alone; a whole file has a site.
            if !block.contains("[site.") {
                block.push_str("[[site.\"example.com\".route]]\nfiles = \"public\"\n");
            }
            let file = folder.join("block.toml");
            fs::write(&file, &block).expect("a file of our own");
            let output = edgeway(&["check", "--text-only", file.to_str().expect("a path in UTF-8")]);
            // Not even a warning: what is shown should be exemplary.
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{}:{line}\n{}",
                document.display(),
                said(&output)
            );
            count += 1;
        }
    }
    fs::remove_dir_all(&folder).expect("our own folder");
    assert!(count > 20, "only {count} blocks were found: are they still marked as toml?");
}

#[test]
fn every_example_is_good() {
    let examples = files(&project().join("examples"), "toml");
    assert!(examples.len() >= 4, "{examples:?}");
    for example in examples {
        let output = edgeway(&["check", example.to_str().expect("a path in UTF-8")]);
        assert!(output.status.success() && output.stderr.is_empty(), "{}\n{}", example.display(), said(&output));
    }
}

/// Each example is started as its first lines say, but on ports of the system's choice, answers a request, and stops
/// when it is asked to.
#[test]
fn every_example_starts_answers_and_stops() {
    let state = std::env::temp_dir().join(format!("edgeway-examples-{}", std::process::id()));
    for example in files(&project().join("examples"), "toml") {
        let name = example.display();
        let mut server = Command::new(EDGEWAY)
            .arg("serve")
            .arg(&example)
            .args([
                "--http",
                "127.0.0.1:0",
                "--https",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--workers",
                "1",
                "--json",
            ])
            .args(["--log", "error"])
            .arg("--state")
            .arg(&state)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        // Held until the server ends: it may write its access log here.
        let mut output = BufReader::new(server.stdout.take().expect("a pipe of our own"));
        output.read_line(&mut line).expect("a line of JSON");
        let ready: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{name} does not start: {line}"));
        for what in ["http", "admin"] {
            let listening = ready["listening"].as_array().into_iter().flatten();
            let mut addresses = listening.filter(|one| one["what"] == what).filter_map(|one| one["address"].as_str());
            let address = addresses.next().unwrap_or_else(|| panic!("{name}: {what} is not listened on: {line}"));
            let answer = get(address);
            assert!(answer.starts_with("HTTP/1.1 "), "{name}: {what} answers {answer:?}");
        }
        let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw).expect("a process of ours");
        kill_process(pid, Signal::TERM).expect("our own process");
        assert!(server.wait().expect("our own process").success(), "{name} does not stop well");
    }
    fs::remove_dir_all(&state).expect("our own folder");
}

/// What is answered to `GET /`, up to the end of the connection.
fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Every `edgeway WORD` of a console block is a command there is.
#[test]
fn every_command_shown_exists() {
    let help = String::from_utf8_lossy(&edgeway(&["help"]).stdout).into_owned();
    let commands: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for line in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let Some((_, words)) = line.split_once("edgeway ").filter(|(before, _)| !before.contains("cargo")) else {
                continue;
            };
            let word = words.split_whitespace().next().unwrap_or_default();
            assert!(commands.contains(&word), "{}: there is no command {word}", document.display());
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let folder = document.parent().expect("a document is in a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path == "ARCHITECTURE.md" {
                continue;
            }
            assert!(folder.join(path).exists(), "{}: {target} leads nowhere", document.display());
        }
    }
}

#[test]
fn exit_codes_tell_failed_work_from_wrong_words() {
    for (words, code) in [
        (&["check", "/nonexistent.toml"][..], 1),
        (&["reload", "--state", "/nonexistent"], 1),
        (&["chekc"], 2),
        (&["user", "add", "file"], 2),
        (&["serve", ".", "--admin", ":7070"], 2),
        (&["serve", "/nonexistent"], 1),
        (&["version"], 0),
        (&["check", "--schema"], 0),
        (&["completions", "bash"], 0),
        (&["man"], 0),
        (&["--help"], 0),
    ] {
        let output = edgeway(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{}", said(&output));
    }
}
