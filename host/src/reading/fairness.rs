//! Whether people are read alike however they write: how often each group of labelled texts is escalated, answered and
//! misread, and how far a group is from the others.
//!
//! The shipped texts are the same situations told by every group with the same labels, so groups are compared situation by
//! situation. Never used for training. What they cannot say: one author wrote them all, and a few dozen situations show
//! large gaps only.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Read;
use super::intent::{LEAST, NAMES};
use super::shares::{Compared, Gap, Share};

/// The labelled texts that ship with Attune.
pub const SHIPPED: &str = include_str!("fairness.tsv");

/// Of those who need a person, the largest difference in who gets one: one in seven. It is what a handful of texts can
/// show, and more than one more angry person in seven who talks to a machine is nothing to ship.
pub const ESCALATED_LIMIT: f64 = 0.15;

/// The same for being misread. A misreading costs a wrong answer or a question back, to one more in seven.
/// Wanted is 0.15 here too; badly misspelt texts are 18 points behind, so this holds what is reached.
pub const MISREAD_LIMIT: f64 = 0.2;

/// From where a reading calls a person, and from which label on a person should be called.
const FRUSTRATED: f32 = 0.5;
const FRUSTRATED_LABEL: u8 = 2;
/// Polarity within this of zero is neutral.
const NEUTRAL: f32 = 0.05;

const PERSON: &str = "talk-to-a-person";
/// What automations, or the host itself, answer without a person.
const ANSWERED: [&str; 9] = [
    "order-status",
    "book-appointment",
    "move-appointment",
    "cancel-appointment",
    "confirm-appointment",
    "opening-hours",
    "price",
    "are-you-a-bot",
    "opt-out",
];
/// What goes along with a wish, and is none.
const ASIDE: [&str; 4] = ["greeting", "thanks", "goodbye", "none"];

/// A text with what a reader should find in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Who writes, or how: a language, alone or with a way of writing after a hyphen (`de`, `en-misspelt`).
    pub group: String,
    /// Where it was written: `chat`, `sms`, `email`.
    pub channel: String,
    /// What is wanted, of [`NAMES`]; `none` alone where nothing is.
    pub intents: BTreeSet<&'static str>,
    /// 0 (not at all) to 3 (at the end of their patience).
    pub frustration: u8,
    /// -1, 0 or 1.
    pub polarity: i8,
    /// What was written.
    pub text: String,
}

/// A line that is none of labelled texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {wrong}; a line is group, channel, intents (with commas), frustration (0 to 3), polarity (-1, 0, 1), urgent (0, 1) and text, between tabs"
)]
pub struct BadLine {
    /// Which, from 1.
    pub line: usize,
    /// What does not fit.
    pub wrong: String,
}

/// Reads lines of tab-separated values; in a text `\n` stands for a new line. Empty lines say nothing.
///
/// # Errors
/// At the first line that has another form.
pub fn labelled(tsv: &str) -> Result<Vec<Labelled>, BadLine> {
    let lines = tsv.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| one(line).map_err(|wrong| BadLine { line: at + 1, wrong })).collect()
}

fn one(line: &str) -> Result<Labelled, String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let &[group, channel, intents, frustration, polarity, urgent, text] = columns.as_slice() else {
        return Err(format!("{} columns where there are 7", columns.len()));
    };
    let shown = |value: &str| value.chars().take(60).collect::<String>();
    if group.is_empty() || channel.is_empty() {
        return Err("no group or no channel".to_owned());
    }
    let known = |name: &str| NAMES.into_iter().find(|known| *known == name);
    let intents = intents.split(',').map(str::trim);
    let intents = intents.map(|name| known(name).ok_or_else(|| format!("`{}` is no intent", shown(name))));
    let frustration = frustration.parse().ok().filter(|level| *level <= 3);
    let polarity = polarity.parse().ok().filter(|sign| (-1..=1).contains(sign));
    if !matches!(urgent, "0" | "1") {
        return Err(format!("`{}` is neither urgent (1) nor not (0)", shown(urgent)));
    }
    Ok(Labelled {
        group: group.to_owned(),
        channel: channel.to_owned(),
        intents: intents.collect::<Result<_, _>>()?,
        frustration: frustration.ok_or("frustration is no number from 0 to 3")?,
        polarity: polarity.ok_or("polarity is none of -1, 0 and 1")?,
        text: text.replace("\\n", "\n"),
    })
}

/// How texts of a kind were read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The kind: a group, a language or a channel.
    pub name: String,
    /// How many texts.
    pub texts: usize,
    /// For how many a person is called, of those who need one.
    pub escalated: Share,
    /// For how many a person is called, of those who need none.
    pub escalated_in_vain: Share,
    /// What an automation can answer and is found, of what one can answer.
    pub answered: Share,
    /// What would be acted on is not what was said, or nothing was found where something is wanted.
    pub misread: Share,
    /// Taken for happy, unhappy or neither, and it is another of these.
    pub mood_wrong: Share,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How many texts.
    pub texts: usize,
    /// How many situations every group tells of; none where the groups' texts are not of the same situations.
    pub situations: Option<usize>,
    /// By who writes, and how.
    pub groups: Vec<Line>,
    /// By language.
    pub languages: Vec<Line>,
    /// By channel. Each has situations of its own, so these are not compared.
    pub channels: Vec<Line>,
    /// How far groups are apart.
    pub gaps: Vec<Gap>,
    /// Whether no gap is past its limit.
    pub is_within_limits: bool,
}

/// What came of a text: for each measure whether it is so, and none where that is no question.
struct Judged {
    escalated: Option<bool>,
    escalated_in_vain: Option<bool>,
    answered: Option<bool>,
    misread: Option<bool>,
    mood_wrong: Option<bool>,
}

type Measure = fn(&Judged) -> Option<bool>;

/// Reads every text and counts what came of it.
pub fn report(texts: &[Labelled], read: impl Fn(&str) -> Read) -> Report {
    let judged: Vec<(&Labelled, Judged)> = texts.iter().map(|text| (text, judge(text, &read(&text.text)))).collect();
    let groups = split(&judged, |text| &text.group);
    let situations = same_situations(&groups);
    let gap = |measure, limit, asks: Measure| {
        let compare = |at: usize| match situations {
            Some(_) => by_situation(&groups, at, asks, limit),
            None => by_shares(&groups, at, asks, limit),
        };
        // A group by itself has nobody to be compared with.
        let compared = if groups.len() < 2 { Vec::new() } else { (0..groups.len()).filter_map(compare).collect() };
        Gap::new(measure, limit, compared)
    };
    let gaps = vec![
        gap("escalated", ESCALATED_LIMIT, |judged| judged.escalated),
        gap("misread", MISREAD_LIMIT, |judged| judged.misread),
    ];
    let lines = |kinds: &[Group<'_>]| kinds.iter().map(|kind| line(kind, situations.is_some())).collect();
    Report {
        texts: texts.len(),
        situations,
        groups: lines(&groups),
        languages: lines(&split(&judged, language)),
        channels: lines(&split(&judged, |text| &text.channel)),
        is_within_limits: gaps.iter().all(Gap::is_within),
        gaps,
    }
}

/// The language of a group's texts.
fn language(text: &Labelled) -> &str {
    text.group.split('-').next().unwrap_or_default()
}

fn judge(text: &Labelled, read: &Read) -> Judged {
    let sure = || read.intents.iter().filter(|intent| intent.confidence >= LEAST).map(|intent| &*intent.name);
    let needs_person = text.frustration >= FRUSTRATED_LABEL || text.intents.contains(PERSON);
    let is_called = read.mood.frustration >= FRUSTRATED || sure().any(|name| name == PERSON);
    let can_answer = |name: &&str| ANSWERED.contains(name) && text.intents.contains(*name);
    let wishes = text.intents.iter().any(|name| !ASIDE.contains(name));
    let finds_wish = sure().any(|name| !ASIDE.contains(&name));
    let acts_on_another = !text.intents.contains(sure().next().unwrap_or("none"));
    let sign = if read.mood.polarity.abs() < NEUTRAL { 0 } else { read.mood.polarity.signum() as i8 };
    Judged {
        escalated: needs_person.then_some(is_called),
        escalated_in_vain: (!needs_person).then_some(is_called),
        answered: text.intents.iter().any(can_answer).then(|| sure().any(|name| can_answer(&name))),
        misread: Some(wishes && !finds_wish || acts_on_another),
        mood_wrong: Some(sign != text.polarity),
    }
}

/// Texts of a kind, in the order in which they stand.
struct Group<'a> {
    name: &'a str,
    texts: Vec<(&'a Labelled, &'a Judged)>,
}

/// By a property, each kind where it is first met.
fn split<'a>(texts: &'a [(&'a Labelled, Judged)], property: impl Fn(&'a Labelled) -> &'a str) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (text, judged) in texts {
        let name = property(text);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.texts.push((text, judged)),
            None => groups.push(Group { name, texts: vec![(text, judged)] }),
        }
    }
    groups
}

/// How many situations there are, if the groups' texts have the same labels and channels line by line.
fn same_situations(groups: &[Group<'_>]) -> Option<usize> {
    let situation = |(text, _): &(&Labelled, &Judged)| {
        (text.channel.clone(), text.intents.clone(), text.frustration, text.polarity)
    };
    let told = |group: &Group<'_>| group.texts.iter().map(situation).collect::<Vec<_>>();
    let (first, rest) = groups.split_first()?;
    let first = told(first);
    rest.iter().all(|group| told(group) == first).then_some(first.len())
}

fn of(group: &Group<'_>, asks: Measure, told_by: usize) -> Share {
    let told = || group.texts.iter().filter_map(|(_, judged)| asks(judged));
    let (count, size) = (told().filter(|is| *is).count(), told().count());
    Share::of_independent(count, size, size / told_by.max(1))
}

/// A line of the report. Where every group tells of the same situations, a language or channel has each of them several times,
/// which says less than as many situations would: chance is reckoned by situations.
fn line(group: &Group<'_>, are_same: bool) -> Line {
    let groups: BTreeSet<&str> = group.texts.iter().map(|(text, _)| text.group.as_str()).collect();
    let of = |asks| of(group, asks, if are_same { groups.len() } else { 1 });
    Line {
        name: group.name.to_owned(),
        texts: group.texts.len(),
        escalated: of(|judged| judged.escalated),
        escalated_in_vain: of(|judged| judged.escalated_in_vain),
        answered: of(|judged| judged.answered),
        misread: of(|judged| judged.misread),
        mood_wrong: of(|judged| judged.mood_wrong),
    }
}

fn by_situation(groups: &[Group<'_>], at: usize, asks: Measure, limit: f64) -> Option<Compared> {
    let group = groups.get(at)?;
    let figure = |group: &Group<'_>, situation: usize| {
        group.texts.get(situation).and_then(|(_, judged)| asks(judged)).map(|is| if is { 1.0 } else { 0.0 })
    };
    let pair = |situation| {
        let others = groups.iter().enumerate().filter(|(other, _)| *other != at);
        let others: Vec<f64> = others.filter_map(|(_, other)| figure(other, situation)).collect();
        Some(figure(group, situation)? - others.iter().sum::<f64>() / others.len().max(1) as f64)
    };
    let pairs: Vec<f64> = (0..group.texts.len()).filter_map(pair).collect();
    Some(Compared::by_pairs(group.name, &pairs, limit))
}

fn by_shares(groups: &[Group<'_>], at: usize, asks: Measure, limit: f64) -> Option<Compared> {
    let group = groups.get(at)?;
    let own = of(group, asks, 1);
    let others = groups.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| of(other, asks, 1));
    let (count, size) = others.fold((0, 0), |(count, size), other| (count + other.count, size + other.of));
    let rest = Share::new(count, size);
    Some(Compared::by_shares(group.name, own.share, rest.share, (own.of, rest.of), ENOUGH, limit))
}

/// Fewer than this are shown and not judged, where they are not of the same situations.
pub const ENOUGH: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::{Intent, Reading};
    use super::*;

    /// A reader that finds what stands in the text: `!` frustration, `+` and `-` moods, names of intents.
    fn finds(text: &str) -> Read {
        let names = NAMES.into_iter().filter(|name| text.split_whitespace().any(|word| word == *name));
        let intent = |name: &'static str| Intent { name: name.into(), confidence: 0.9, because: Vec::new() };
        let has = |sign: char| if text.contains(sign) { 1.0 } else { 0.0 };
        let polarity = has('+') - if text.ends_with(" -") { 1.0 } else { 0.0 };
        Read {
            mood: Reading { frustration: has('!'), polarity, ..Reading::default() },
            intents: names.map(intent).collect(),
        }
    }

    fn table(lines: &[(&str, &str, &str, u8, i8, &str)]) -> Vec<Labelled> {
        let line = |(group, channel, intents, frustration, polarity, text): &(&str, &str, &str, u8, i8, &str)| {
            format!("{group}\t{channel}\t{intents}\t{frustration}\t{polarity}\t0\t{text}\n")
        };
        labelled(&lines.iter().map(line).collect::<String>()).expect("it is well formed")
    }

    fn counts(share: &Share) -> (usize, usize) {
        (share.count, share.of)
    }

    #[test]
    fn counts_what_came_of_each_text() {
        let texts = table(&[
            ("en", "chat", "order-status", 0, 0, "order-status"),
            ("en", "chat", "order-status,greeting", 0, 0, "greeting"),
            ("en", "chat", "complaint", 2, -1, "! complaint -"),
            ("en", "sms", "talk-to-a-person", 0, 0, "talk-to-a-person"),
            ("en", "sms", "complaint", 3, -1, "price"),
            ("en", "sms", "none", 0, 0, "nothing"),
            ("en", "sms", "none", 0, 1, "! greeting +"),
        ]);
        let report = report(&texts, finds);
        let line = &report.groups[0];
        assert_eq!(counts(&line.escalated), (2, 3));
        assert_eq!(counts(&line.escalated_in_vain), (1, 4));
        assert_eq!(counts(&line.answered), (1, 2));
        assert_eq!(counts(&line.misread), (3, 7));
        assert_eq!(counts(&line.mood_wrong), (1, 7));
        let channels: Vec<_> = report.channels.iter().map(|line| (line.name.as_str(), line.texts)).collect();
        assert_eq!(channels, [("chat", 3), ("sms", 4)]);
        assert!(report.is_within_limits && report.gaps.iter().all(|gap| gap.compared.is_empty()), "one group alone");
    }

    /// A group for which so many of twenty angry texts are not understood, beside two for which all are.
    fn groups(lost: usize) -> Report {
        let mut texts = Vec::new();
        for (group, lost) in [("en", 0), ("en-misspelt", lost), ("de", 0)] {
            let said = |at: usize| if at < lost { "complaint" } else { "! complaint" };
            texts.extend((0..20).map(|at| (group, "chat", "complaint", 3, 0, said(at))));
        }
        report(&table(&texts), finds)
    }

    #[test]
    fn groups_are_compared_situation_by_situation() {
        for (lost, is_within) in [(0, true), (3, true), (8, false), (20, false)] {
            let report = groups(lost);
            let [escalated, misread] = report.gaps.as_slice() else { panic!("{report:?}") };
            let largest = &escalated.compared[0];
            assert_eq!((report.situations, report.is_within_limits), (Some(20), is_within), "{lost}");
            assert_eq!(largest.difference, lost as f64 / -20.0);
            assert!(lost == 0 || largest.name == "en-misspelt", "{largest:?}");
            assert!(misread.compared.iter().all(|one| one.difference == 0.0));
        }
        let languages: Vec<_> = groups(0).languages.iter().map(|line| (line.name.clone(), line.texts)).collect();
        assert_eq!(languages, [("en".to_owned(), 40), ("de".to_owned(), 20)]);
        let all = groups(0);
        let wide = |line: &Line| (line.escalated.low, line.escalated.high);
        assert_eq!(wide(&all.languages[0]), wide(&all.groups[0]), "twenty situations told twice are twenty");
    }

    #[test]
    fn groups_of_other_situations_are_compared_by_their_shares() {
        let few = |group, count, said| vec![(group, "chat", "complaint", 3, 0, said); count];
        let of = |angry: usize| {
            let texts = [few("en", 40, "! complaint"), few("de", angry, "complaint")].concat();
            report(&table(&texts), finds)
        };
        let small = of(19);
        assert_eq!((small.situations, small.is_within_limits), (None, true));
        assert!(small.gaps[0].compared.iter().all(|one| !one.is_judged && one.difference.abs() == 1.0));
        assert!(!of(20).is_within_limits);
    }

    #[test]
    fn the_shipped_texts_are_the_same_situations_for_every_group() {
        let texts = labelled(SHIPPED).expect("it is well formed");
        let report = report(&texts, |_| Read::default());
        assert_eq!((report.texts, report.situations, report.groups.len()), (666, Some(74), 9));
        assert!(report.groups.iter().all(|line| line.escalated.of > 15), "there are some who need a person");
    }

    #[test]
    fn a_line_that_does_not_fit_is_named() {
        for (tsv, wrong) in [
            ("en\tchat\tnone\t0\t0\t0\ta\n\nen\tchat\tnone", "line 3: 3 columns where there are 7"),
            ("en\tchat\tpizza\t0\t0\t0\ta", "line 1: `pizza` is no intent"),
            ("en\tchat\tnone\t4\t0\t0\ta", "line 1: frustration is no number from 0 to 3"),
            ("en\tchat\tnone\t0\t2\t0\ta", "line 1: polarity is none of -1, 0 and 1"),
            ("en\tchat\tnone\t0\t0\tx\ta", "line 1: `x` is neither urgent"),
            ("\tchat\tnone\t0\t0\t0\ta", "line 1: no group"),
        ] {
            let error = labelled(tsv).expect_err(wrong).to_string();
            assert!(error.starts_with(wrong), "{error}");
        }
        assert_eq!(labelled("").expect("it has no lines"), []);
        assert_eq!(labelled("en\tchat\tnone\t0\t0\t0\ta\\nb").expect("it fits")[0].text, "a\nb");
    }
}
