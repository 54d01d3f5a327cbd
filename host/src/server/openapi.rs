//! The API's description: OpenAPI 3.1, made from the handlers and the types they read and write.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::intake::schema::{known_types, schemas};

use super::{App, json as answer};
use super::{
    audit, business, cases, chat, consents, customers, dead_letters, events, fairness, health, hooks, keys, knowledge,
    messages, metrics, pause, plugins, problem, requests, rights, secrets, stream, tokens, trends, troubles,
    unsubscribe, visitors,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Attune", description = "Customer automations as sandboxed WebAssembly components. \
        Every error is a problem by RFC 9457. Times are milliseconds since the Unix epoch unless a field says otherwise.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    paths(
        health::root, health::healthz, health::readyz, metrics::show, show, events::post, hooks::post, visitors::post,
        customers::list, customers::one, customers::merge, customers::part, customers::whys, rights::export, rights::erase, messages::list, messages::post, stream::follow, messages::why,
        messages::settle, cases::list, cases::one, cases::take, cases::resolve, cases::reply, dead_letters::notices,
        dead_letters::list, dead_letters::retry, plugins::list, plugins::install, plugins::one, plugins::change,
        plugins::remove, requests::show, secrets::set, secrets::remove, keys::list, keys::trust, keys::distrust, business::one, business::change, business::list, business::create, tokens::list, tokens::create,
        tokens::revoke, pause::pause, pause::resume, consents::show, consents::tell, unsubscribe::ask, unsubscribe::end,
        audit::list, fairness::history, trends::show, troubles::list, knowledge::list, knowledge::one, knowledge::add, knowledge::put, knowledge::remove, knowledge::import,
        knowledge::search, chat::about, chat::visit, chat::list, chat::write, chat::follow, chat::script, chat::demo,
    ),
    components(schemas(problem::ProblemBody)),
    security(("token" = [])),
    tags(
        (name = "events", description = "What happens, from outside"),
        (name = "conversations", description = "Messages, and why each was or was not sent"),
        (name = "customers", description = "Customers"),
        (name = "cases", description = "Conversations in a person's hands"),
        (name = "attention", description = "What waits for a person's attention"),
        (name = "plugins", description = "Automations"),
        (name = "knowledge", description = "What customers' questions are answered with"),
        (name = "business", description = "What is known of a business"),
        (name = "tokens", description = "Who may do what"),
        (name = "operation", description = "For whoever runs Attune"),
    ),
)]
struct Described;

/// The description, as JSON.
pub fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(describe);
    &DESCRIPTION
}

/// The API's description.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "openapi", tag = "operation", security(()), responses(
    (status = 200, description = "OpenAPI 3.1", body = Object)))]
pub async fn show(State(_): State<Arc<App>>) -> Response {
    answer(StatusCode::OK, description())
}

fn describe() -> Value {
    // What cannot be written as JSON would be a fault of this program, and a test would find it.
    let mut described = serde_json::to_value(Described::openapi()).unwrap_or_default();
    described["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    let components = &mut described["components"];
    components["securitySchemes"] = json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "An access token, `att_...`, of the role operator, owner, staff or ingest. An operator names a \
                business in the header `Attune-Business: biz_...`."
        },
        "visitor": {
            "type": "http", "scheme": "bearer",
            "description": "A visitor's token, `vis_...`, for one conversation and a short time."
        },
        "visitorCookie": {
            "type": "apiKey", "in": "cookie", "name": super::auth::VISITOR_COOKIE,
            "description": "The same in a cookie, for the chat widget."
        }
    });
    for (name, schema) in schemas() {
        components["schemas"][name] = schema;
    }
    let types: String = known_types().into_iter().map(|(kind, name)| format!("\n- `{kind}`: `{name}`")).collect();
    let body = &mut described["paths"]["/v1/events"]["post"]["requestBody"]["description"];
    let words = body.as_str().unwrap_or_default().to_owned();
    *body = json!(format!("{words}. Types that Attune knows, each with the schema of its `data`:\n{types}"));
    let import = &mut described["paths"]["/v1/knowledge/import"]["post"]["requestBody"]["content"];
    import["text/markdown"] = import["text/csv"].clone();
    each_operation(&mut described, |operation| {
        operation["responses"]["default"] = json!({
            "description": "Any other problem",
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
        });
    });
    described
}

fn each_operation(described: &mut Value, mut visit: impl FnMut(&mut Value)) {
    let paths = described["paths"].as_object_mut().map(Map::values_mut);
    for methods in paths.into_iter().flatten() {
        for (name, operation) in methods.as_object_mut().into_iter().flatten() {
            if ["get", "put", "post", "delete", "patch"].contains(&name.as_str()) {
                visit(operation);
            }
        }
    }
}
