//! What changes from one version of a plugin to another, as its owner would want to know it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::plugin::{Export, Manifest, permission_sentence};
use crate::domain::tone::Tone;
use crate::sandbox::About;
use crate::turn::config::check_settings;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `+` for what is new, `-` for what is gone, `~` for what is otherwise.
    pub sign: char,
    /// Of what: `permission`, `function`, `subscription`, `setting`, `settings`, `template`, `tally`, `version`, `name`.
    pub of: &'static str,
    /// What, by name.
    pub name: String,
    /// In words.
    pub words: String,
    /// Whether the plugin does not run before its owner has agreed.
    pub needs_approval: bool,
}

fn change(sign: char, of: &'static str, name: &str, words: impl Into<String>) -> Change {
    Change { sign, of, name: name.to_owned(), words: words.into(), needs_approval: false }
}

/// All changes: permissions first.
pub fn changes(old: &About, new: &About) -> Vec<Change> {
    let mut found = Vec::new();
    let sentence = |want: &String| permission_sentence(want).unwrap_or_default();
    for want in new.wants.difference(&old.wants) {
        found.push(Change { needs_approval: true, ..change('+', "permission", want, sentence(want)) });
    }
    found.extend(old.wants.difference(&new.wants).map(|want| change('-', "permission", want, sentence(want))));
    found.extend(sets("function", &old.imports, &new.imports));
    let exports = |about: &About| about.exports.iter().copied().collect::<BTreeSet<Export>>();
    let (before, after) = (exports(old), exports(new));
    found.extend(after.difference(&before).map(|one| change('+', "subscription", one.word(), one.sentence())));
    found.extend(before.difference(&after).map(|one| change('-', "subscription", one.word(), one.sentence())));
    let (old, new) = (&old.manifest, &new.manifest);
    found.extend(settings(old, new));
    found.extend(templates(old, new));
    let keys = |manifest: &Manifest| manifest.tally.iter().cloned().collect();
    found.extend(sets("tally", &keys(old), &keys(new)));
    if old.name != new.name {
        found.push(change('~', "name", &new.name, format!("it was {}", old.name)));
    }
    if old.version != new.version {
        found.push(change('~', "version", &new.version, format!("it was {}", old.version)));
    }
    found
}

fn sets(of: &'static str, old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<Change> {
    let added = new.difference(old).map(|name| change('+', of, name, ""));
    let gone = old.difference(new).map(|name| change('-', of, name, ""));
    added.chain(gone).collect()
}

fn settings(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let empty = serde_json::Map::new();
    let properties = |manifest: &'_ Manifest| manifest.settings["properties"].as_object().cloned().unwrap_or_default();
    let (before, after) = (properties(old), properties(new));
    let mut found = Vec::new();
    for (name, property) in &after {
        match before.get(name) {
            None => {
                let title = property["title"].as_str().unwrap_or_default();
                let default =
                    property.get("default").map_or("it has no default".to_owned(), |one| format!("by itself {one}"));
                let words = if title.is_empty() { default } else { format!("{title}; {default}") };
                found.push(change('+', "setting", name, words));
            }
            Some(was) if was != property => {
                let (was, is) = (was.as_object().unwrap_or(&empty), property.as_object().unwrap_or(&empty));
                let fields: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
                let differs = fields.into_iter().filter(|field| was.get(*field) != is.get(*field));
                let words: Vec<String> = differs.map(|field| of_field(field, was.get(field), is.get(field))).collect();
                found.push(change('~', "setting", name, words.join("; ")));
            }
            Some(_) => {}
        }
    }
    found.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| {
        change('-', "setting", name, "what owners set there is refused if the schema takes nothing unknown")
    }));
    if check_settings(old, &json!({})).is_ok()
        && let Err(words) = check_settings(new, &json!({}))
    {
        found.push(change('~', "settings", "", format!("the owner has to fill in what has no default: {words}")));
    }
    found
}

fn of_field(field: &str, was: Option<&Value>, is: Option<&Value>) -> String {
    match (was, is) {
        (Some(was), Some(is)) => format!("{field} was {was}, is {is}"),
        (Some(was), None) => format!("{field} was {was}, is gone"),
        (None, Some(is)) => format!("{field} is new, {is}"),
        (None, None) => field.to_owned(),
    }
}

fn templates(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, template) in &new.templates {
        let Some(was) = old.templates.get(name) else {
            let text = template.text.values().next().map_or("", String::as_str);
            found.push(change('+', "template", name, format!("for {} messages: {text}", template.purpose.word())));
            continue;
        };
        if was.purpose != template.purpose {
            let words = format!("it is for {} messages, it was for {}", template.purpose.word(), was.purpose.word());
            found.push(change('~', "template", name, words));
        }
        let values = |values: &[String]| values.iter().cloned().collect::<BTreeSet<String>>();
        for one in sets("template", &values(&was.values), &values(&template.values)) {
            found.push(change('~', "template", name, format!("value {}{}", one.sign, one.name)));
        }
        let mut tones = vec![("text", &was.text, &template.text), ("subject", &was.subject, &template.subject)];
        tones.extend(Tone::VARIANTS.map(|tone| (tone.word(), was.in_tone(tone), template.in_tone(tone))));
        for (tone, before, after) in tones {
            found.extend(texts(name, tone, before, after));
        }
    }
    let gone = old.templates.keys().filter(|name| !new.templates.contains_key(*name));
    found.extend(gone.map(|name| change('-', "template", name, "")));
    found
}

fn texts(name: &str, tone: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Change> {
    let languages: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differs = languages.into_iter().filter(|language| old.get(*language) != new.get(*language));
    let words = |language: &String| match (old.get(language), new.get(language)) {
        (_, Some(is)) => format!("{tone}.{language} says: {is}"),
        _ => format!("{tone}.{language} is gone"),
    };
    differs.map(|language| change('~', "template", name, words(language))).collect()
}
