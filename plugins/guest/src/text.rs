//! Small questions about what a customer wrote, in any language.

/// The words in lower case and without accents, each between single spaces: ` wo ist der anwalt `. So one `contains`
/// finds a word or a phrase on its boundaries, however it is written.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => folded.push('a'),
            'è' | 'é' | 'ê' | 'ë' => folded.push('e'),
            'ì' | 'í' | 'î' | 'ï' => folded.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' => folded.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => folded.push('u'),
            'ç' => folded.push('c'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            // "don't" and "don’t" stay one word.
            '\'' | '’' => {}
            letter if letter.is_alphanumeric() => folded.push(letter),
            _ if folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    if !folded.ends_with(' ') {
        folded.push(' ');
    }
    folded
}

/// Whether a folded text says this word or phrase.
pub fn says(folded: &str, phrase: &str) -> bool {
    let phrase = fold(phrase);
    // Chinese and Japanese write no spaces between words.
    let dense = phrase.chars().any(|letter| ('\u{2E80}'..'\u{A000}').contains(&letter));
    let phrase = if dense { phrase.trim() } else { &phrase };
    phrase.len() > 1 && folded.contains(phrase)
}

/// The first e-mail address.
pub fn email(text: &str) -> Option<&str> {
    let trimmed = text.split_whitespace().map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()));
    trimmed
        .into_iter()
        .find(|word| word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')))
}

/// The words with a digit in them (`#1001`, `SW1A`), in order, and the two capitals that follow four digits in Dutch
/// postcodes (`1012 AB`). Addresses, links and amounts with a sign are left out.
pub fn codes(text: &str) -> Vec<&str> {
    let inside = |letter: char| letter.is_alphanumeric() && letter != 'º' || matches!(letter, '#' | '-' | '_');
    let mut codes = Vec::new();
    let mut after_four = false;
    for word in
        text.split_whitespace().filter(|word| !word.contains(['@', '€', '$', '£', '%']) && !word.contains("://"))
    {
        for part in word.split(|letter| !inside(letter)).filter(|part| !part.is_empty()) {
            let dutch = after_four && part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
            if digits(part) > 0 || dutch {
                codes.push(part);
            }
            after_four = part.len() == 4 && digits(part) == 4;
        }
    }
    codes
}

/// How many digits are in it.
pub fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_written() {
        assert_eq!(fold("Wo ist der ANWALT?!"), " wo ist der anwalt ");
        assert_eq!(fold("¿Dónde está mí pedido?"), " donde esta mi pedido ");
        assert_eq!(fold("I don’t, I don't"), " i dont i dont ");
        assert_eq!(fold(""), " ");
        assert!(says(&fold("My LAWYER, will call"), "Lawyer"));
        assert!(says(&fold("Meine Rückerstattung!"), "ruckerstattung"));
        assert!(says(&fold("我要找律师谈谈"), "律师"));
        assert!(!says(&fold("the lawyers"), "lawyer"));
        assert!(!says(&fold("well?"), "!"));
    }

    #[test]
    fn codes_and_addresses_are_told_apart() {
        assert_eq!(codes("Order #1001, 1012 AB please"), ["#1001", "1012", "AB"]);
        assert_eq!(codes("nº1001; SW1A 1AA. I PAID"), ["1001", "SW1A", "1AA"]);
        assert_eq!(codes("anna2@example.com https://example.com/1 120€"), [""; 0]);
        assert_eq!(email("it is <anna2@example.com>, thanks"), Some("anna2@example.com"));
        assert_eq!(email("me @home"), None);
    }
}
