//! Holding what happened against what a scenario expects.

use std::sync::Arc;

use anyhow::Result;

use crate::domain::case::Stage as CaseStage;
use crate::domain::ids::MessageId;
use crate::domain::message::{Author, Delivery, Message};
use crate::domain::time::Instant;
use crate::engine::why::{Run, Why};
use crate::turn::records::Notice;

use super::scenario::{Expectation, Step};
use super::stage::{Events, NOTICES, Stage};
use super::transcript;

/// What is wrong with a step.
#[derive(Debug)]
pub struct Wrong {
    /// In words.
    pub words: String,
    /// What was expected, as a line of the transcript.
    pub expected: Option<String>,
    /// The message in whose place that was expected, or that was not expected at all.
    pub instead: Option<MessageId>,
}

impl Wrong {
    /// Something that no single message shows.
    pub fn that(words: String) -> Self {
        let expected = words.strip_prefix("expected ").and_then(|rest| rest.lines().next());
        Self { expected: expected.map(|rest| rest.split("; ").next().unwrap_or(rest).to_owned()), words, instead: None }
    }
}

/// Checks one step. Gives what is wrong, if something is.
///
/// # Errors
/// When the store cannot be read.
pub fn check(stage: &Stage, step: &Step, events: &Events) -> Result<Option<Wrong>> {
    if let Some(wrong) = check_sent(stage, step, events) {
        return Ok(Some(wrong));
    }
    for expected in &step.expect {
        if let Some(words) = check_one(stage, expected, events)? {
            return Ok(Some(Wrong::that(words)));
        }
    }
    Ok(check_values(step, events).map(Wrong::that))
}

/// A template that lacks a value is a mistake in the plugin, whatever it made of the refusal.
fn check_values(step: &Step, events: &Events) -> Option<String> {
    if step.expect.iter().any(|expected| expected.refused.is_some()) {
        return None;
    }
    let runs = events.whys.iter().flat_map(|why| &why.runs);
    let (plugin, words) = runs.into_iter().find_map(|run| {
        let found = transcript::refusals(run).into_iter().find(|(_, code, _)| code == "missing-value");
        found.map(|(_, _, words)| (run.plugin.clone(), words))
    })?;
    Some(format!(
        "{plugin} sent no message: {words}; give it where the plugin sends, or take it out of the text (`refused` expects it)"
    ))
}

/// Every message that went out has to be expected, in order, and every expected one has to go out.
fn check_sent(stage: &Stage, step: &Step, events: &Events) -> Option<Wrong> {
    let mut sent: Vec<&Arc<Message>> = events
        .messages
        .iter()
        .filter(|message| message.author != Author::Customer && matches!(message.delivery, Delivery::Sent { .. }))
        .collect();
    sent.sort_by_key(|message| match message.delivery {
        Delivery::Sent { at } => at,
        _ => Instant(0),
    });
    let mut sent = sent.into_iter();
    let wanted =
        step.expect.iter().filter(|one| one.message.is_some() && one.state.as_deref().unwrap_or("sent") == "sent");
    for expected in wanted {
        let text = expected.message.as_deref().unwrap_or_default();
        let Some(message) = sent.next() else {
            return Some(Wrong::that(format!(
                "expected a message with \"{text}\", but no further one went out{}",
                what_else(events)
            )));
        };
        if let Some(wrong) = differs(stage, expected, text, message) {
            return Some(Wrong {
                words: format!("expected {wrong}\n    but what went out is: {}", show(stage, message)),
                expected: Some(wrong),
                instead: Some(message.id),
            });
        }
    }
    sent.next().map(|message| Wrong {
        words: format!("a message went out that was not expected: {}", show(stage, message)),
        expected: None,
        instead: Some(message.id),
    })
}

/// What may be the reason that nothing went out: a plugin failed, or was refused something.
fn what_else(events: &Events) -> String {
    let mut words = String::new();
    for run in events.whys.iter().flat_map(|why| &why.runs) {
        for (call, _, refusal) in transcript::refusals(run) {
            words.push_str(&format!("\n    {} was refused {call}: {refusal}", run.plugin));
        }
        if run.failed {
            words.push_str(&format!("\n    {} failed: {}", run.plugin, run.outcome.lines().next().unwrap_or_default()));
        }
    }
    words
}

fn show(stage: &Stage, message: &Message) -> String {
    let (from, to) = (message.author.word(), stage.alias(message.customer));
    let template = message.origin.as_ref().and_then(|origin| origin.template.as_deref()).unwrap_or("no template");
    // The lines of a message stay within what is told of it.
    let text = message.text.replace("\n\n", "\n").replace('\n', "\n      ");
    format!("{from} to {to} by {} ({template}): {text}", message.channel)
}

/// How a message differs from an expectation.
fn differs(stage: &Stage, expected: &Expectation, text: &str, message: &Message) -> Option<String> {
    let origin = message.origin.as_ref();
    let template = origin.and_then(|origin| origin.template.as_deref()).unwrap_or("");
    let purpose = origin.map_or("", |origin| origin.purpose.word());
    let tone = origin.map(|origin| origin.tone).unwrap_or_default().word();
    let pairs = [
        ("tone", expected.tone.as_deref(), tone),
        ("to", expected.to.as_deref(), stage.alias(message.customer)),
        ("channel", expected.channel.as_deref(), message.channel.as_str()),
        ("template", expected.template.as_deref(), template),
        ("author", expected.author.as_deref(), message.author.word()),
        ("purpose", expected.purpose.as_deref(), purpose),
    ];
    if !message.text.contains(text) {
        return Some(format!("a message with \"{text}\""));
    }
    if let Some(lacks) = expected.lacks.as_ref().filter(|lacks| message.text.contains(lacks.as_str())) {
        return Some(format!("a message without \"{lacks}\""));
    }
    let wrong = pairs.into_iter().find(|(_, wanted, is)| wanted.is_some_and(|wanted| wanted != *is))?;
    Some(format!("{} \"{}\", not \"{}\"", wrong.0, wrong.1.unwrap_or_default(), wrong.2))
}

fn check_one(stage: &Stage, expected: &Expectation, events: &Events) -> Result<Option<String>> {
    let query = stage.engine.query(stage.business);
    let whose = |named: &Option<String>| -> Result<_> {
        let alias = named.clone().or_else(|| stage.customers.keys().next().cloned()).unwrap_or_default();
        Ok((query.records(stage.customer(&alias)?)?, alias))
    };
    if let (Some(text), Some(state)) = (&expected.message, expected.state.as_deref().filter(|state| *state != "sent")) {
        let found = events
            .messages
            .iter()
            .any(|one| one.delivery.word() == state && differs(stage, expected, text, one).is_none());
        return Ok((!found).then(|| format!("expected a message with \"{text}\" to be {state}; none is")));
    }
    if let Some(text) = &expected.withheld {
        let found = events.messages.iter().any(|one| match &one.delivery {
            Delivery::Withheld { code, .. } => {
                differs(stage, expected, text, one).is_none()
                    && expected.code.as_ref().is_none_or(|wanted| wanted == code)
            }
            _ => false,
        });
        let code = expected.code.as_deref().unwrap_or("any rule");
        return Ok((!found).then(|| format!("expected a message with \"{text}\" to be withheld by {code}; none was")));
    }
    if let Some(wanted) = &expected.case {
        let (records, alias) = whose(&expected.customer.clone().or_else(|| expected.to.clone()))?;
        let case = records.last_case()?;
        let is = match case.as_ref().map(|case| &case.stage) {
            None => "none",
            Some(CaseStage::Waiting) => "waiting",
            Some(CaseStage::Taken { .. }) => "taken",
            Some(CaseStage::Resolved { .. }) => "resolved",
        };
        if is != wanted {
            return Ok(Some(format!("expected {alias}'s case to be {wanted}; it is {is}")));
        }
        let Some(case) = case else { return Ok(None) };
        if let Some(urgency) = expected.urgency.as_ref().filter(|urgency| **urgency != case.urgency.word()) {
            return Ok(Some(format!("expected the case's urgency to be {urgency}; it is {}", case.urgency.word())));
        }
        for (what, part, whole) in
            [("reason", &expected.reason, &case.reason), ("summary", &expected.summary, &case.summary)]
        {
            if let Some(part) = part.as_ref().filter(|part| !whole.contains(part.as_str())) {
                return Ok(Some(format!("expected \"{part}\" in the case's {what}; it is \"{whole}\"")));
            }
        }
    }
    if let Some(id) = &expected.appointment {
        for customer in stage.customers.values() {
            if let Some(found) = query.records(*customer)?.appointments()?.into_iter().find(|one| one.id == *id) {
                let is = found.answer.word();
                let wrong = expected.answer.as_ref().filter(|wanted| *wanted != is);
                return Ok(wrong.map(|wanted| format!("expected the answer {wanted} to appointment {id}; it is {is}")));
            }
        }
        return Ok(Some(format!("there is no appointment {id}")));
    }
    if let Some(part) = &expected.notice {
        let notices = query.notices(None, NOTICES)?;
        // With examples it may be one of before: how many it shows changes later.
        let is_meant = |notice: &Notice| expected.examples.is_some() || !events.earlier_notices.contains(&notice.id);
        let mut meant = notices.iter().map(|(_, notice)| notice).filter(|notice| is_meant(notice));
        let found = meant.find(|notice| notice.title.contains(part) || notice.text.contains(part));
        let Some(notice) = found else {
            return Ok(Some(format!("expected a notice to staff with \"{part}\"; there is none")));
        };
        let shown = query.examples(&notice.examples)?.len();
        let wrong = expected.examples.filter(|wanted| *wanted != shown);
        return Ok(wrong.map(|wanted| format!("expected {wanted} examples with the notice; there are {shown}")));
    }
    if let Some(count) = expected.notices {
        let is = query
            .notices(None, NOTICES)?
            .iter()
            .filter(|(_, notice)| !events.earlier_notices.contains(&notice.id))
            .count();
        return Ok((is != count).then(|| format!("expected {count} notices to staff; there are {is}")));
    }
    if let Some(part) = &expected.errand {
        let found = events.errands.iter().any(|one| one.contains(part.as_str()));
        let went = if events.errands.is_empty() { "nothing did".to_owned() } else { events.errands.join("; ") };
        return Ok((!found).then(|| format!("expected \"{part}\" to go to staff or a calendar; {went}")));
    }
    if let Some(count) = expected.timers {
        let (records, alias) = whose(&expected.customer)?;
        let is = records.timers()?.len();
        return Ok((is != count).then(|| format!("expected {count} timers for {alias}; there are {is}")));
    }
    if let Some(part) = &expected.failure {
        let mut runs = events.whys.iter().flat_map(|why| &why.runs);
        let found = runs.any(|run| run.failed && (run.outcome.contains(part) || run.log.contains(part)));
        return Ok((!found).then(|| format!("expected a plugin to fail with \"{part}\"; none did")));
    }
    if let Some(part) = &expected.noted {
        let found = events.whys.iter().flat_map(|why| &why.host).any(|words| words.contains(part.as_str()));
        return Ok((!found).then(|| format!("expected the host to note \"{part}\"; it did not")));
    }
    if let Some(part) = &expected.why {
        let found = events.whys.iter().any(|why| in_why(why, part));
        return Ok((!found).then(|| format!("expected \"{part}\" in a record of why; it is in none")));
    }
    if let Some(word) = &expected.ran {
        let found = events.whys.iter().flat_map(|why| &why.runs).any(|run| run.export.word() == word);
        return Ok((!found).then(|| format!("expected a plugin to run {word}; none did")));
    }
    if let Some(part) = &expected.refused {
        let mut refusals = events.whys.iter().flat_map(|why| &why.runs).flat_map(transcript::refusals);
        let found = refusals.any(|(_, code, words)| code == *part || words.contains(part.as_str()));
        return Ok((!found).then(|| format!("expected a call to be refused with \"{part}\"; none was")));
    }
    if let Some(key) = expected.keeps.as_ref().or(expected.forgot.as_ref()) {
        let (records, alias) = whose(&expected.customer)?;
        let is = records.state(&stage.tested, key)?;
        let (plugin, wanted) = (&stage.tested, expected.value.as_ref());
        return Ok(match (is, expected.keeps.is_some()) {
            (Some(is), false) => Some(format!("expected {plugin} to keep no `{key}` for {alias}; it keeps \"{is}\"")),
            (None, true) => Some(format!("expected {plugin} to keep `{key}` for {alias}; it keeps none")),
            (Some(is), true) => wanted
                .filter(|wanted| **wanted != is)
                .map(|wanted| format!("expected {plugin} to keep `{key}` = \"{wanted}\" for {alias}; it is \"{is}\"")),
            (None, false) => None,
        });
    }
    if let Some(fact) = &expected.fact {
        let (records, alias) = whose(&expected.customer)?;
        let is = records.customer()?.and_then(|customer| customer.facts.get(fact).cloned());
        let Some(is) = is else {
            return Ok(Some(format!("expected the fact `{fact}` about {alias}; it is not noted")));
        };
        let wrong = expected.value.as_ref().filter(|wanted| **wanted != is);
        return Ok(wrong.map(|wanted| format!("expected the fact `{fact}` = \"{wanted}\" of {alias}; it is \"{is}\"")));
    }
    if let Some(alias) = &expected.passed {
        stage.customer(alias)?;
        let answered = events.whys.iter().flat_map(|why| &why.runs).find(|run| run.outcome == "answered");
        return Ok(answered.map(|run| format!("expected no plugin to answer {alias}; {} did", run.plugin)));
    }
    Ok(None)
}

/// Whether words stand in a record of why.
fn in_why(why: &Why, part: &str) -> bool {
    let in_run = |run: &Run| {
        run.outcome.contains(part) || run.log.contains(part) || run.calls.iter().any(|call| call.get().contains(part))
    };
    why.what.contains(part)
        || why.host.iter().any(|words| words.contains(part))
        || why.decisions.iter().any(|one| one.rule.code() == part || one.rule.sentence().contains(part))
        || why.refused.iter().any(|(code, words)| code == part || words.contains(part))
        || why.runs.iter().any(in_run)
}
