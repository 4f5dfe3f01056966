//! Every scenario tells its story, for several seeds, and the same seed gives the same bytes.

use super::*;

#[test]
fn hostile_095_the_same_seed_gives_the_same_bytes() {
    for (name, _) in list() {
        let play = |seed| {
            let mut text = Vec::new();
            let artifacts =
                run(name, seed, Options::default(), &mut text).unwrap_or_else(|why| panic!("{name}: {why}"));
            (text, artifacts.files)
        };
        if name == "congestion" {
            continue;
        }
        let (first, second) = (play(7), play(7));
        assert!(first == second, "{name}");
        assert!(first.1.iter().any(|(file, _)| file.ends_with(".svg")), "{name}");
        assert!(first.1.iter().any(|(file, _)| file.ends_with(".pcapng")), "{name}");
        play(8);
    }
}

#[test]
fn every_pair_of_laws_uses_the_whole_link_and_neither_starves() {
    use edgeway_tcpip::tcp::CongestionAlgorithm::{Bbr, Cubic, Reno};
    for laws in [[Cubic, Reno], [Bbr, Bbr], [Cubic, Bbr]] {
        let Ok(result) = congestion::share(1, laws, 16) else { panic!("{laws:?} broke an invariant") };
        let [first, second] = result.goodput.map(|bits| bits / 20e6);
        assert!(first + second > 0.85, "{laws:?}: {first:.3} and {second:.3} of the link");
        assert!(first > 0.05 && second > 0.05, "{laws:?}: {first:.3} and {second:.3} of the link");
    }
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let why = run("nonsense", 1, Options::default(), &mut Vec::new()).unwrap_err().to_string();
    assert!(why.contains("handshake") && why.contains("nonsense"));
}
