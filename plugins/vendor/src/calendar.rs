//! What connectors want that tell their calendar of answers: whether the owner wants it told, and what its answer means.

use serde_json::Value;

use crate::channel::{retry_after, said};

/// Whether a declined appointment is to be cancelled there: only where the owner's setting `cancel_declined` says so.
pub fn cancels(settings: &Value, answer: &str) -> bool {
    answer == "declined" && settings.get("cancel_declined").and_then(Value::as_bool) == Some(true)
}

/// The reason that stands with a cancellation.
pub const DECLINED: &str = "Declined by the customer (told by Attune)";

/// An id as a part of an address.
///
/// # Errors
/// When it is more than letters, digits, hyphens and underscores, so that it cannot lead elsewhere.
pub fn segment(id: &str) -> Result<&str, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= 200 && id.chars().all(fits) {
        return Ok(id);
    }
    Err("the appointment's id is none that its calendar gives".to_owned())
}

/// What a calendar's answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It has it.
    Taken,
    /// Not now: in words, and how long to wait at least, in milliseconds.
    Later(String, Option<u64>),
    /// Never, in words for staff.
    Never(String),
}

/// Judges an answer of a vendor by its status. Its words stand at `places` in its JSON; where they hold one of `taken`, what was to
/// be done is done already.
pub fn judge(
    (status, headers, body): (u16, &[(String, String)], &[u8]),
    places: &[&str],
    taken: &[&str],
    now: u64,
) -> Judged {
    let words = said(body, places);
    let lower = words.to_lowercase();
    let wait = || retry_after(headers, now);
    match status {
        200..=299 => Judged::Taken,
        400 | 403 | 404 | 409 | 422 if taken.iter().any(|known| lower.contains(known)) => Judged::Taken,
        401 | 403 => Judged::Never(format!("it refuses the access ({status}): {words}; look at its secrets")),
        408 | 425 | 429 => Judged::Later(format!("it asks to wait ({status}): {words}"), wait()),
        500..=599 => Judged::Later(format!("it is in trouble ({status}): {words}"), wait()),
        _ => Judged::Never(format!("it refuses ({status}): {words}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_cancelled_that_the_owner_did_not_say() {
        assert!(cancels(&json!({ "cancel_declined": true }), "declined"));
        for (settings, answer) in [
            (json!({}), "declined"),
            (json!({ "cancel_declined": false }), "declined"),
            (json!({ "cancel_declined": true }), "confirmed"),
            (json!({ "cancel_declined": true }), "asked-to-move"),
        ] {
            assert!(!cancels(&settings, answer), "{settings} {answer}");
        }
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        assert_eq!(segment("bK_9-x"), Ok("bK_9-x"));
        for id in ["", "a/b", "..", "a?b", "{{secret x}}", "a b"] {
            assert!(segment(id).is_err(), "{id}");
        }
    }

    #[test]
    fn what_is_done_already_is_done() {
        let judged = |status, body: &str| judge((status, &[], body.as_bytes()), &["/message"], &["already"], 0);
        assert_eq!(judged(201, ""), Judged::Taken);
        assert_eq!(judged(400, r#"{"message":"It is ALREADY cancelled"}"#), Judged::Taken);
        assert!(matches!(judged(400, r#"{"message":"No"}"#), Judged::Never(words) if words.contains("No")));
        assert!(matches!(judged(403, ""), Judged::Never(words) if words.contains("secrets")));
        assert!(matches!(judged(429, ""), Judged::Later(..)));
        assert!(matches!(judged(503, ""), Judged::Later(..)));
    }
}
