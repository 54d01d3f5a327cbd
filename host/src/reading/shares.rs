//! Shares, and how far two groups are apart, each with what chance alone could make of it.
//!
//! Never says why two groups differ, nor whether that is just.

use serde::Serialize;
use utoipa::ToSchema;

/// The quantile of the normal distribution for intervals of 95 %.
const Z: f64 = 1.96;

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Share {
    /// How many it was true of.
    pub count: usize,
    /// How many there were.
    pub of: usize,
    /// The one divided by the other, 0 to 1; 0 where there were none.
    pub share: f64,
    /// The lower end of Wilson's interval of 95 %.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Share {
    /// So many of so many that say nothing of each other.
    pub fn new(count: usize, of: usize) -> Self {
        Self::of_independent(count, of, of)
    }

    /// So many of so many, of which only some are independent: what one person writes is much alike, so chance is reckoned
    /// by persons.
    pub fn of_independent(count: usize, of: usize, independent: usize) -> Self {
        if of == 0 || independent == 0 {
            return Self { count, of, share: 0.0, low: 0.0, high: 1.0 };
        }
        let (share, n) = (count as f64 / of as f64, independent as f64);
        let scale = 1.0 + Z * Z / n;
        let middle = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
        Self { count, of, share: round(share), low: round(low), high: round(high) }
    }
}

/// What a measure says, one group against all others.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Gap {
    /// The measure: `escalated`, `misread`, ...
    pub measure: &'static str,
    /// The largest difference that passes, 0 to 1.
    pub limit: f64,
    /// Each group, the largest difference first.
    pub compared: Vec<Compared>,
}

impl Gap {
    /// Of these comparisons.
    pub fn new(measure: &'static str, limit: f64, mut compared: Vec<Compared>) -> Self {
        // The order is total and stable, so that the same data always prints the same.
        compared.sort_by(|one, other| other.difference.abs().total_cmp(&one.difference.abs()));
        Self { measure, limit, compared }
    }

    /// Whether no group that is judged is past the limit.
    pub fn is_within(&self) -> bool {
        !self.compared.iter().any(|compared| compared.is_past_limit)
    }
}

/// One group against all others.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Compared {
    /// The group.
    pub name: String,
    /// Its share less that of the others, -1 to 1.
    pub difference: f64,
    /// The lower end of the difference's interval of 95 %.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Whether there are enough of both to judge.
    pub is_judged: bool,
    /// Whether it is judged, is larger than the limit, and chance alone does not explain it.
    pub is_past_limit: bool,
}

impl Compared {
    fn new(name: &str, difference: f64, (mean, error): (f64, f64), is_judged: bool, limit: f64) -> Self {
        let (low, high) = ((mean - Z * error).max(-1.0), (mean + Z * error).min(1.0));
        // Being better off than the rest counts as well: else one group could be served well and all others badly, and each of
        // those would look like the rest.
        let is_past_limit = is_judged && difference.abs() > limit && (low > 0.0 || high < 0.0);
        Self {
            name: name.to_owned(),
            difference: round(difference),
            low: round(low),
            high: round(high),
            is_judged,
            is_past_limit,
        }
    }

    /// By pairs: for each situation the group's result less the mean of the others'. What makes a situation hard is hard for
    /// all, and falls out. The interval is that of Bonett and Price: two pairs are added that go one each way, so that few or
    /// equal pairs do not look certain.
    pub fn by_pairs(name: &str, pairs: &[f64], limit: f64) -> Self {
        let (count, sum) = (pairs.len() as f64, pairs.iter().sum::<f64>());
        let squares = pairs.iter().map(|pair| pair * pair).sum::<f64>() + 2.0;
        let mean = sum / (count + 2.0);
        let error = ((squares / (count + 2.0) - mean * mean).max(0.0) / (count + 2.0)).sqrt();
        Self::new(name, if pairs.is_empty() { 0.0 } else { sum / count }, (mean, error), !pairs.is_empty(), limit)
    }

    /// By two shares of different things. The interval is that of Agresti and Caffo: one more of each kind is added to both.
    /// `persons` are those of the group and of the others.
    pub fn by_shares(name: &str, own: f64, rest: f64, persons: (usize, usize), enough: usize, limit: f64) -> Self {
        let added = |share: f64, n: usize| {
            let n = n as f64 + 2.0;
            let share = (share * (n - 2.0) + 1.0) / n;
            (share, share * (1.0 - share) / n)
        };
        let ((one, one_spread), (other, other_spread)) = (added(own, persons.0), added(rest, persons.1));
        let is_judged = persons.0 >= enough.max(1) && persons.1 >= enough.max(1);
        Self::new(name, own - rest, (one - other, (one_spread + other_spread).sqrt()), is_judged, limit)
    }
}

/// To four places: no interval here is known better than that.
fn round(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_the_interval_that_wilson_gives_it() {
        for (count, of, low, high) in [
            (0, 0, 0.0, 1.0),
            (0, 10, 0.0, 0.2775),
            (5, 10, 0.2366, 0.7634),
            (10, 10, 0.7225, 1.0),
            (81, 263, 0.2553, 0.3662),
        ] {
            let share = Share::new(count, of);
            assert_eq!((share.low, share.high), (low, high), "{count} of {of}");
        }
        assert_eq!(Share::new(5, 10).share, 0.5);
        let wide = Share::of_independent(50, 100, 10);
        assert_eq!((wide.share, wide.low), (0.5, 0.2366), "a hundred messages of ten people are as sure as ten");
    }

    #[test]
    fn a_gap_is_past_its_limit_when_it_is_large_and_not_chance() {
        let pairs = |lost: usize, of: usize| {
            let pairs: Vec<f64> = (0..of).map(|at| if at < lost { -1.0 } else { 0.0 }).collect();
            Compared::by_pairs("group", &pairs, 0.15)
        };
        for (lost, of, difference, is_past) in [
            (0, 20, 0.0, false),
            (2, 4, -0.5, false),
            (3, 20, -0.15, false),
            (4, 20, -0.2, false),
            (6, 20, -0.3, true),
            (20, 20, -1.0, true),
            (70, 700, -0.1, false),
        ] {
            let compared = pairs(lost, of);
            assert_eq!((compared.difference, compared.is_past_limit), (difference, is_past), "{lost} of {of}");
            assert!(compared.low < compared.high);
        }
        assert!(!pairs(0, 0).is_judged);
        let better = Compared::by_pairs("group", &[1.0; 20], 0.15);
        assert!(better.is_past_limit && better.low > 0.0, "so is one that is far better than the others");
    }

    #[test]
    fn two_shares_are_compared_by_how_many_people_they_are_of() {
        let compare = |own, rest| Compared::by_shares("group", 0.5, 0.1, (own, rest), 20, 0.15);
        for (own, rest, is_judged) in [(19, 100, false), (100, 19, false), (20, 20, true)] {
            let compared = compare(own, rest);
            assert_eq!((compared.is_judged, compared.is_past_limit), (is_judged, is_judged), "{own} and {rest}");
            assert_eq!(compared.difference, 0.4);
        }
        assert!(!Compared::by_shares("group", 0.3, 0.1, (20, 20), 20, 0.15).is_past_limit, "chance explains it");
        assert!(!Compared::by_shares("group", 0.2, 0.1, (2_000, 2_000), 20, 0.15).is_past_limit, "it is small");
    }

    #[test]
    fn the_largest_difference_comes_first_and_one_past_the_limit_is_enough() {
        let compared = |name, share| Compared::by_pairs(name, &[share; 50], 0.15);
        let gap = Gap::new("misread", 0.15, vec![compared("a", 0.1), compared("b", -0.5), compared("c", 0.0)]);
        let names: Vec<_> = gap.compared.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        assert!(!gap.is_within());
        assert!(Gap::new("misread", 0.15, vec![compared("a", 0.1)]).is_within());
        assert!(Gap::new("misread", 0.15, Vec::new()).is_within());
    }
}
