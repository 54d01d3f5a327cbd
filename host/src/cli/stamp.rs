//! Times in event files: `{now}`, `{now+3d}`, `{now-2h}` become moments, `{new}` a fresh id, so that sample events are never stale.

use crate::domain::ids::EventId;
use crate::workbench::moment::duration_ms;
use crate::world::World;

/// Replaces the places in a text. What is no such place stays as it is.
pub(super) fn stamp(text: &str, world: &dyn World) -> String {
    let mut stamped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        stamped.push_str(before);
        let place = after.split_once('}').and_then(|(place, after)| Some((fill(place, world)?, after)));
        match place {
            Some((value, after)) => {
                stamped.push_str(&value);
                rest = after;
            }
            None => {
                stamped.push('{');
                rest = after;
            }
        }
    }
    stamped.push_str(rest);
    stamped
}

fn fill(place: &str, world: &dyn World) -> Option<String> {
    if place == "new" {
        return Some(EventId::new(world.now(), world.unique()).to_string());
    }
    let shift = place.strip_prefix("now")?;
    let now = world.now();
    let at = match shift.split_at_checked(1) {
        None => now,
        Some(("+", span)) => now.plus(duration_ms(span).ok()?),
        Some(("-", span)) => now.minus(duration_ms(span).ok()?),
        Some(_) => return None,
    };
    Some(at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Instant;
    use crate::world::Test;

    #[test]
    fn times_are_filled_in_and_all_else_stays() {
        let world = Test::new(Instant(1_000), 1);
        let text = r#"{"a":"{now}","b":"{now+1h}","c":"{now-1s}","d":"{nowhere}","e":{"f":1}}"#;
        let expected = concat!(
            r#"{"a":"1970-01-01T00:00:01.000Z","b":"1970-01-01T01:00:01.000Z","#,
            r#""c":"1970-01-01T00:00:00.000Z","d":"{nowhere}","e":{"f":1}}"#
        );
        assert_eq!(stamp(text, &world), expected);
    }
}
