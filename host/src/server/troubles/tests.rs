//! Each trouble has words in each language.

use super::*;

#[test]
fn every_trouble_is_told_in_every_language_with_what_to_do() {
    use Reason::{
        BrokenOff, Busy, Conflict, ConnectorFailed, Malformed, Misfit, NoConnector, NoSecret, Off, Replayed, Stale,
        TooLarge, Unreadable, Unsigned, WrongSignature,
    };
    let reasons = [
        BrokenOff,
        Busy,
        Conflict,
        ConnectorFailed,
        Malformed,
        Misfit,
        NoConnector,
        NoSecret,
        Off,
        Replayed,
        Stale,
        TooLarge,
        Unreadable,
        Unsigned,
        WrongSignature,
    ];
    let (plugin, channel, reason, secret) = ("shopify", "sms", "no room", "signing");
    let mut all: Vec<What<'_>> = Vec::new();
    for count in [1, 7] {
        all.extend(reasons.map(|reason| What::Refused { plugin, reason, secret, count }));
        all.extend([
            What::Failed { channel, reason, count },
            What::Uncertain { channel, reason, count },
            What::Unserved { channel, count },
            What::GivenUp { plugin, reason, count },
        ]);
    }
    all.extend([
        What::Gone { plugin, reason },
        What::Stopped { plugin, reason },
        What::Unapproved { plugin, wants: "orders" },
        What::NoSecret { plugin, secret, verifies: true },
        What::NoSecret { plugin, secret, verifies: false },
        What::AllPaused { by: "Petra", reason },
    ]);
    let is_sentence = |words: &str| {
        let first = words.chars().next().unwrap();
        assert!((first.is_uppercase() || first.is_numeric() || first == '`') && words.ends_with('.'), "{words}");
        assert!(!words.ends_with("..") && !words.contains("  "), "{words}");
    };
    for what in all {
        let english = what.words(Language::English);
        for language in [Language::English, Language::German, Language::Spanish] {
            let (text, remedy) = what.words(language);
            is_sentence(&text);
            is_sentence(&remedy);
            let counted = !matches!(what, What::Refused { count: 7, .. } | What::Failed { count: 7, .. });
            assert!(counted || text.contains('7'), "{text}");
            assert!(language == Language::English || (text != english.0 && remedy != english.1), "{text}");
        }
    }
    let mut words: Vec<&str> = reasons.iter().map(|reason| reason.word()).collect();
    for (reason, word) in reasons.iter().zip(&words) {
        assert_eq!(serde_json::to_value(reason).unwrap(), *word, "what is logged is what the API says");
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), reasons.len());
}
