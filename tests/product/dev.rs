//! `attune dev`: the author types as the customer, saves, breaks and mends the source, and puts the clock forward.

use attune_tests::dev::{Dev, Tryout};
use attune_tests::{Client, Folder, event, says, text, until};
use serde_json::json;

/// The API of a session, by the line that it prints.
fn client(dev: &mut Dev) -> Client {
    let line = dev.shows("ATTUNE_URL=");
    let after = |name: &str| {
        let (_, rest) = line.split_once(name).unwrap_or_else(|| panic!("{name} is missing: {line}"));
        rest.split(' ').next().unwrap_or_default().to_owned()
    };
    Client::new(&after("ATTUNE_URL="), &after("ATTUNE_TOKEN="))
}

#[test]
fn a_plugin_is_tried_changed_broken_and_mended_while_it_runs() {
    let plugin = Tryout::new("tryout", "one");
    let mut dev = Dev::start(&plugin, &[]);
    let api = client(&mut dev);
    dev.shows("tryout 1.0.0 runs");
    dev.shows("You are chat:anna");

    dev.types("Hello");
    dev.shows("Anna by chat: Hello");
    dev.shows("tryout 1.0.0 on-message answered  state.get, state.set, schedule.set, message.send; fuel ");
    dev.shows("timer later for ");
    dev.shows("tryout to Anna by chat, sent: one 1");

    // Saved: the new words, and the count that the old ones had reached.
    plugin.says("two");
    dev.shows("tryout 1.0.0 runs");
    dev.types("Hello again");
    dev.shows("sent: two 2");

    // Broken: the error is told in the compiler's words, and the plugin goes on as it was.
    plugin.says("three\".nonsense() + \"");
    dev.shows("no method named `nonsense`");
    dev.shows("tryout cannot be swapped; 1.0.0 goes on as it was");
    dev.types("Are you there?");
    dev.shows("sent: two 3");
    dev.shows("tryout cannot be swapped; 1.0.0 goes on as it was; /error shows why");
    dev.types("/error");
    dev.shows("no method named `nonsense`");

    plugin.says("four");
    dev.shows("tryout 1.0.0 runs");
    dev.types("And now?");
    dev.shows("sent: four 4");

    // Time: the timer is an hour away, and rings on the way to the third day.
    dev.types("+3d");
    dev.shows("a timer of tryout fell due (Anna)");
    dev.shows("log info: it rang: later");
    dev.shows("The clock stands at ");

    // What comes in by the API is shown alike.
    let data = json!({ "customer": { "addresses": ["chat:carl"] }, "text": "by the API" });
    let carl = text(&api.event(&event("attune.message.received.v1", data)).with(202)["customer"]);
    dev.shows("chat:carl by chat: by the API");
    dev.shows("tryout to chat:carl by chat, sent: four 1");
    let messages = until("the answer is in the conversation", || {
        let page = api.get(&format!("/v1/customers/{carl}/messages")).with(200);
        Some(page["items"].clone()).filter(|items| items.as_array().is_some_and(|items| items.len() == 2))
    });
    assert!(says(&messages[0], "four 1"), "{messages:#}");

    // Other people, other lines.
    dev.types("/as ben");
    dev.shows("You are email:ben@example.com");
    dev.types("Hello by mail");
    dev.shows("Ben by email: Hello by mail");
    dev.shows("tryout to Ben by email, sent: four 1");
    dev.types("/staff I am here");
    dev.shows("Petra to Ben by email, sent: I am here");
    dev.types("/why");
    dev.shows("\"entry\": \"evt_");
    dev.types("/dance");
    dev.shows("there is no command /dance; /help lists them");
    dev.types("/help");
    dev.shows("put the clock forward");
    assert!(dev.ends(), "it ends well with its input");
}

#[test]
fn a_session_with_data_goes_on_where_it_ended() {
    let (plugin, folder) = (Tryout::new("kept", "five"), Folder::new());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut dev = Dev::start(&plugin, &["--data", &data]);
    dev.shows("You are chat:anna");
    dev.types("Hello");
    dev.shows("sent: five 1");
    dev.types("+30d");
    let stood = dev.shows("The clock stands at ");
    assert!(dev.interrupted(), "it ends well by Ctrl-C");

    let mut dev = Dev::start(&plugin, &["--data", &data]);
    dev.shows("You are chat:anna");
    dev.types("Hello");
    dev.shows("sent: five 2");
    dev.types("+1s");
    let stands = dev.shows("The clock stands at ");
    assert_eq!(stood.split(" ahead").next(), stands.split(" ahead").next());
    assert!(dev.ends());
}
