//! `edgeway user`: the files of users that `auth` reads. Writing them is all that happens here; reading and
//! comparing is the stage `admit`'s.

mod file;
mod secret;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use edgeway_http::semantics::authentication::Algorithm;

use super::Failure;
use super::terminal::Terminal;
use file::UserFile;

/// Adds, removes and lists the users that `auth` lets in.
#[derive(Args, Debug)]
pub struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand, Debug)]
enum UserCommand {
    Add(AddArguments),
    Remove(RemoveArguments),
    List(ListArguments),
}

/// Adds a user, or gives one a new password. Asks for the password, without showing it.
#[derive(Args, Debug)]
struct AddArguments {
    /// The file of users; made when it does not exist.
    file: PathBuf,
    /// The name.
    name: String,
    /// For `scheme = "digest"`, with this realm: keeps what Digest needs instead of an argon2id hash.
    #[arg(long, value_name = "REALM", conflicts_with = "bcrypt")]
    digest: Option<String>,
    /// With --digest: also for clients that know only MD5.
    #[arg(long, requires = "digest")]
    md5: bool,
    /// A bcrypt hash instead of an argon2id one, for files that other servers read too.
    #[arg(long)]
    bcrypt: bool,
    /// Reads the password from standard input: for scripts.
    #[arg(long)]
    password_stdin: bool,
}

/// Removes a user.
#[derive(Args, Debug)]
struct RemoveArguments {
    /// The file of users.
    file: PathBuf,
    /// The name.
    name: String,
}

/// Lists the users of a file and how their passwords are kept.
#[derive(Args, Debug)]
struct ListArguments {
    /// The file of users.
    file: PathBuf,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub fn run(arguments: &UserArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    match &arguments.command {
        UserCommand::Add(arguments) => add(arguments, terminal),
        UserCommand::Remove(arguments) => remove(arguments, terminal),
        UserCommand::List(arguments) => list(arguments, terminal),
    }
}

fn add(arguments: &AddArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    check_name("name", &arguments.name)?;
    if let Some(realm) = &arguments.digest {
        check_name("realm", realm)?;
    }
    // The file is read first: whoever mistyped its name should not have to invent a password.
    let mut file = UserFile::read_or_new(&arguments.file)?;
    let password = if arguments.password_stdin {
        terminal.read_password()?
    } else {
        terminal.ask_new_password(&arguments.name)?
    };
    let lines = lines(arguments, &password)?;
    let known = file.set(lines);
    file.write()?;
    let done = if known { "has a new password in" } else { "added to" };
    terminal.note(&format!("{} {done} {}\n", arguments.name, arguments.file.display()));
    Ok(())
}

/// The lines of the file by which the user proves the password.
fn lines(arguments: &AddArguments, password: &str) -> Result<Vec<String>, Failure> {
    let name = &arguments.name;
    let Some(realm) = &arguments.digest else {
        let line = if arguments.bcrypt { secret::bcrypt(name, password) } else { secret::argon2id(name, password) };
        return Ok(vec![line?]);
    };
    let mut lines = vec![secret::digest(Algorithm::Sha256, name, realm, password)?];
    if arguments.md5 {
        lines.push(secret::digest(Algorithm::Md5, name, realm, password)?);
    }
    Ok(lines)
}

fn remove(arguments: &RemoveArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut file = UserFile::read(&arguments.file)?;
    if !file.remove(&arguments.name) {
        return Err(Failure::new(format!("there is no {} in {}", arguments.name, arguments.file.display())));
    }
    file.write()?;
    terminal.note(&format!("{} removed from {}\n", arguments.name, arguments.file.display()));
    Ok(())
}

fn list(arguments: &ListArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let file = UserFile::read(&arguments.file)?;
    if arguments.json {
        let users = file.users().map(|(name, kind)| serde_json::json!({"name": name, "kept_as": kind}));
        return terminal.print_json(&users.collect());
    }
    let width = file.users().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = file.users().map(|(name, kind)| format!("{name:width$}  {kind}\n"));
    terminal.print(&lines.collect::<String>())
}

/// RFC 7617 §2: a user-id with a colon or a control character cannot be sent.
fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.chars().any(|c| c == ':' || c == '"' || c.is_control()) {
        return Err(Failure::wrong_words(format!(
            "a {what} needs at least one character, and none of : \" or controls"
        )));
    }
    if name.starts_with('#') || name.trim() != name {
        return Err(Failure::wrong_words(format!("a {what} neither starts with # nor begins or ends with a space")));
    }
    Ok(())
}
