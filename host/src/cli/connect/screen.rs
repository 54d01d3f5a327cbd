//! What the owner has to paste and tick at the vendor, as text.

use std::net::IpAddr;

use serde_json::Value;

use super::super::remote::Hook;

/// All that the owner needs at the vendor. `made` are the secrets that were made just now.
pub(super) fn screen(plugin: &Value, made: &[(String, String)]) -> String {
    let word = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let name = word(plugin, "name");
    let mut text = format!("{name} {} is on: {}\n", word(plugin, "version"), word(plugin, "description"));
    if let Some(hook) = Hook::of(plugin) {
        text.push_str(&address(plugin, &hook, made));
        if !hook.guide.is_empty() {
            text.push_str(&format!("\nWhere:\n  {}\n", hook.guide));
        }
        if !hook.topics.is_empty() {
            text.push_str(&format!("\nTick these topics there:\n  {}\n", hook.topics.join("\n  ")));
        }
    } else {
        text.push_str(&format!("\nNothing comes in from it: it sends by {}.\n", channels(plugin)));
    }
    for secret in plugin["secrets"].as_array().into_iter().flatten() {
        let name = word(secret, "name");
        let state = match made.iter().find(|(made, _)| *made == name) {
            Some((_, value)) => format!("made now and shown this once:\n  {value}"),
            None if secret["values"] == 0 => "is not set yet".to_owned(),
            None => "is set".to_owned(),
        };
        text.push_str(&format!("\nSecret `{name}` {state}\n  {}\n", word(secret, "description")));
    }
    text.push_str(&settings(plugin));
    text
}

/// The settings that nobody has set and that have no default; a channel often needs one of them.
fn settings(plugin: &Value) -> String {
    let known = plugin["settings_schema"]["properties"].as_object().into_iter().flatten();
    let open = known.filter(|(name, _)| plugin["effective_settings"][name.as_str()].is_null());
    let open: String = open
        .map(|(name, about)| format!("  {name}: {}\n", about["description"].as_str().unwrap_or_default()))
        .collect();
    let name = plugin["name"].as_str().unwrap_or_default();
    match open.is_empty() {
        true => open,
        false => {
            format!("\nSettings that are not set (`attune plugin settings {name} '{{...}}'` sets them all):\n{open}")
        }
    }
}

fn channels(plugin: &Value) -> String {
    let names: Vec<&str> = plugin["channels"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}

/// The address to paste, with the secret in it where it belongs there and is known.
fn address(plugin: &Value, hook: &Hook<'_>, made: &[(String, String)]) -> String {
    let secret = plugin["hook"]["secret"].as_str().unwrap_or_default();
    let known = made.iter().find(|(name, _)| name == secret).map(|(_, value)| in_address(value));
    let shown = match plugin["hook"]["address_with_secret"].as_str() {
        Some(with) => match &known {
            Some(value) => with.replace("{secret}", value),
            None => with.replace("{secret}", &format!("<{secret}>")),
        },
        None => hook.address.to_owned(),
    };
    let mut text = String::new();
    if hook.address.starts_with('/') {
        text.push_str(
            "\nThis server does not know where it is reached from outside. Start it with --public-url (or ATTUNE_PUBLIC_URL), such as \
             https://attune.example.com: the name at which your proxy or tunnel listens. Put that name before this:\n",
        );
    } else if is_local(hook.address) {
        text.push_str(
            "\nThis address leads to this machine or your own network, where no vendor gets to. For a trial, send to it yourself; for a vendor, \
             start the server with --public-url and the name at which your proxy or tunnel listens.\n",
        );
    }
    text.push_str(&format!("\nPaste this address at the vendor:\n  {shown}\n"));
    text
}

/// A secret as it stands in an address; the colon between a name and a password stays.
fn in_address(value: &str) -> String {
    value.split(':').map(super::super::remote::segment).collect::<Vec<_>>().join(":")
}

/// Whether an address is one that is not reached from outside.
fn is_local(address: &str) -> bool {
    let Some(host) = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)) else {
        return false;
    };
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_address_says_when_no_vendor_gets_there_and_carries_a_secret_that_belongs_there() {
        let plugin = |address: &str, with: Value| {
            json!({ "name": "p", "version": "1", "description": "d", "channels": [], "secrets": [],
                "hook": { "address": address, "secret": "key", "address_with_secret": with, "topics": ["a", "b"], "guide": "There." } })
        };
        let made = [("key".to_owned(), "attune:a/b".to_owned())];
        for (address, with, made, wanted, unwanted) in [
            ("/hooks/biz/p", json!(null), &made[..], "does not know where", "<key>"),
            ("http://127.0.0.1:8080/hooks/biz/p", json!(null), &made, "no vendor gets to", "does not know"),
            ("http://[::1]:8080/hooks/biz/p", json!(null), &made, "no vendor gets to", "does not know"),
            (
                "https://a.example/hooks/biz/p",
                json!(null),
                &made,
                "  https://a.example/hooks/biz/p\n",
                "no vendor gets to",
            ),
            (
                "https://a.example/h",
                json!("https://{secret}@a.example/h"),
                &made,
                "https://attune:a%2Fb@a.example/h",
                "{secret}",
            ),
            (
                "https://a.example/h",
                json!("https://a.example/h?key={secret}"),
                &[],
                "a.example/h?key=<key>",
                "{secret}",
            ),
            ("https://a.example/h", json!(null), &[], "topics there:\n  a\n  b\n", "{secret}"),
        ] {
            let text = screen(&plugin(address, with), made);
            assert!(text.contains(wanted) && !text.contains(unwanted), "{text}");
        }
    }
}
