//! The script that a shop puts on its pages, and a page that has it.
//!
//! The script is our own sources in `server/widget/`, one after the other in one function, without their comments. It says
//! nothing of any business.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use crate::domain::ids::BusinessId;
use crate::domain::locale;
use crate::engine::config::businesses;
use crate::turn::records::hex;

use super::super::App;
use super::super::ask::{Asked, parse};
use super::super::problem::{Kind, Problem, ProblemBody};

const STYLE: &str = include_str!("../widget/style.css");
const PARTS: [&str; 5] = [
    include_str!("../widget/words.js"),
    include_str!("../widget/kept.js"),
    include_str!("../widget/line.js"),
    include_str!("../widget/panel.js"),
    include_str!("../widget/chat.js"),
];
const DEMO: &str = include_str!("../widget/demo.html");

struct Script {
    plain: String,
    packed: Option<Vec<u8>>,
    tag: String,
}

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    let style = serde_json::json!(lean(STYLE, "/*"));
    let parts: Vec<String> = PARTS.iter().map(|part| lean(part, "//")).collect();
    let plain = format!(
        "// The chat of Attune, {}. MIT or Apache-2.0.\n(()=>{{\n\"use strict\";\nconst STYLE={style};\n{}}})();\n",
        env!("CARGO_PKG_VERSION"),
        parts.concat()
    );
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(plain.as_bytes()).and_then(|()| packer.finish()).ok();
    let tag = format!("\"{}\"", hex(Sha256::digest(&plain).get(..8).unwrap_or_default()));
    Script { plain, packed, tag }
});

/// A source without its indentation, empty lines, and lines that are comments.
fn lean(source: &str, comment: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(comment));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The script of the chat, for a page: `<script src=".../chat.js" data-business="biz_..." async></script>`.
#[utoipa::path(get, path = "/chat.js", operation_id = "chatScript", tag = "conversations", security(()), responses(
    (status = 200, description = "The script", body = String, content_type = "text/javascript"),
    (status = 304, description = "It is the one that is known already")))]
pub async fn script(headers: HeaderMap) -> Response {
    let script = &*SCRIPT;
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == script.tag.as_bytes());
    let takes = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let packed = script.packed.as_ref().filter(|_| takes.split([',', ';', ' ']).any(|one| one == "gzip"));
    let mut response = match (is_known, packed) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, Some(packed)) => {
            ([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], packed.clone()).into_response()
        }
        (false, None) => script.plain.clone().into_response(),
    };
    let mut header = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    header(CONTENT_TYPE, "text/javascript; charset=utf-8");
    header(CACHE_CONTROL, "public, max-age=3600, stale-while-revalidate=86400");
    header(VARY, "accept-encoding");
    // A page that isolates itself may have it all the same.
    header(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    if let Ok(tag) = HeaderValue::from_str(&script.tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// Whose chat.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhoseChat {
    /// `biz_...`; absent: the only business whose pages may have one.
    business: Option<String>,
}

/// A page with the chat of a business on it, to try it. It works once the owner has named this server's own origin.
#[utoipa::path(get, path = "/chat/demo", operation_id = "chatDemo", tag = "conversations", security(()), params(WhoseChat),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such business", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn demo(State(app): State<Arc<App>>, Asked(whose): Asked<WhoseChat>) -> Result<Response, Problem> {
    let id = match parse("business", whose.business.as_deref())? {
        Some(id) => id,
        None => only(&app)?,
    };
    let ready = app.engine.ready(id).filter(|_| id != BusinessId::SYSTEM);
    let ready = ready.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no business {id}")))?;
    let business = &ready.config.business;
    let page = DEMO
        .replace("{language}", &html(locale::primary(&business.language)))
        .replace("{business}", &id.to_string())
        .replace("{name}", &html(&business.name));
    let rule = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:; \
                base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(rule)),
    ];
    Ok((headers, page).into_response())
}

/// The only business whose pages may have a chat.
fn only(app: &App) -> Result<BusinessId, Problem> {
    let mut ids = businesses(app.engine.view().as_ref())?;
    ids.retain(|id| app.engine.ready(*id).is_some_and(|ready| !ready.config.business.chat.origins.is_empty()));
    match ids.as_slice() {
        [id] => Ok(*id),
        _ => Err(Problem::new(Kind::BadQuery, "say whose chat: /chat/demo?business=biz_...")),
    }
}

/// A text within a page.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_whole() {
        let packed = SCRIPT.packed.as_ref().unwrap();
        assert!(packed.len() < 15_000, "{} bytes packed", packed.len());
        let mut plain = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut plain).unwrap();
        assert_eq!(plain, SCRIPT.plain);
        // What would read a text as markup, or as a program.
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!plain.contains(word), "{word}");
        }
        assert!(!plain.contains("//cdn") && !plain.contains("import("), "it fetches no other code");
    }
}
