//! A process that is killed while it stores: what is there afterwards is one of the versions, whole.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use edgeway_base::{Entropy as _, SeededEntropy};

use super::*;
use crate::stages::files::scratch::Scratch;
use crate::stages::scene::Scene;

/// Tells the copy of this test which folder to write to.
const FOLDER: &str = "EDGEWAY_TEST_CRASH_FOLDER";

/// Every version is one letter, so often: a mixture or a short one shows.
const LENGTH: usize = 100_000;

fn store_for_ever(folder: &str) -> ! {
    let shared = Shared::open(Settings::new(folder), &mut SeededEntropy::new(1)).expect("the folder takes files");
    let (store, scene) = (Store::new(shared), Scene::new());
    for letter in (b'a'..=b'z').cycle() {
        let seen = scene.send(&store, "PUT /file", &[], Bytes::from(vec![letter; LENGTH]));
        println!("stored: {}", seen.status);
    }
    unreachable!("the letters go round")
}

#[test]
fn hostile_081_killed_while_storing() {
    if let Ok(folder) = std::env::var(FOLDER) {
        store_for_ever(&folder);
    }
    let place = Scratch::new("crash");
    let file = place.path().join("file");
    let mut chance = SeededEntropy::new(81);
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().expect("this test's own file"))
            .args(["--exact", "stages::store::crash::hostile_081_killed_while_storing", "--nocapture"])
            .env(FOLDER, place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a copy of this test");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains("stored: 20"))), "the copy begins");
        // Some looks later, at a moment nobody chose.
        for _ in 0..chance.below(40) {
            let content = std::fs::read(&file).expect("the first version is there");
            assert!(is_one_version(&content), "round {round}: a mixture is visible");
        }
        child.kill().expect("it runs still");
        child.wait().expect("it was ours");
        let content = std::fs::read(&file).expect("some version is there");
        assert!(is_one_version(&content), "round {round}: not one whole version");
    }
}

fn is_one_version(content: &[u8]) -> bool {
    content.len() == LENGTH && content.iter().all(|byte| *byte == content[0])
}
