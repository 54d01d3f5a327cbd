//! The dialogue with somebody whose order is not known as theirs: number and proof, in one message or in two. What does
//! not fit is asked for once more; then a person is called.

use crate::bindings::attune::host::message::{Content, Value};
use crate::bindings::attune::host::{handoff, order_claims, state};
use crate::bindings::attune::types::types::{Failure, Message};
use crate::bindings::exports::attune::automation::on_message::Verdict;
use crate::{DAY_MS, answer, failure, reply};
use attune_guest::text;

/// How people say that they do not have the number, folded.
const CANNOT_TELL: [&str; 12] = [
    " dont have ",
    " do not have ",
    " dont know ",
    " no idea ",
    " cant find ",
    " lost ",
    " habe keine ",
    " habe ich nicht ",
    " weiss nicht ",
    " finde ",
    " no tengo ",
    " no encuentro ",
];

/// What is known so far, kept in `state` for a day. Empty is what they have not told.
#[derive(Default)]
pub struct Asked {
    before: bool,
    failures: u32,
    number: String,
    proof: String,
}

impl Asked {
    pub fn load(message: &Message) -> Option<Asked> {
        let saved = state::get("asked")?;
        let mut lines = saved.split('\n');
        let at: u64 = lines.next()?.parse().ok()?;
        let failures = lines.next()?.parse().ok()?;
        let asked = Asked { before: true, failures, number: lines.next()?.into(), proof: lines.next()?.into() };
        (message.at < at + DAY_MS).then_some(asked)
    }

    /// Claims the order if the message tells enough, else asks for what is missing.
    pub fn go_on(mut self, message: &Message, codes: &[&str], email: Option<&str>) -> Result<Verdict, Failure> {
        if self.before && codes.is_empty() && email.is_none() {
            return self.hand_over(message, "they were asked for number and proof, and gave none");
        }
        let pairs = self.pairs(codes, email);
        for (number, proof) in &pairs {
            match order_claims::claim(number, proof) {
                Ok(order) => {
                    state::delete("asked");
                    return answer(&order);
                }
                Err(refusal) if refusal.code == "no-match" => {}
                Err(refusal) if refusal.code == "too-many-tries" => {
                    return self.hand_over(message, "too many wrong proofs");
                }
                Err(refusal) => return Err(failure(refusal)),
            }
        }
        self.failures += u32::from(!pairs.is_empty());
        if self.failures > 1 {
            return self.hand_over(message, "number and proof fit no order");
        }
        let template = match (pairs.is_empty(), self.number.is_empty(), self.proof.is_empty()) {
            (false, ..) => "ask-again",
            (_, true, true) => "ask-both",
            (_, true, false) => "ask-number",
            (_, false, _) => "ask-proof",
        };
        let known = format!("{}\n{}\n{}\n{}", message.at, self.failures, self.number, self.proof);
        state::set("asked", &known).map_err(failure)?;
        reply(Content::Template((template.into(), vec![("number".into(), Value::Text(self.number))])))
    }

    /// What to try as number and proof. Both may be bare digits and come in any order, so there may be two ways.
    fn pairs(&mut self, codes: &[&str], email: Option<&str>) -> Vec<(String, String)> {
        let marked = codes.iter().position(|code| code.starts_with('#'));
        let place = marked.or_else(|| codes.iter().position(|code| is_number(code)));
        let codes: Vec<&str> = codes.iter().map(|code| code.trim_start_matches('#')).collect();
        let known = !self.number.is_empty();
        let mut pairs = Vec::new();
        // One thing more, after a number they told before, is the proof.
        if known && marked.is_none() {
            let others: Vec<&str> = codes.iter().copied().filter(|code| *code != self.number).collect();
            pairs.push((self.number.clone(), email.map_or(others.concat(), str::to_owned)));
        }
        let both = codes.len() + usize::from(email.is_some()) > 1 && place.is_some();
        if !codes.is_empty() && (!known || marked.is_some() || both) {
            let place = place.unwrap_or(0);
            let others = [&codes[..place], &codes[place + 1..]].concat().concat();
            let told = email.map_or(others, str::to_owned);
            let proof = if told.is_empty() { std::mem::take(&mut self.proof) } else { told };
            pairs.push((codes[place].to_owned(), proof.clone()));
            if !known && marked.is_none() && email.is_none() {
                pairs.push((proof, codes[place].to_owned()));
            }
            if !known || marked.is_some() || email.is_some() {
                self.number = codes[place].to_owned();
            }
        } else if let (Some(email), false) = (email, known) {
            self.proof = email.to_owned();
        }
        pairs.dedup();
        pairs.retain(|(number, proof)| !number.is_empty() && !proof.is_empty());
        pairs
    }

    /// Puts a person in charge, with all that was told. The host tells the customer when one will be there.
    pub fn hand_over(self, message: &Message, why: &str) -> Result<Verdict, Failure> {
        state::delete("asked");
        let told = |what: &str| if what.is_empty() { "-".to_owned() } else { what.to_owned() };
        let summary = [
            "Looks for an order that is not known as theirs: ",
            why,
            ".\nNumber: ",
            &told(&self.number),
            "\nProof: ",
            &told(&self.proof),
            "\nLast message: ",
            &message.text.chars().take(400).collect::<String>(),
        ];
        handoff::open("order not found", "normal", &summary.concat()).map_err(failure)?;
        Ok(Verdict::Answered)
    }
}

/// Whether a word can be an order's number. Smaller ones are rather "3 weeks" or "2 loaves".
pub fn is_number(code: &str) -> bool {
    code.starts_with('#') || text::digits(code) >= 3
}

/// Whether they say that they do not have what they were asked for.
pub fn cannot_tell(text: &str) -> bool {
    let folded = text::fold(text);
    CANNOT_TELL.iter().any(|phrase| folded.contains(phrase))
}
