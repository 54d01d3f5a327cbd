//! Secrets in a request: a channel writes a placeholder, and the value stands in its place only for the moment of sending.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::door::HttpRequest;

/// Fills in what a channel left to the host. `secret` gives the newest value of a secret.
///
/// # Errors
/// Which placeholder is wrong, or which secret is not set, in words for the owner.
pub fn fill(request: &HttpRequest, secret: impl Fn(&str) -> Option<String>) -> Result<HttpRequest, String> {
    let known = |name: &str| {
        secret(name).ok_or_else(|| format!("the secret `{name}` is not set; set it with `attune plugin secret`"))
    };
    let kind = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kind.map_or("", |(_, value)| value.as_str());
    let in_body = |value: String| match kind {
        kind if kind.contains("json") => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted.trim_matches('"').to_owned()
        }
        kind if kind.contains("x-www-form-urlencoded") => {
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
        }
        _ => value,
    };
    let plain = |words: &[&str]| match words {
        ["secret", name] => known(name).map(Some),
        ["basic", name, password] => Ok(Some(STANDARD.encode(format!("{}:{}", known(name)?, known(password)?)))),
        _ => Ok(None),
    };
    let url = replace(&request.url, |words| plain(words))?;
    // A body that is no text has no placeholders.
    let body = match std::str::from_utf8(&request.body) {
        Ok(text) => replace(text, |words| Ok(plain(words)?.map(&in_body)))?.into_bytes(),
        Err(_) => request.body.clone(),
    };
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        headers.push((
            name.clone(),
            replace(value, |words| match words {
                ["sign", _] => Ok(Some(format!("{{{{{}}}}}", words.join(" ")))),
                words => plain(words),
            })?,
        ));
    }
    let header = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map_or("", |(_, value)| value.as_str())
    };
    let mut signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&body);
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let value = replace(value, |words| match words {
                ["sign", secret] => sign(&known(secret)?, &signed).map(Some),
                _ => Ok(None),
            })?;
            Ok((name.clone(), value))
        })
        .collect::<Result<_, String>>()?;
    Ok(HttpRequest { method: request.method.clone(), url, headers, body })
}

fn sign(secret: &str, message: &[u8]) -> Result<String, String> {
    let wrong = || "the signing secret is no base64 (whsec_...)".to_owned();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| wrong())?;
    let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())?;
    Ok(STANDARD.encode(mac.chain_update(message).finalize().into_bytes()))
}

/// Replaces every `{{...}}` for which there is a value. What stands in double braces and is no placeholder stays: a customer may
/// write braces.
fn replace(text: &str, value: impl Fn(&[&str]) -> Result<Option<String>, String>) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        done.push_str(before);
        let inner = after.split_once("}}").map(|(inner, after)| (inner.split(' ').collect::<Vec<_>>(), after));
        match inner.map(|(words, after)| value(&words).map(|value| (value, after))).transpose()? {
            Some((Some(value), after)) => {
                done.push_str(&value);
                rest = after;
            }
            _ => {
                done.push_str("{{");
                rest = after;
            }
        }
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)], body: &str) -> HttpRequest {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        HttpRequest { method: "POST".into(), url: url.into(), headers, body: body.as_bytes().to_vec() }
    }

    fn secrets(name: &str) -> Option<String> {
        match name {
            "sid" => Some("AC1".to_owned()),
            "token" => Some("a&b\"c".to_owned()),
            // Of the specification of Standard Webhooks.
            "signing" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn secrets_stand_where_their_placeholders_were_escaped_as_the_body_wants() {
        let form = request(
            "https://api.example/{{secret sid}}/x",
            &[("Authorization", "Basic {{basic sid token}}"), ("Content-Type", "application/x-www-form-urlencoded")],
            "t={{secret token}}&text={{hello}} {{",
        );
        let filled = fill(&form, secrets).unwrap();
        assert_eq!(filled.url, "https://api.example/AC1/x");
        assert_eq!(filled.headers[0].1, format!("Basic {}", STANDARD.encode("AC1:a&b\"c")));
        assert_eq!(String::from_utf8(filled.body).unwrap(), "t=a%26b%22c&text={{hello}} {{");
        let json = request("https://x.example", &[("content-type", "application/json")], r#"{"t":"{{secret token}}"}"#);
        assert_eq!(String::from_utf8(fill(&json, secrets).unwrap().body).unwrap(), r#"{"t":"a&b\"c"}"#);
    }

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let signed = request(
            "https://x.example",
            &[
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", "v1,{{sign signing}}"),
            ],
            r#"{"test": 2432232314}"#,
        );
        let filled = fill(&signed, secrets).unwrap();
        assert_eq!(filled.headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_not_set_is_named() {
        let error = fill(&request("https://x.example/{{secret other}}", &[], ""), secrets).unwrap_err();
        assert!(error.contains("the secret `other` is not set"), "{error}");
    }
}
