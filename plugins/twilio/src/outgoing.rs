//! What goes out by Twilio, and what Twilio answers.

use attune_vendor::channel::{retry_after, said};
use attune_vendor::form::encode;
use attune_vendor::{first, text};
use serde_json::Value;

use super::bindings::exports::attune::channel::sending::{Delivery, HttpRequest, HttpResponse, Outgoing};
use super::{STOPPED, is_no_address};

/// The longest text that Twilio takes, in characters.
const TEXT_CHARS: usize = 1_600;

pub fn request(message: &Outgoing) -> Result<HttpRequest, String> {
    let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
    if message.text.trim().is_empty() {
        return Err("the message has no text, and Twilio sends none without".to_owned());
    }
    let chars = message.text.chars().count();
    if chars > TEXT_CHARS {
        return Err(format!(
            "the message has {chars} characters, and Twilio sends at most {TEXT_CHARS}; make it shorter"
        ));
    }
    let (setting, prefix) = if message.channel == "whatsapp" { ("whatsapp_from", "whatsapp:") } else { ("from", "") };
    let service = text(&settings, "/messaging_service_sid");
    let sender = match (text(&settings, &format!("/{setting}")), service) {
        (Some(number), _) => ("From", format!("{prefix}{number}")),
        (None, Some(service)) => ("MessagingServiceSid", service),
        (None, None) => {
            return Err(format!(
                "nothing says who messages on {} come from; set `{setting}` or `messaging_service_sid` in Twilio's settings",
                message.channel
            ));
        }
    };
    let to = format!("{prefix}{}", message.to);
    let mut fields = vec![("To", to.as_str()), (sender.0, sender.1.as_str()), ("Body", message.text.as_str())];
    fields.extend(message.reports.as_deref().map(|reports| ("StatusCallback", reports)));
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: "https://api.twilio.com/2010-04-01/Accounts/{{secret account-sid}}/Messages.json".to_owned(),
        headers: vec![
            ("authorization".to_owned(), "Basic {{basic account-sid auth-token}}".to_owned()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ],
        body: encode(&fields),
    })
}

pub fn delivery(message: &Outgoing, response: &HttpResponse) -> Delivery {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let words = said(&response.body, &["/message", "/detail"]);
    let code = first(&body, &["/code", "/error_code"]).unwrap_or_default();
    let wait = || retry_after(&response.headers, message.now);
    match (response.status, code.as_str()) {
        (200..=299, _) => Delivery::Accepted(text(&body, "/sid")),
        (_, STOPPED) => {
            Delivery::Unreachable("they told Twilio to stop (21610); only their START ends that".to_owned())
        }
        (_, code) if is_no_address(code) => {
            Delivery::Unreachable(format!("Twilio cannot reach that number ({code}): {words}"))
        }
        // Too many at once, in Twilio's several words for it.
        (429, _) | (_, "20429" | "14107" | "21611" | "63018") => {
            Delivery::Retry((format!("Twilio asks to wait: {words}"), wait()))
        }
        (401 | 403, _) => Delivery::Failed(format!(
            "Twilio refuses the account or its token ({}): {words}; look at the secrets `account-sid` and `auth-token`",
            response.status
        )),
        // Its front door gave up waiting for what is behind it: the message may be on its way, and must not go out twice.
        (504, _) => {
            Delivery::Failed("Twilio's gateway timed out (504), so it may or may not have been sent".to_owned())
        }
        (500..=599, _) => Delivery::Retry((format!("Twilio is in trouble ({}): {words}", response.status), wait())),
        (status, "") => Delivery::Failed(format!("Twilio refuses it ({status}): {words}")),
        (_, code) => Delivery::Failed(format!("Twilio refuses it (error {code}): {words}")),
    }
}
