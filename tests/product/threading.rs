//! Mails in and out stay in one conversation, at the customer's as well as here.

use std::sync::Arc;
use std::time::Duration;

use attune_tests::{Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

use crate::mail::{Mail, MailServer};

const RECEIVED: &str = "attune.message.received.v1";
const WHERE: &str = "Where is my order?";

/// The value of a header, unfolded.
fn header(mail: &Mail, name: &str) -> Option<String> {
    let content = mail.content.replace("\r\n", "\n").replace("\n ", " ");
    let (head, _) = content.split_once("\n\n")?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
}

fn with_words(mails: &MailServer, words: &str) -> Mail {
    until(&format!("a mail with `{words}`"), || mails.taken().into_iter().find(|mail| mail.content.contains(words)))
}

#[test]
fn an_answer_refers_to_the_mail_it_answers_and_a_mail_to_the_answer_it_follows() {
    let mails = MailServer::start(Duration::ZERO);
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &mails.url()]))));
    shop.enable("order-status");
    let anna = shop.shipped("email:anna@example.com", "#1001");
    let news = with_words(&mails, "#1001");
    assert_eq!((header(&news, "In-Reply-To"), header(&news, "References")), (None, None), "{news:?}");

    let mail = json!({
        "channel": "email", "text": WHERE, "subject": "My bread", "message_id": "<one@example.com>",
        "in_reply_to_id": "<zero@example.com>", "full": format!("{WHERE}\n\n> Thank you for your order."),
        "attachments": [{ "name": "photo.jpg", "content_type": "image/jpeg", "bytes": 48_211 }],
    });
    shop.tell("email:anna@example.com", RECEIVED, mail);
    let asked = shop.message(&anna, "the question", |message| message["text"] == WHERE);
    let kept = json!({
        "message_id": "<one@example.com>", "in_reply_to_id": "<zero@example.com>",
        "full": format!("{WHERE}\n\n> Thank you for your order."),
        "attachments": [{ "name": "photo.jpg", "content_type": "image/jpeg", "bytes": 48_211 }],
    });
    assert_eq!(asked["original"], kept);
    // What it names is no mail of ours.
    assert_eq!(asked["in_reply_to"], Value::Null);
    shop.message(&anna, "the answer", |message| message["origin"]["purpose"] == "reply");
    shop.owner.post(&format!("/v1/customers/{anna}/messages"), &json!({ "text": "It comes on Tuesday." })).with(201);
    let staff = with_words(&mails, "It comes on Tuesday.");
    assert_eq!(header(&staff, "Subject").as_deref(), Some("Re: My bread"), "{staff:?}");
    let taken = until("the news and both answers", || Some(mails.taken()).filter(|taken| taken.len() == 3));
    let threads: Vec<_> = taken.iter().map(|mail| (header(mail, "In-Reply-To"), header(mail, "References"))).collect();
    let thread = (Some("<one@example.com>".to_owned()), Some("<zero@example.com> <one@example.com>".to_owned()));
    assert_eq!(threads, [(None, None), thread.clone(), thread], "{taken:#?}");

    // Anna follows up; Ben quotes an id that is not his.
    let ours = header(&staff, "Message-ID").unwrap();
    let follows = |words: &str| json!({ "channel": "email", "text": words, "in_reply_to_id": ours });
    shop.tell("email:anna@example.com", RECEIVED, follows("Tuesday is fine."));
    let ben = shop.tell("email:ben@example.com", RECEIVED, follows("Tuesday is not fine."));
    let tied = shop.message(&anna, "what follows", |message| says(message, "Tuesday is fine"));
    assert_eq!(Some(text(&tied["in_reply_to"])), ours.split(['<', '@']).nth(1).map(str::to_owned), "{tied:#}");
    let stray = shop.message(&ben, "what does not", |message| says(message, "Tuesday is not fine"));
    assert_eq!(stray["in_reply_to"], Value::Null, "{stray:#}");
}

#[test]
fn an_out_of_office_reply_is_not_answered_and_what_is_too_long_is_refused() {
    let shop = Shop::open();
    shop.enable("order-status");
    let away = json!({ "channel": "email", "text": WHERE, "subject": "Automatic reply: My bread" });
    let customer = shop.tell("email:carla@example.com", RECEIVED, away);
    let said = shop.message(&customer, "the reply", |message| message["text"] == WHERE);
    assert!(said["machine"].is_string(), "{said:#}");
    shop.settled();
    assert_eq!(shop.conversation(&customer).len(), 1, "nothing answers it");

    let attachment = json!({ "content_type": "a/b" });
    for (field, value, path) in [
        ("full", json!("x".repeat(131_073)), "/full"),
        ("message_id", json!(""), "/message_id"),
        ("in_reply_to_id", json!("x".repeat(1_001)), "/in_reply_to_id"),
        ("attachments", json!(vec![attachment; 101]), "/attachments"),
        ("attachments", json!([{ "name": "a" }]), "/attachments/0"),
        ("attachments", json!([{ "content_type": "a/b", "bytes": -1 }]), "/attachments/0/bytes"),
    ] {
        let mut data = json!({ "customer": { "addresses": ["email:a@example.com"] }, "text": "x" });
        data[field] = value;
        let refused = shop.owner.event(&event(RECEIVED, data));
        assert_eq!(refused.status, 422, "{field}: {}", refused.text);
        assert!(refused.text.contains(&format!("\"{path}\"")), "{path}: {}", refused.text);
    }
}
