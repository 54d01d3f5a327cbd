//! What staff read when a case lands with them.

use crate::Matter;
use crate::bindings::attune::types::types::{Message, Reading};

/// What staff need to go on from here.
pub fn summary(message: &Message, why: &str, wanted: &str, mood: &Reading, matter: &Matter) -> String {
    let percent = |share: f32| (share * 100.0) as i32;
    let mut lines = vec![format!("Why: {why}."), format!("Last message: {}", cut(&message.text, 400))];
    let name = match mood.polarity {
        polarity if polarity < -0.5 => "angry",
        polarity if polarity < -0.05 => "unhappy",
        polarity if polarity <= 0.05 => "neutral",
        _ => "friendly",
    };
    lines.push(format!("Mood: {name} ({}), frustration {} %.", percent(mood.polarity), percent(mood.frustration)));
    if !mood.because.is_empty() {
        let terms: Vec<&str> = mood.because.iter().map(|evidence| evidence.term.as_str()).collect();
        lines.push(format!("Signs: {}.", terms.join(", ")));
    }
    lines.push(format!("Automated answers so far: {}.", matter.automated_answers));
    if !matter.last_answer.is_empty() {
        lines.push(format!("The last of them: {}", cut(&matter.last_answer, 400)));
    }
    if wanted != "none" {
        lines.push(format!("Open question: {wanted}, asked {} times.", matter.times_asked + 1));
    }
    if !matter.first_asked.is_empty() {
        lines.push(format!("First asked: {}", cut(&matter.first_asked, 400)));
    }
    cut(&lines.join("\n"), 2_000).to_owned()
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
