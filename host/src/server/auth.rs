//! Who asks: an access token or a visitor's pass, and what its role may.
//!
//! Never says whether another business has something: what is not in the caller's own business is not found. Never looks a
//! token up by anything but the hash of the whole secret.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use crate::domain::entry::{Role, Token};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::engine::config::Ready;
use crate::turn::records::hex;

use super::App;
use super::problem::{Kind, Problem};
use super::secret::{VISITOR_PREFIX, VisitorPass};

/// The header by which an operator says which business is meant.
pub const BUSINESS_HEADER: &str = "attune-business";

/// The cookie in which the chat widget keeps a visitor's token. A page elsewhere cannot use it to write: a body has to be
/// JSON, which a form cannot send.
pub const VISITOR_COOKIE: &str = "attune_visitor";

/// How many tokens are remembered.
const KNOWN: usize = 4_096;

/// Tokens that were looked up before. Every change of a token makes its business ready anew; what was remembered under
/// the business as it was before does not count any more.
#[derive(Default)]
pub struct KnownTokens(RwLock<HashMap<[u8; 32], Known>>);

struct Known {
    token: Arc<Token>,
    ready: Weak<Ready>,
}

/// Somebody with a token of a business, or an operator who named one.
#[derive(Debug, Clone)]
pub struct Actor {
    /// In which business they act.
    pub business: BusinessId,
    /// What they may.
    pub role: Role,
    /// Who they are, for people and for the journal.
    pub by: String,
}

/// Staff, the owner, or an operator for them.
pub struct Staff(pub Actor);
/// The owner, or an operator for them.
pub struct Owner(pub Actor);
/// A source of events, or the owner.
pub struct Source(pub Actor);
/// Whoever may let a visitor in: a source of events, staff, the owner.
pub struct Host(pub Actor);
/// An operator; no business need be named, and one that is plays no part.
pub struct Operator(pub Actor);
/// Whoever gives out tokens: the owner, or an operator; one who names no business acts for the installation.
pub struct Keeper(pub Actor);

/// Somebody who may see a conversation.
pub enum Reader {
    /// Staff, the owner, or an operator for them: every conversation of the business.
    Staff(Actor),
    /// A visitor: one conversation.
    Visitor(BusinessId, CustomerId),
}

impl Reader {
    /// In which business.
    pub fn business(&self) -> BusinessId {
        match self {
            Self::Staff(actor) => actor.business,
            Self::Visitor(business, _) => *business,
        }
    }

    /// Whether it is a visitor, who does not see everything.
    pub fn is_visitor(&self) -> bool {
        matches!(self, Self::Visitor(..))
    }

    /// A visitor sees one conversation; any other is not there.
    pub fn sees(&self, asked: CustomerId) -> Result<(), Problem> {
        match self {
            Self::Visitor(_, own) if *own != asked => Err(Problem::not_found("customer", asked)),
            _ => Ok(()),
        }
    }
}

/// Somebody with a token who is no source of events: an operator, an owner, one of the staff.
pub struct Person {
    /// Where they act; an operator who names no business acts for the installation.
    pub business: BusinessId,
    /// Who they are.
    pub token: Arc<Token>,
}

/// The person who asks, if it is one whom this host knows.
pub fn person(headers: &HeaderMap, app: &App) -> Option<Person> {
    match caller(headers, app) {
        Ok(Caller::Token { token, business }) if token.role != Role::Ingest => {
            Some(Person { business: business.unwrap_or(BusinessId::SYSTEM), token })
        }
        _ => None,
    }
}

enum Caller {
    Token { token: Arc<Token>, business: Option<BusinessId> },
    Visitor(VisitorPass),
}

macro_rules! seats {
    ($($seat:ident: $roles:expr;)*) => {$(
        impl FromRequestParts<Arc<App>> for $seat {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
                actor(&parts.headers, app, $roles).map($seat)
            }
        }
    )*};
}

seats! {
    Staff: &[Role::Staff, Role::Owner];
    Owner: &[Role::Owner];
    Source: &[Role::Ingest, Role::Owner];
    Host: &[Role::Ingest, Role::Staff, Role::Owner];
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match caller(&parts.headers, app)? {
            Caller::Token { token, .. } if token.role == Role::Operator => {
                Ok(Self(Actor { business: BusinessId::SYSTEM, role: token.role, by: token.label.clone() }))
            }
            other => Err(forbidden(&other, &[Role::Operator])),
        }
    }
}

impl FromRequestParts<Arc<App>> for Keeper {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match caller(&parts.headers, app)? {
            Caller::Token { token, business } if matches!(token.role, Role::Owner | Role::Operator) => {
                Ok(Self(Actor {
                    business: business.unwrap_or(BusinessId::SYSTEM),
                    role: token.role,
                    by: token.label.clone(),
                }))
            }
            other => Err(forbidden(&other, &[Role::Owner, Role::Operator])),
        }
    }
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match caller(&parts.headers, app)? {
            Caller::Visitor(pass) => Ok(Self::Visitor(pass.business, pass.customer)),
            caller => admitted(caller, &[Role::Staff, Role::Owner]).map(Self::Staff),
        }
    }
}

fn actor(headers: &HeaderMap, app: &App, roles: &[Role]) -> Result<Actor, Problem> {
    admitted(caller(headers, app)?, roles)
}

/// An operator may whatever an owner may, in the business that they name.
fn admitted(caller: Caller, roles: &[Role]) -> Result<Actor, Problem> {
    match &caller {
        Caller::Token { token, business } if roles.contains(&token.role) || token.role == Role::Operator => {
            let Some(business) = *business else {
                let words =
                    "an operator's token belongs to no business; name one in the header `Attune-Business: biz_...`";
                return Err(Problem::new(Kind::NoBusiness, words));
            };
            Ok(Actor { business, role: token.role, by: token.label.clone() })
        }
        _ => Err(forbidden(&caller, roles)),
    }
}

fn forbidden(caller: &Caller, roles: &[Role]) -> Problem {
    let who = match caller {
        Caller::Token { token, .. } => token.role.word(),
        Caller::Visitor(_) => "visitor",
    };
    let needed: Vec<&str> = roles.iter().map(|role| role.word()).collect();
    let needed = needed.join(" or ");
    Problem::new(
        Kind::Forbidden,
        format!("this needs the role {needed}, and the token's role is {who}; use another token"),
    )
}

fn caller(headers: &HeaderMap, app: &App) -> Result<Caller, Problem> {
    let secret = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let bearer = value.to_str().ok().and_then(|value| value.split_once(' '));
            match bearer {
                Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => secret.trim(),
                _ => {
                    let words = "the header Authorization has another form than `Bearer att_...`";
                    return Err(Problem::unauthorized(true, words));
                }
            }
        }
        None => cookie(headers).ok_or_else(|| {
            Problem::unauthorized(false, "this needs a token; send it in the header `Authorization: Bearer att_...`")
        })?,
    };
    let caller = if secret.starts_with(VISITOR_PREFIX) { visitor(secret, app)? } else { token(secret, app)? };
    let Some(named) = headers.get(BUSINESS_HEADER) else { return Ok(caller) };
    let named: BusinessId = named
        .to_str()
        .map_err(|_| Problem::new(Kind::BadHeader, "the header Attune-Business is no text"))?
        .parse()
        .map_err(|error| Problem::new(Kind::BadHeader, format!("the header Attune-Business: {error}")))?;
    let not_there = || Problem::new(Kind::NotFound, format!("there is no business {named}, or it is not this token's"));
    match caller {
        Caller::Token { token, business: None } => {
            let listed = named != BusinessId::SYSTEM && app.engine.has_business(named)?;
            if listed { Ok(Caller::Token { token, business: Some(named) }) } else { Err(not_there()) }
        }
        Caller::Token { business: Some(own), .. } | Caller::Visitor(VisitorPass { business: own, .. })
            if own == named =>
        {
            Ok(caller)
        }
        _ => Err(not_there()),
    }
}

fn unknown() -> Problem {
    Problem::unauthorized(true, "this token is not known, or it was taken back; ask the owner for another one")
}

fn token(secret: &str, app: &App) -> Result<Caller, Problem> {
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    let token = match app.known.get(&digest, app) {
        Some(token) => token,
        None => app.known.learn(digest, app)?.ok_or_else(unknown)?,
    };
    let business = token.business;
    Ok(Caller::Token { token, business })
}

fn visitor(secret: &str, app: &App) -> Result<Caller, Problem> {
    let (pass, code) = VisitorPass::claimed(secret).ok_or_else(unknown)?;
    // A business is looked for first, because asking for its key would make one.
    if app.engine.ready(pass.business).is_none() || pass.business == BusinessId::SYSTEM {
        return Err(unknown());
    }
    let key = app.engine.keyring().index_key(pass.business)?;
    if !pass.holds(&code, &key, app.engine.world().now()) {
        return Err(Problem::unauthorized(true, "this visitor's token has ended or is not genuine; ask for a new one"));
    }
    Ok(Caller::Visitor(pass))
}

/// A visitor's pass that is good, and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// For whom it is.
    pub pass: VisitorPass,
    /// Whether it came in the cookie.
    pub by_cookie: bool,
}

/// The pass of whoever asks; none if there is none that is good.
///
/// # Errors
/// When the keyring cannot be read.
pub fn pass(headers: &HeaderMap, app: &App) -> Result<Option<Pass>, Problem> {
    let bearer =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' ').map(|(_, it)| it.trim()));
    let by_cookie = bearer.is_none();
    let Some((pass, code)) = bearer.or_else(|| cookie(headers)).and_then(VisitorPass::claimed) else { return Ok(None) };
    if app.engine.ready(pass.business).is_none() || pass.business == BusinessId::SYSTEM {
        return Ok(None);
    }
    let key = app.engine.keyring().index_key(pass.business)?;
    Ok(pass.holds(&code, &key, app.engine.world().now()).then_some(Pass { pass, by_cookie }))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';')).find_map(
        |pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == VISITOR_COOKIE && value.starts_with(VISITOR_PREFIX)).then_some(value)
        },
    )
}

impl KnownTokens {
    fn get(&self, digest: &[u8; 32], app: &App) -> Option<Arc<Token>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Known { token, ready } = known.get(digest)?;
        let now = app.engine.ready(token.business.unwrap_or(BusinessId::SYSTEM))?;
        std::ptr::eq(Arc::as_ptr(&now), ready.as_ptr()).then(|| token.clone())
    }

    /// Looks a token up in the store, and remembers it.
    fn learn(&self, digest: [u8; 32], app: &App) -> Result<Option<Arc<Token>>, Problem> {
        let hash = hex(&digest);
        let Some(token) = app.engine.token(&hash)? else { return Ok(None) };
        let Some(ready) = app.engine.ready(token.business.unwrap_or(BusinessId::SYSTEM)) else {
            return Ok(Some(Arc::new(token)));
        };
        // Read again: what was taken back before the business was looked at must not be remembered with it.
        let Some(token) = app.engine.token(&hash)?.map(Arc::new) else { return Ok(None) };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(digest, Known { token: token.clone(), ready: Arc::downgrade(&ready) });
        Ok(Some(token))
    }
}
