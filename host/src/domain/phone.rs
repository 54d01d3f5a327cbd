//! Telephone numbers as people write them: `0151 2345678` is one only when it is known in which country.

use super::address::Address;

/// A number without a country code, as it is dialled in a country (ISO 3166-1, two letters). None when there is no such number
/// there: then nothing may be sent to it.
pub fn in_country(number: &str, country: &str) -> Option<Address> {
    // Longer than any spelling of 15 digits, with an extension.
    if number.len() > 100 {
        return None;
    }
    let country: phonenumber::country::Id = country.parse().ok()?;
    let parsed = phonenumber::parse(Some(country), number).ok().filter(phonenumber::is_valid)?;
    // What is behind an extension is no telephone that could be written to.
    if parsed.extension().is_some() {
        return None;
    }
    Address::parse(&format!("phone:{}", parsed.format().mode(phonenumber::Mode::E164))).ok()
}

/// Whether there is such a country.
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) && code.parse::<phonenumber::country::Id>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_in_its_country_or_not_at_all() {
        for (given, country, expected) in [
            ("0151 23456789", "DE", Some("phone:+4915123456789")),
            ("07911 123456", "GB", Some("phone:+447911123456")),
            ("(415) 555-2671", "US", Some("phone:+14155552671")),
            ("+33 6 12 34 56 78", "DE", Some("phone:+33612345678")),
            ("1-800-555-0137 ext. 5", "US", None),
            ("12", "DE", None),
            ("call me", "DE", None),
            ("0151 23456789", "XX", None),
            ("0151 23456789", "", None),
        ] {
            let found = in_country(given, country);
            assert_eq!(found.as_ref().map(Address::as_str), expected, "{given} in {country}");
        }
        assert!(is_country("DE") && !is_country("de") && !is_country("ZZ") && !is_country("Germany"));
    }
}
