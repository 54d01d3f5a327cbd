//! What was probably meant by a name that is not known.

/// The longest name that is compared, in bytes: the work grows with the product of two lengths.
const NAME_BYTES: usize = 64;

/// The known name that differs by at most a third of its letters, or only in their order, if there is one.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES {
        return None;
    }
    let close = |other: &&str| other.len() <= NAME_BYTES;
    let apart = |other: &str| if sorted(name) == sorted(other) { 1 } else { distance(name, other) };
    let (distance, found) = known.filter(close).map(|other| (apart(other), other)).min()?;
    (distance * 3 <= name.len().max(found.len())).then_some(found)
}

fn sorted(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = name.bytes().collect();
    bytes.sort_unstable();
    bytes
}

/// How many letters have to be put in, left out or replaced to get from one name to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<u8> = other.bytes().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, byte) in one.bytes().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (above, &against) in row.iter_mut().skip(1).zip(&other) {
            let cost = (diagonal + usize::from(byte != against)).min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_differs_by_a_third_at_most() {
        let near = |name| nearest(name, ["says", "expect", "customer"].into_iter());
        assert_eq!(near("sasy"), Some("says"));
        assert_eq!(near("soya"), None, "two of four letters");
        assert_eq!(near("say"), Some("says"));
        assert_eq!(near("expects"), Some("expect"));
        assert_eq!(near("custmoer"), Some("customer"));
        assert_eq!(near("wait"), None);
        assert_eq!(near(&"says".repeat(100)), None);
    }
}
