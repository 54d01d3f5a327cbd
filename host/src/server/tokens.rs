//! Access tokens: made, listed by name, taken back. A secret is shown once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry::{Change, Role, Token};
use crate::domain::ids::{BusinessId, TokenId};

use super::ask::{Asked, Body, Id, Nothing, Page};
use super::auth::Keeper;
use super::problem::{Kind, Problem, ProblemBody};
use super::secret::{new_secret, secret_hash};
use super::{App, json};

/// What a token is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What its bearer may do. An operator's token is made by an operator who names no business.
    role: Role,
    /// Whose it is, for people; staff's messages are signed with it.
    #[schema(min_length = 1, max_length = 100, example = "Anna")]
    label: String,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// `tok_...`: its name, which is no secret.
    #[schema(value_type = String)]
    id: TokenId,
    /// What its bearer may do.
    role: Role,
    /// Whose it is.
    label: String,
    /// In which business; an operator's has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    business: Option<BusinessId>,
}

/// A new token, with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenWithSecret {
    /// The token.
    #[serde(flatten)]
    token: TokenView,
    /// What its bearer shows: `Authorization: Bearer att_...`.
    secret: String,
}

impl From<Token> for TokenView {
    fn from(Token { id, role, label, business, .. }: Token) -> Self {
        Self { id, role, label, business }
    }
}

/// The tokens of the business; for an operator who names none, the operators'. All on one page, without their secrets.
///
/// Roles: owner, operator.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "listTokens", tag = "tokens", responses(
    (status = 200, description = "All of them", body = Page<TokenView>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Keeper(keeper): Keeper,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let items = app.engine.query(keeper.business).tokens()?.into_iter().map(TokenView::from).collect();
    Ok(json(StatusCode::OK, &Page { items, next: None }))
}

/// Makes a token. Its secret is in the answer, and nowhere else.
///
/// Roles: owner, for their business; operator, for the business they name, or with the role operator for none.
#[utoipa::path(post, path = "/v1/tokens", operation_id = "createToken", tag = "tokens",
    request_body = NewToken,
    responses(
        (status = 201, description = "The token and its secret", body = TokenWithSecret),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn create(
    State(app): State<Arc<App>>,
    Keeper(keeper): Keeper,
    Asked(Nothing {}): Asked<Nothing>,
    Body(NewToken { role, label }): Body<NewToken>,
) -> Result<Response, Problem> {
    let label = label.trim().to_owned();
    if label.is_empty() || label.chars().count() > 100 || label.chars().any(char::is_control) {
        return Err(Problem::invalid("/label", "has 1 to 100 printable characters"));
    }
    let for_installation = keeper.business == BusinessId::SYSTEM;
    match (role, keeper.role) {
        (Role::Operator, Role::Operator) if for_installation => {}
        (Role::Operator, Role::Operator) => {
            return Err(Problem::invalid(
                "/role",
                "operator belongs to no business; leave the header Attune-Business out",
            ));
        }
        (Role::Operator, _) => {
            let words = "only an operator makes tokens with the role operator; make one of owner, staff or ingest";
            return Err(Problem::new(Kind::Forbidden, words));
        }
        _ if for_installation => {
            let words = "a token of this role is for one business; name it in the header `Attune-Business: biz_...`";
            return Err(Problem::new(Kind::NoBusiness, words));
        }
        _ => {}
    }
    let world = app.engine.world();
    let secret = new_secret(world);
    let token = Token {
        id: TokenId::new(world.now(), world.unique()),
        hash: secret_hash(&secret),
        role,
        business: (!for_installation).then_some(keeper.business),
        label,
    };
    app.change(keeper.business, &keeper.by, Change::Token(token.clone())).await?;
    Ok(json(StatusCode::CREATED, &TokenWithSecret { token: token.into(), secret }))
}

/// Takes a token back. It is good for nothing from now on.
///
/// Roles: owner, operator.
#[utoipa::path(delete, path = "/v1/tokens/{id}", operation_id = "revokeToken", tag = "tokens",
    params(("id" = String, Path, description = "`tok_...`")),
    responses(
        (status = 204, description = "It is taken back"),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    Keeper(keeper): Keeper,
    Id(id): Id<TokenId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.change(keeper.business, &keeper.by, Change::Revoke(id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
