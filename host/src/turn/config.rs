//! A business and its plugins, made ready for running: zones looked up, templates parsed, settings filled in.
//!
//! A configuration does not change while customers' entries run: whatever changes it goes through the business's own lane,
//! and that lane waits for all others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::business::Business;
use crate::domain::knowledge::{Article, Kept};
use crate::domain::message::Purpose;
use crate::domain::plugin::{Export, Installed, Manifest, TemplateDeclaration};
use crate::domain::template::Template;
use crate::domain::time;
use crate::domain::tone::Tone;
use crate::domain::webhook::is_template;
use crate::reading::Brand;
pub use crate::reading::knowledge::Found;
use crate::reading::knowledge::Index;

use super::limits::Limits;

/// A business and its plugins.
pub struct Config {
    /// What is known of the business.
    pub business: Business,
    /// Its zone.
    pub zone: TimeZone,
    /// Its own names, which say nothing of a customer's mood.
    pub brand: Brand,
    /// Its plugins, in the owner's order; those that do not run as well.
    pub plugins: Vec<Arc<Plugin>>,
    /// What it answers questions with.
    pub knowledge: Arc<Knowledge>,
}

impl Config {
    /// Makes a business and its plugins ready. A wording that does not parse any more falls back to the plugin's own.
    pub fn new(business: Business, mut installed: Vec<Installed>, limits: &Limits) -> Self {
        installed.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        let zone = time::zone_or_utc(&business.zone);
        let names = business.brand_words.iter().chain([&business.name]);
        let brand = Brand::new(names.map(String::as_str));
        let plugins = installed.into_iter().map(|one| Arc::new(Plugin::new(one, limits))).collect();
        Self { business, zone, brand, plugins, knowledge: Arc::default() }
    }

    /// An installed plugin by name.
    pub fn plugin(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.plugins.iter().find(|plugin| plugin.installed.name == name)
    }

    /// The plugin that takes messages to a channel: the first in the owner's order that runs and serves it.
    pub fn channel(&self, name: &str) -> Option<&Arc<Plugin>> {
        self.exporters(Export::Sending).find(|plugin| {
            let declared = plugin.installed.manifest.channel.as_ref();
            declared.is_some_and(|channel| channel.serves.iter().any(|served| served == name))
        })
    }

    /// The plugins that run and export an interface, in the owner's order.
    pub fn exporters(&self, export: Export) -> impl Iterator<Item = &Arc<Plugin>> {
        self.plugins.iter().filter(move |plugin| plugin.runs && plugin.installed.exports.contains(&export))
    }
}

/// What customers' questions are answered with, ready to be searched.
#[derive(Default)]
pub struct Knowledge {
    index: Index,
    /// Of each article.
    revisions: Vec<u64>,
}

impl Knowledge {
    /// Makes an index of articles.
    pub fn new(kept: Vec<Kept>) -> Self {
        let (articles, revisions) = kept.into_iter().map(|kept| (kept.article, kept.revision)).unzip();
        Self { index: Index::new(articles), revisions }
    }

    /// Whether it is made of these.
    pub fn is(&self, kept: &[Kept]) -> bool {
        kept.len() == self.revisions.len()
            && kept
                .iter()
                .zip(self.all())
                .all(|(kept, (article, revision))| kept.revision == revision && kept.article == *article)
    }

    /// Every article with its revision, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = (&Article, u64)> {
        self.index.articles().iter().zip(self.revisions.iter().copied())
    }

    /// An article by its id.
    pub fn article(&self, id: &str) -> Option<(&Article, u64)> {
        self.all().find(|(article, _)| article.id == id)
    }

    /// The articles that may answer a question, best first.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Found<'_>> {
        self.index.search(query, limit)
    }
}

/// One of a plugin's templates, ready to be filled in.
pub struct Prepared {
    /// What it is for.
    pub purpose: Purpose,
    /// By locale.
    pub text: BTreeMap<String, Template>,
    /// Variants of the text by tone and locale.
    pub tones: BTreeMap<Tone, BTreeMap<String, Template>>,
    /// By locale.
    pub subject: BTreeMap<String, Template>,
}

impl Prepared {
    fn new(name: &str, declared: &TemplateDeclaration, wording: &Wording) -> Self {
        let mut text = parse(&declared.text);
        let own = wording.get(name);
        text.extend(own.map(parse).unwrap_or_default());
        let mut tones = BTreeMap::new();
        for tone in Tone::VARIANTS {
            let mut variants = parse(declared.in_tone(tone));
            // Whoever words a template in a language means all of it: the plugin's variants are no longer in their words.
            variants.retain(|locale, _| !own.is_some_and(|own| own.contains_key(locale)));
            variants.extend(wording.get(&format!("{name}.{}", tone.word())).map(parse).unwrap_or_default());
            if !variants.is_empty() {
                tones.insert(tone, variants);
            }
        }
        Self { purpose: declared.purpose, text, tones, subject: parse(&declared.subject) }
    }
}

/// The owner's wording: template or variant, locale, text.
type Wording = BTreeMap<String, BTreeMap<String, String>>;

/// A plugin, made ready for running.
pub struct Plugin {
    /// As its owner set it up.
    pub installed: Installed,
    /// The name, shared by all effects.
    pub name: Arc<str>,
    /// Whether it runs at all.
    pub runs: bool,
    /// Its settings with the schema's defaults filled in, as JSON.
    pub settings: String,
    /// Its templates by name.
    pub templates: BTreeMap<String, Prepared>,
    /// The keys it may count under.
    pub tally: BTreeSet<String>,
    /// What a run of it may use. What an operator set that is not in range any more does not count.
    pub limits: Limits,
}

impl Plugin {
    /// Makes a plugin ready; `limits` are those of the installation.
    pub fn new(installed: Installed, limits: &Limits) -> Self {
        let manifest = &installed.manifest;
        let templates = manifest
            .templates
            .iter()
            .map(|(name, declared)| (name.clone(), Prepared::new(name, declared, &installed.wording)))
            .collect();
        Self {
            name: Arc::from(installed.name.as_str()),
            runs: installed.runs(),
            settings: with_defaults(&manifest.settings, &installed.settings).to_string(),
            templates,
            tally: manifest.tally.iter().cloned().collect(),
            limits: limits.of_plugin(&installed.limits).unwrap_or(*limits),
            installed,
        }
    }
}

fn parse(texts: &BTreeMap<String, String>) -> BTreeMap<String, Template> {
    texts.iter().filter_map(|(locale, text)| Some((locale.clone(), Template::parse(text).ok()?))).collect()
}

/// Fills in the defaults of a schema's top-level properties.
pub fn with_defaults(schema: &serde_json::Value, settings: &serde_json::Value) -> serde_json::Value {
    let mut filled = settings.as_object().cloned().unwrap_or_default();
    if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
        for (name, property) in properties {
            if let Some(default) = property.get("default").filter(|_| !filled.contains_key(name)) {
                filled.insert(name.clone(), default.clone());
            }
        }
    }
    filled.into()
}

/// What a settings schema may have at the most, so that a check of settings ends soon whoever wrote the schema: so many values in
/// it, on so many levels. The largest prebuilt one has a hundred on seven.
const SCHEMA_VALUES: usize = 2_000;
const SCHEMA_LEVELS: usize = 32;

/// The most bytes of settings.
const SETTINGS_BYTES: usize = 32 << 10;

/// What a settings schema may not use: with these one value is checked over and over, and sixty lines of references take longer
/// than anybody waits.
const SCHEMA_WITHOUT: [&str; 5] = ["$ref", "$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"];

fn check_schema(schema: &serde_json::Value) -> Result<(), String> {
    let (mut todo, mut values) = (vec![(schema, 1)], 0);
    while let Some((value, level)) = todo.pop() {
        values += 1;
        if level > SCHEMA_LEVELS || values > SCHEMA_VALUES {
            return Err(format!("it has more than {SCHEMA_VALUES} values or {SCHEMA_LEVELS} levels"));
        }
        match value {
            serde_json::Value::Array(items) => todo.extend(items.iter().map(|item| (item, level + 1))),
            serde_json::Value::Object(fields) => {
                if let Some(name) = SCHEMA_WITHOUT.iter().find(|name| fields.contains_key(**name)) {
                    return Err(format!("it uses `{name}`; write out what is meant"));
                }
                todo.extend(fields.values().map(|value| (value, level + 1)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a plugin's settings schema. The error begins with "the settings schema".
pub fn settings_schema(plugin: &str, schema: &serde_json::Value) -> Result<jsonschema::Validator, String> {
    check_schema(schema).map_err(|error| format!("the settings schema of `{plugin}` is not taken: {error}"))?;
    // Patterns are matched in linear time, whatever they are.
    let built = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex()).build(schema);
    built.map_err(|error| {
        let place = error.instance_path().to_string();
        let at = if place.is_empty() { String::new() } else { format!("at {place}: ") };
        format!("the settings schema of `{plugin}` is not a JSON Schema: {at}{error}")
    })
}

/// Checks settings against the plugin's schema. The error names the path and the rule, one line each.
pub fn check_settings(manifest: &Manifest, settings: &serde_json::Value) -> Result<(), String> {
    let schema = settings_schema(&manifest.name, &manifest.settings)?;
    if settings.to_string().len() > SETTINGS_BYTES {
        return Err(format!("settings: at most {SETTINGS_BYTES} bytes"));
    }
    let filled = with_defaults(&manifest.settings, settings);
    let broken: Vec<String> = schema
        .iter_errors(&filled)
        .take(8)
        .map(|error| format!("settings{}: {error}", error.instance_path()))
        .collect();
    if !settings.is_object() {
        return Err("settings: must be an object".to_owned());
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
}

/// Checks a manifest: its schema, its templates and their placeholders.
pub fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !word(&manifest.name) {
        return Err(format!("name `{}`: use 1 to 64 lower-case letters, digits and hyphens", manifest.name));
    }
    if manifest.version.is_empty() || manifest.version.len() > 64 {
        return Err("version: 1 to 64 characters, for example 0.1.0".to_owned());
    }
    if manifest.description.len() > 500 {
        return Err("description: at most 500 bytes; one sentence for owners".to_owned());
    }
    check_settings(manifest, &serde_json::json!({})).or_else(|error| {
        // Settings without a default are for the owner to fill in; only a schema that is not one is wrong here.
        if error.starts_with("the settings schema") { Err(error) } else { Ok(()) }
    })?;
    for (name, template) in &manifest.templates {
        if name.contains('.') {
            return Err(format!("template `{name}`: a name has no dot; `NAME.apologetic` is a variant of NAME"));
        }
        if template.text.is_empty() {
            return Err(format!("template `{name}` has no text; give at least [templates.{name}.text] en"));
        }
        for (kind, texts) in [("text", &template.text), ("subject", &template.subject)] {
            for (locale, text) in texts {
                check_wording(&template.values, text)
                    .map_err(|e| format!("template `{name}`, {kind}.{locale}: {e}"))?;
            }
        }
        for tone in Tone::VARIANTS {
            for (locale, text) in template.in_tone(tone) {
                check_variant(&template.values, template.text.get(locale), text)
                    .map_err(|e| format!("template `{name}`, {}.{locale}: {e}", tone.word()))?;
            }
        }
    }
    check_doors(manifest)
}

/// The most secrets, channels and hosts of a plugin.
const MOST_OF_A_DOOR: usize = 8;

fn check_doors(manifest: &Manifest) -> Result<(), String> {
    let word = |text: &str| {
        (1..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let rule = "1 to 32 lower-case letters, digits and hyphens, a letter first";
    for (name, description) in &manifest.secrets {
        if !word(name) {
            return Err(format!("secret `{name}`: its name is {rule}"));
        }
        if description.is_empty() || description.len() > 500 {
            return Err(format!("secret `{name}`: say in 1 to 500 bytes what it is and where the vendor shows it"));
        }
    }
    for (name, template) in &manifest.chosen {
        if !manifest.secrets.contains_key(name) {
            return Err(format!("[chosen] has `{name}`, and [secrets] has no such secret"));
        }
        if template.len() > 100 || !is_template(template) {
            return Err(format!(
                "[chosen] {name}: write how a new value is made, in at most 100 bytes, with {{random}} or {{base64}} in it once"
            ));
        }
    }
    if let Some(webhook) = &manifest.webhook {
        webhook.check(|name| manifest.secrets.contains_key(name))?;
    }
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_host = |host: &str| host.contains('.') && host.len() <= 253 && host.split('.').all(label);
    if let Some(wrong) = manifest.hosts().find(|host| !host.starts_with("setting:/") && !is_host(host)) {
        return Err(format!("hosts has `{wrong}`; write a host's name such as api.example.com, or setting:/NAME"));
    }
    let many = |number: usize| number > MOST_OF_A_DOOR;
    if many(manifest.secrets.len()) || many(manifest.hosts().count()) {
        return Err(format!("a plugin has at most {MOST_OF_A_DOOR} secrets, channels and hosts"));
    }
    if manifest.writing_back.as_ref().is_some_and(|calendar| calendar.hosts.is_empty()) {
        return Err("[writing-back] names at least one host under `hosts`".to_owned());
    }
    let Some(channel) = &manifest.channel else { return Ok(()) };
    if channel.serves.is_empty() || channel.hosts.is_empty() {
        return Err("[channel] names at least one channel under `serves` and one host under `hosts`".to_owned());
    }
    if many(channel.serves.len()) {
        return Err(format!("a plugin has at most {MOST_OF_A_DOOR} secrets, channels and hosts"));
    }
    if let Some(wrong) = channel.serves.iter().find(|name| !word(name) || *name == "chat") {
        return Err(format!("[channel] serves `{wrong}`: a channel's name is {rule}, and `chat` is Attune's own"));
    }
    Ok(())
}

/// Checks one wording of a template against the values that the plugin gives it.
pub fn check_wording(values: &[String], text: &str) -> Result<(), String> {
    Template::parse(text).and_then(|template| template.check(values)).map_err(|error| error.to_string())
}

/// Checks the owner's wording of a plugin's templates and their variants. The error begins with the place.
pub fn check_wordings(manifest: &Manifest, wording: &Wording) -> Result<(), String> {
    for (name, texts) in wording {
        let (template, tone) = Tone::of_wording(name);
        let Some(declared) = manifest.templates.get(template) else {
            let known: Vec<_> = manifest.templates.keys().map(String::as_str).collect();
            return Err(format!("wording: no template `{template}`; there is {}", known.join(", ")));
        };
        for (locale, text) in texts {
            let own = wording.get(template).and_then(|own| own.get(locale));
            let checked = match tone {
                Tone::Neutral => check_wording(&declared.values, text),
                _ => check_variant(&declared.values, own.or(declared.text.get(locale)), text),
            };
            checked.map_err(|words| format!("wording.{name}.{locale}: {words}"))?;
        }
    }
    Ok(())
}

/// Checks a variant against the plain text of its language: it says the same, so it has the same placeholders.
fn check_variant(values: &[String], plain: Option<&String>, text: &str) -> Result<(), String> {
    check_wording(values, text)?;
    let Some(plain) = plain else {
        return Err("there is no plain text in this language; write that first".to_owned());
    };
    let kinds = |text: &str| Template::parse(text).map(|template| template.kinds()).map_err(|error| error.to_string());
    let (wanted, given) = (kinds(plain)?, kinds(text)?);
    let listed = |kinds: Vec<&(String, &str)>| {
        let listed: Vec<String> = kinds.iter().map(|(name, kind)| format!("`{{{name}}}` ({kind})")).collect();
        listed.join(", ")
    };
    let lacks: Vec<_> = wanted.difference(&given).collect();
    if !lacks.is_empty() {
        return Err(format!("lacks {}, which the plain text has", listed(lacks)));
    }
    let beyond: Vec<_> = given.difference(&wanted).collect();
    if !beyond.is_empty() {
        return Err(format!("has {}, which the plain text has not", listed(beyond)));
    }
    Ok(())
}
