//! What customers' questions are answered with: the owner's articles, one by one or from a file, and a search to try them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::entry::Change;
use crate::domain::ids::BusinessId;
use crate::domain::knowledge::{Article, BYTES_OF_ALL, KnowledgeChange};
use crate::intake::knowledge::{Form, read};
use crate::intake::schema::Misfit;
use crate::turn::config::Knowledge;

use super::ask::{Asked, Body, Name, Nothing, Page, Seen, content_type, tagged};
use super::auth::{Actor, Owner};
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// The largest file that is read, in bytes: all that a business may have, with its commas and quotes.
const FILE_BYTES: usize = 2 * BYTES_OF_ALL;

/// How many answers a search shows when nothing is said, and at the most.
const SHOWN: usize = 3;
const SHOWN_MOST: usize = 20;

/// An article as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleView {
    /// What the owner wrote.
    #[serde(flatten)]
    article: Article,
    /// Counts changes; the `ETag`.
    revision: u64,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundView {
    /// The article's id.
    id: String,
    /// As the owner worded it.
    question: String,
    /// What the customer would be told.
    answer: String,
    /// 0 to 1: how sure it is that this is the answer; a plugin acts from 0.5 up.
    score: f32,
    /// The words of the question that led here.
    because: Vec<WordView>,
}

/// A word that led to an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct WordView {
    /// As it stands in the question.
    term: String,
    /// Its share in the question, 0 to 1.
    weight: f32,
}

/// How much a file brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// Articles in the file.
    imported: usize,
    /// Articles of the business now.
    total: usize,
}

impl App {
    fn knowledge(&self, business: BusinessId) -> Result<Arc<Knowledge>, Problem> {
        let ready = self.engine.ready(business);
        Ok(ready.ok_or_else(|| Problem::not_found("business", business))?.config.knowledge.clone())
    }

    fn article(&self, actor: &Actor, id: &str, status: StatusCode) -> Result<Response, Problem> {
        let knowledge = self.knowledge(actor.business)?;
        let shown: String = id.chars().take(64).collect();
        let found = knowledge.article(id);
        let (article, revision) = found.ok_or_else(|| Problem::not_found("article", format_args!("`{shown}`")))?;
        Ok(tagged(status, revision, &ArticleView { article: article.clone(), revision }))
    }

    async fn change_knowledge(self: &Arc<Self>, actor: &Actor, change: KnowledgeChange) -> Result<(), Problem> {
        self.change(actor.business, &actor.by, Change::Knowledge(Box::new(change))).await.map(drop)
    }
}

fn checked(article: Article) -> Result<Article, Problem> {
    let article = article.tidy();
    let misfits = article.misfits().into_iter().map(|(field, rule)| Misfit { path: format!("/{field}"), rule });
    let misfits: Vec<Misfit> = misfits.collect();
    if misfits.is_empty() { Ok(article) } else { Err(Problem::misfits("the body does not fit", misfits)) }
}

/// Which articles.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Where to go on: `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// The articles, in the order of their ids.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/knowledge", operation_id = "listKnowledge", tag = "knowledge", params(Which), responses(
    (status = 200, description = "A page of articles", body = Page<ArticleView>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(which.limit)?;
    let knowledge = app.knowledge(actor.business)?;
    let after = which.after.unwrap_or_default();
    let rest = knowledge.all().filter(|(article, _)| article.id.as_str() > after.as_str());
    let found = rest.take(limit + 1).map(|(article, revision)| ArticleView { article: article.clone(), revision });
    Ok(json(StatusCode::OK, &Page::of(found.collect(), limit, |view| view.article.id.clone())))
}

/// An article.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/knowledge/{id}", operation_id = "getKnowledge", tag = "knowledge",
    params(("id" = String, Path, description = "The article's id")),
    responses(
        (status = 200, description = "The article, its revision as `ETag`", body = ArticleView),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn one(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(id): Name,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.article(&actor, &id, StatusCode::OK)
}

/// Adds an article.
///
/// Roles: owner. Without an `id` it follows from the question.
#[utoipa::path(post, path = "/v1/knowledge", operation_id = "addKnowledge", tag = "knowledge",
    request_body = Article,
    responses(
        (status = 201, description = "The article", body = ArticleView),
        (status = 409, description = "There is one of this id", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "Something does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn add(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
    Body(article): Body<Article>,
) -> Result<Response, Problem> {
    let article = checked(article)?;
    let id = article.id.clone();
    app.change_knowledge(&actor, KnowledgeChange::Add(article)).await?;
    app.article(&actor, &id, StatusCode::CREATED)
}

/// Puts an article in the place of the one of its id, or adds it.
///
/// Roles: owner. With `If-Match` only if the article is still at that revision.
#[utoipa::path(put, path = "/v1/knowledge/{id}", operation_id = "putKnowledge", tag = "knowledge",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    request_body = Article,
    responses(
        (status = 200, description = "The article as it is now", body = ArticleView),
        (status = 412, description = "It has changed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Something does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn put(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(id): Name,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
    Body(article): Body<Article>,
) -> Result<Response, Problem> {
    if !article.id.is_empty() && article.id != id {
        return Err(Problem::invalid("/id", "is another one than in the path; leave it out"));
    }
    let article = checked(Article { id, ..article })?;
    let id = article.id.clone();
    app.change_knowledge(&actor, KnowledgeChange::Put { article, seen }).await?;
    app.article(&actor, &id, StatusCode::OK)
}

/// Deletes an article.
///
/// Roles: owner. With `If-Match` only if the article is still at that revision.
#[utoipa::path(delete, path = "/v1/knowledge/{id}", operation_id = "deleteKnowledge", tag = "knowledge",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(id): Name,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.change_knowledge(&actor, KnowledgeChange::Delete { id, seen }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What becomes of the articles that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They stay, but for those whose id is in the file.
    #[default]
    Add,
    /// They are deleted, but for those whose id is in the file.
    Replace,
}

/// How a file is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// What becomes of the articles that are there: `add` (they stay; the usual) or `replace` (they are deleted).
    #[serde(default)]
    #[param(inline)]
    mode: Mode,
}

/// Imports a file of questions and answers: all of it, or none.
///
/// Roles: owner. `text/csv`: the first row names the columns, in any order: `question` (or `utterance`, `text`, `query`), `answer` (or
/// `response`, `category`, `label`, `intent`), and if you like `language` and `id`; two columns without names are question and answer.
/// `text/markdown`: a heading, or a line in bold, is a question, and what follows is its answer. Questions with the same answer are
/// phrasings of one article.
#[utoipa::path(post, path = "/v1/knowledge/import", operation_id = "importKnowledge", tag = "knowledge", params(How),
    request_body(content = String, description = "The file, UTF-8, at most 8 MiB", content_type = "text/csv"),
    responses(
        (status = 200, description = "It is imported", body = Imported),
        (status = 413, description = "Too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The content type is neither text/csv nor text/markdown", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "A line does not fit; which, and what to do", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn import(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(How { mode }): Asked<How>,
    request: Request,
) -> Result<Response, Problem> {
    let kind = content_type(request.headers());
    let form = kind.as_deref().and_then(Form::of_type).ok_or_else(|| {
        let given = kind.map_or_else(|| "none".to_owned(), |kind| format!("`{kind}`"));
        let words =
            format!("the content type is {given}; send the file with `Content-Type: text/csv` or `text/markdown`");
        Problem::new(Kind::BadType, words)
    })?;
    let file = app.read_body(request, FILE_BYTES, app.limits.body_s).await?;
    let read = tokio::task::spawn_blocking(move || read(form, &file)).await;
    let read = read.map_err(|_| Problem::new(Kind::Internal, "the file could not be read here"))?;
    let articles = read.map_err(|misread| Problem::invalid("", misread.to_string()))?;
    let imported = articles.len();
    let change = KnowledgeChange::Import { articles, replace: mode == Mode::Replace };
    app.change_knowledge(&actor, change).await?;
    let total = app.knowledge(actor.business)?.all().count();
    Ok(json(StatusCode::OK, &Imported { imported, total }))
}

/// What is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// A question as a customer would write it.
    q: String,
    /// How many answers, 1 to 20; 3 when absent.
    #[param(minimum = 1, maximum = 20)]
    limit: Option<usize>,
}

/// Tries a question: the answers that plugins would find, best first.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/knowledge/search", operation_id = "searchKnowledge", tag = "knowledge", params(Query), responses(
    (status = 200, description = "All on one page; none where nothing has a word in common", body = Page<FoundView>)))]
pub async fn search(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Query { q, limit }): Asked<Query>,
) -> Result<Response, Problem> {
    let limit = limit.unwrap_or(SHOWN);
    if !(1..=SHOWN_MOST).contains(&limit) {
        let words = format!("in the query: limit is 1 to {SHOWN_MOST}, not {limit}");
        return Err(Problem::new(Kind::BadQuery, words));
    }
    let knowledge = app.knowledge(actor.business)?;
    let view = |found: crate::turn::config::Found<'_>| FoundView {
        id: found.article.id.clone(),
        question: found.article.question.clone(),
        answer: found.article.answer.clone(),
        score: found.score,
        because: found.because.into_iter().map(|one| WordView { term: one.term, weight: one.weight }).collect(),
    };
    let items = knowledge.search(&q, limit).into_iter().map(view).collect();
    Ok(json(StatusCode::OK, &Page { items, next: None }))
}
