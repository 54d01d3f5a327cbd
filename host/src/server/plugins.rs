//! Plugins: installing them, and what their owner decides about them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::entry::{Change, Input, PluginChange, Role};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::plugin::{Export, Installed, Paused, TemplateDeclaration, permission_sentence};
use crate::domain::trust::{TrustedKey, Vouched, sentence};
use crate::domain::webhook::{Scheme, Source, Webhook};
use crate::turn::config::with_defaults;

use super::ask::{Asked, Body, Name, Nothing, Page, Seen, content_type, tagged};
use super::auth::{Actor, Owner};
use super::problem::{Kind, Problem, ProblemBody};
use super::secrets::{self, SecretView};
use super::{App, json};

/// A component may take this much longer than another body.
const UPLOAD_TIMES: u64 = 4;

/// Names that stand for others in the record of why.
const TAKEN_NAMES: [&str; 2] = ["host", "staff"];

/// A subscription, with what it means.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscription {
    /// Which.
    export: Export,
    /// When the plugin runs.
    sentence: String,
}

/// A permission that a plugin's code asks for, with what it means.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    /// The interface of `attune:host`; `reading` of a plugin that reads messages in the place of Attune's own reading.
    interface: String,
    /// What the plugin could do with it.
    sentence: String,
    /// Whether the owner granted it.
    granted: bool,
}

/// Who signed a plugin's file, and whose word it was taken on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signature {
    /// Both in a sentence.
    sentence: String,
    /// The public key of whoever signed it; absent when nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Whether the business trusts that key.
    trusted: bool,
    /// Whose word stands behind it.
    vouched: Vouched,
}

/// A plugin of the business.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginView {
    /// The name it runs under.
    name: String,
    /// What its file says it is called.
    own_name: String,
    /// Its version.
    version: String,
    /// One sentence for owners.
    description: String,
    /// SHA-256 of its file, in hexadecimal.
    digest: String,
    /// Who signed its file.
    signature: Signature,
    /// Where it was pulled from, as whoever installed it says: `registry/name@sha256:...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Whether the owner turned it on.
    enabled: bool,
    /// Whether it runs: on, granted what it asks for, not stopped.
    runs: bool,
    /// Set when Attune stopped it: since when, and why. Turning it on again ends that.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Paused>,
    /// Its place among those that answer; lower answers first.
    order: u32,
    /// When it runs.
    subscriptions: Vec<Subscription>,
    /// What its code asks for.
    permissions: Vec<Permission>,
    /// What it asks for and was not granted; it does not run before.
    ungranted: Vec<String>,
    /// What the owner set.
    #[schema(value_type = Object)]
    settings: Value,
    /// The same with the defaults of the schema.
    #[schema(value_type = Object)]
    effective_settings: Value,
    /// JSON Schema of the settings.
    #[schema(value_type = Object)]
    settings_schema: Value,
    /// What it may say, by template name.
    templates: BTreeMap<String, TemplateDeclaration>,
    /// The owner's own wording: template (`late-on`) or variant (`late-on.apologetic`), locale, text.
    wording: BTreeMap<String, BTreeMap<String, String>>,
    /// The keys under which it counts across customers.
    tally: Vec<String>,
    /// The secrets it needs, without their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<SecretView>,
    /// Of a plugin that receives: where a vendor sends to, and what its owner does there.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<HookView>,
    /// The channels that it serves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    /// What a run of it may use.
    limits: BTreeMap<String, u64>,
    /// Those of them that an operator set for it alone.
    own_limits: BTreeMap<String, u64>,
    /// Counts changes; the `ETag`.
    revision: u64,
}

/// Where a vendor sends to.
#[derive(Debug, Serialize, ToSchema)]
pub struct HookView {
    /// The address to give the vendor; only its path while nobody said where the server is reached from outside.
    address: String,
    /// How requests are verified.
    scheme: Scheme,
    /// The secret by which they are; absent where nothing proves who sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Where that secret is a part of the address: the address, with `{secret}` in the place of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address_with_secret: Option<String>,
    /// The topics to tick.
    topics: Vec<String>,
    /// Where at the vendor, in a sentence.
    guide: String,
}

impl HookView {
    fn new(app: &App, business: BusinessId, installed: &Installed) -> Option<Self> {
        let webhook = installed.manifest.webhook.as_ref()?;
        let outside = app.engine.public_url().unwrap_or_default().trim_end_matches('/');
        let address = format!("{outside}/hooks/{business}/{}", installed.name);
        Some(Self {
            address_with_secret: with_secret(webhook, &address),
            address,
            scheme: webhook.scheme,
            secret: (webhook.scheme != Scheme::None).then(|| webhook.secret.clone()),
            topics: webhook.topics.clone(),
            guide: webhook.guide.clone(),
        })
    }
}

/// An address with the place in it where its secret goes, if that is where vendors have it.
fn with_secret(webhook: &Webhook, address: &str) -> Option<String> {
    match webhook.scheme {
        Scheme::Basic => address.split_once("://").map(|(scheme, rest)| format!("{scheme}://{{secret}}@{rest}")),
        Scheme::Token => webhook.signature.iter().find_map(|source| match source {
            Source::Query(name) => Some(format!("{address}?{name}={}{{secret}}", webhook.prefix)),
            _ => None,
        }),
        _ => None,
    }
}

impl PluginView {
    fn new(app: &App, business: BusinessId, installed: Installed, keys: &[TrustedKey]) -> Result<Self, Problem> {
        let general = app.engine.limits();
        let signature = Signature {
            sentence: sentence(installed.signer.as_deref(), installed.vouched, keys),
            trusted: keys.iter().any(|one| Some(&one.key) == installed.signer.as_ref()),
            key: installed.signer.clone(),
            vouched: installed.vouched,
        };
        let permission = |interface: &String| Permission {
            interface: interface.clone(),
            sentence: permission_sentence(interface)
                .map_or_else(|| "something this program does not know".to_owned(), Cow::into_owned),
            granted: installed.grants.contains(interface),
        };
        let subscription =
            |export: &Export| Subscription { export: *export, sentence: format!("runs when {}", export.sentence()) };
        Ok(Self {
            secrets: secrets::of(app, business, &installed)?,
            hook: HookView::new(app, business, &installed),
            channels: installed.manifest.channel.as_ref().map(|channel| channel.serves.clone()).unwrap_or_default(),
            runs: installed.runs(),
            permissions: installed.wants.iter().map(permission).collect(),
            subscriptions: installed.exports.iter().map(subscription).collect(),
            ungranted: installed.ungranted().into_iter().map(str::to_owned).collect(),
            effective_settings: with_defaults(&installed.manifest.settings, &installed.settings),
            name: installed.name,
            own_name: installed.manifest.name,
            version: installed.manifest.version,
            description: installed.manifest.description,
            digest: installed.digest,
            signature,
            source: installed.source,
            enabled: installed.enabled,
            paused: installed.paused,
            order: installed.order,
            settings: installed.settings,
            settings_schema: installed.manifest.settings,
            templates: installed.manifest.templates,
            wording: installed.wording,
            tally: installed.manifest.tally,
            limits: general.of_plugin(&installed.limits).unwrap_or(*general).settable(),
            own_limits: installed.limits,
            revision: installed.revision,
        })
    }
}

/// The plugins of the business, in the order in which they answer. All on one page.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/plugins", operation_id = "listPlugins", tag = "plugins", responses(
    (status = 200, description = "All of them", body = Page<PluginView>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let query = app.engine.query(actor.business);
    let (items, keys) = (query.plugins()?.into_iter(), query.trusted_keys()?);
    let items =
        items.map(|installed| PluginView::new(&app, actor.business, installed, &keys)).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &Page { items, next: None }))
}

/// A plugin.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/plugins/{name}", operation_id = "getPlugin", tag = "plugins",
    params(("name" = String, Path, description = "The name it was installed under")),
    responses(
        (status = 200, description = "The plugin, its revision as `ETag`", body = PluginView),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn one(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(name): Name,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    show(&app, &actor, &name, StatusCode::OK)
}

fn find(app: &App, actor: &Actor, name: &str) -> Result<Option<Installed>, Problem> {
    Ok(app.engine.query(actor.business).plugins()?.into_iter().find(|plugin| plugin.name == name))
}

fn show(app: &App, actor: &Actor, name: &str, status: StatusCode) -> Result<Response, Problem> {
    let shown: String = name.chars().take(64).collect();
    let installed = find(app, actor, name)?;
    let installed = installed.ok_or_else(|| Problem::not_found("plugin", format_args!("`{shown}`")))?;
    let keys = app.engine.query(actor.business).trusted_keys()?;
    Ok(tagged(status, installed.revision, &PluginView::new(app, actor.business, installed, &keys)?))
}

/// Under which name.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnderName {
    /// The name to run under: 1 to 64 lower-case letters, digits and hyphens. One that is there gets another version.
    name: String,
    /// `true`: yes to a file that nobody signed whom you trust.
    #[serde(default)]
    unsigned: bool,
    /// Where the file was pulled from, to be shown with the plugin: `registry/name@sha256:...`.
    #[param(max_length = 300)]
    source: Option<String>,
}

/// Installs a plugin, or another version of it: the body is the component's file.
///
/// Roles: owner. The file is signed by a key that the business trusts, or is one that the operator put on the server; any other needs
/// `unsigned=true`. One whose signature is wrong is never taken. A new plugin is off, and has no grants. Another version keeps what the owner decided; what it asks for
/// beyond that has to be granted before it runs.
#[utoipa::path(post, path = "/v1/plugins", operation_id = "installPlugin", tag = "plugins", params(UnderName),
    request_body(content = Vec<u8>, description = "The component, as `attune build` made it",
        content_type = "application/wasm"),
    responses(
        (status = 201, description = "Installed", body = PluginView),
        (status = 200, description = "Installed in place of the version before", body = PluginView),
        (status = 409, description = "Nobody signed it whom the business trusts", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The content type is not application/wasm", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "Not a component, or not one for this host", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn install(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(UnderName { name, unsigned, source }): Asked<UnderName>,
    request: Request,
) -> Result<Response, Problem> {
    check_name(&name)?;
    check_source(source.as_deref())?;
    let kind = content_type(request.headers());
    if kind.as_deref() != Some("application/wasm") {
        let given = kind.map_or_else(|| "none".to_owned(), |kind| format!("`{kind}`"));
        let words = format!("the content type is {given}; send the component with `Content-Type: application/wasm`");
        return Err(Problem::new(Kind::BadType, words));
    }
    let turn = tokio::time::timeout(Duration::from_secs(app.limits.upload_wait_s), app.uploads.acquire());
    let Ok(Ok(_place)) = turn.await else {
        let words = format!("{} components are being installed, which is the limit", app.limits.uploads);
        return Err(Problem::new(Kind::Busy, words));
    };
    let wasm = app
        .read_body(request, app.engine.limits().component_bytes, app.limits.body_s.saturating_mul(UPLOAD_TIMES))
        .await?;
    let (engine, file) = (app.engine.clone(), wasm.clone());
    let loaded = tokio::task::spawn_blocking(move || engine.sandbox().load(&file)).await;
    let loaded = loaded.map_err(|_| Problem::new(Kind::Internal, "the component could not be compiled here"))?;
    let about = loaded.map_err(|rejected| Problem::new(Kind::Rejected, rejected.to_string()))?.about.clone();
    let is_new = find(&app, &actor, &name)?.is_none();
    let vouched = match unsigned {
        _ if app.vouched.get().is_some_and(|files| files.contains(&about.digest)) => Vouched::Operator,
        true => Vouched::Owner,
        false => Vouched::Signature,
    };
    let (change, batch) = crate::engine::config::install_on(&name, &about, &wasm, vouched, source);
    app.act(actor.business, CustomerId::BUSINESS, Input::Owner { by: actor.by.clone(), change }, batch).await?;
    show(&app, &actor, &name, if is_new { StatusCode::CREATED } else { StatusCode::OK })
}

fn check_name(name: &str) -> Result<(), Problem> {
    let is_word = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_word {
        let words = "in the query: `name` has 1 to 64 lower-case letters, digits and hyphens";
        return Err(Problem::new(Kind::BadQuery, words));
    }
    if TAKEN_NAMES.contains(&name) {
        return Err(Problem::new(
            Kind::BadQuery,
            format!("in the query: the name `{name}` is Attune's own; choose another"),
        ));
    }
    Ok(())
}

/// Where a file came from is shown to people, and useful only if it names the very file.
fn check_source(source: Option<&str>) -> Result<(), Problem> {
    let fits = |source: &str| {
        let digest = source.split_once("@sha256:").map(|(_, digest)| digest);
        source.len() <= 300
            && source.bytes().all(|b| b.is_ascii_graphic())
            && digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if source.is_none_or(fits) {
        return Ok(());
    }
    let words = "in the query: `source` is registry/name@sha256: and 64 hexadecimal digits, 300 characters at most";
    Err(Problem::new(Kind::BadQuery, words))
}

/// What the owner changes of a plugin. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginPatch {
    /// Turn it on or off. Turning on also ends a pause.
    enabled: Option<bool>,
    /// Its place among those that answer.
    order: Option<u32>,
    /// All of its settings.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// All of its grants: interfaces that it asks for.
    grants: Option<Vec<String>>,
    /// All of the owner's wording: template (`late-on`) or variant (`late-on.apologetic`), locale, text.
    wording: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// All limits that it has of its own, by name; an operator's to set. `{}` takes them back.
    limits: Option<BTreeMap<String, u64>>,
    /// `true`: yes to its file, though nobody signed it whom you trust.
    #[serde(default)]
    unsigned: bool,
}

/// Changes a plugin's setup: on or off, its place, settings, grants, wording, limits.
///
/// Roles: owner; limits: operator. With `If-Match` only if the plugin is still at that revision.
#[utoipa::path(patch, path = "/v1/plugins/{name}", operation_id = "changePlugin", tag = "plugins",
    params(("name" = String, Path, description = "The name it was installed under"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    request_body = PluginPatch,
    responses(
        (status = 200, description = "The plugin as it is now", body = PluginView),
        (status = 403, description = "Limits are an operator's to set", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It needs grants first, or a yes since nobody signed it whom the business trusts", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Settings, grants, wording or limits do not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn change(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(name): Name,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
    Body(patch): Body<PluginPatch>,
) -> Result<Response, Problem> {
    let PluginPatch { enabled, order, settings, grants, wording, limits, unsigned } = patch;
    if limits.is_some() && actor.role != Role::Operator {
        return Err(Problem::new(Kind::Forbidden, "limits protect other businesses; an operator sets them"));
    }
    let set = PluginChange { enabled, order, settings, grants, wording, limits, unsigned };
    if set == PluginChange::default() {
        return Err(Problem::invalid(
            "",
            "changes nothing; give enabled, order, settings, grants, wording, limits or unsigned",
        ));
    }
    let change = Change::Plugin { name: name.clone(), seen, set: Box::new(set) };
    app.change(actor.business, &actor.by, change).await?;
    show(&app, &actor, &name, StatusCode::OK)
}

/// Takes a plugin away. Its notes stay, for the day it comes back.
///
/// Roles: owner.
#[utoipa::path(delete, path = "/v1/plugins/{name}", operation_id = "removePlugin", tag = "plugins",
    params(("name" = String, Path, description = "The name it was installed under")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(name): Name,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.change(actor.business, &actor.by, Change::Remove(name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
