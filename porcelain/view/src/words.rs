//! Sizes, times and counts in words.

use roar_object::Change;

/// Returns a number of bytes: `17 B`, `1.4 KB`, `2.0 GB`, in powers of 1000.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1000, 0);
    while tenths >= 9_995 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
        // What was cut off was less than a tenth of the new unit.
        if tenths < 10 {
            tenths = 10;
        }
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns a length of time: `0.03 s`, `12.3 s`, `4 min 05 s`, `2 h 07 min`, `3 d 4 h`.
pub fn duration(ns: u64) -> String {
    let hundredths = ns / 10_000_000;
    let seconds = ns / 1_000_000_000;
    match seconds {
        0..10 => format!("{}.{:02} s", seconds, hundredths % 100),
        10..60 => format!("{}.{} s", seconds, hundredths % 100 / 10),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Returns how long ago something was: `just now`, `5 minutes ago`, `in 2 hours`.
pub fn ago(then_ns: i64, now_ns: i64) -> String {
    let distance = now_ns.abs_diff(then_ns) / 1_000_000_000;
    let (number, unit) = match distance {
        0..10 => return "just now".to_owned(),
        10..60 => (distance, "second"),
        60..3_600 => (distance / 60, "minute"),
        3_600..86_400 => (distance / 3_600, "hour"),
        86_400..2_592_000 => (distance / 86_400, "day"),
        2_592_000..31_536_000 => (distance / 2_592_000, "month"),
        _ => (distance / 31_536_000, "year"),
    };
    let words = count(number, unit);
    if then_ns > now_ns {
        format!("in {words}")
    } else {
        format!("{words} ago")
    }
}

/// Returns what became of a file, in a word: one that was there may have got the bytes that it had.
pub const fn change(change: Change) -> &'static str {
    match change {
        Change::Modified => "rewritten",
        Change::Created | Change::Deleted => change.name(),
    }
}

/// Returns a number and what is counted: `1 file`, `5,000 files`, `2 processes`.
pub fn count(number: u64, one: &str) -> String {
    let plural = match number {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{plural}", grouped(number))
}

/// Returns a number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_unit_and_one_digit_after_the_point() {
        let sizes = [
            0,
            999,
            1_000,
            1_449,
            999_400,
            999_999,
            1_000_000,
            2_000_000_000,
            u64::MAX,
        ];
        let shown = sizes.map(size).join(", ");
        assert_eq!(
            shown,
            "0 B, 999 B, 1.0 KB, 1.4 KB, 999.4 KB, 1.0 MB, 1.0 MB, 2.0 GB, 18.4 EB"
        );
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        let seconds = [0.0, 0.034, 9.999, 12.34, 65.0, 7_620.0, 273_600.0];
        let shown = seconds
            .map(|seconds| duration((seconds * 1e9) as u64))
            .join(", ");
        assert_eq!(
            shown,
            "0.00 s, 0.03 s, 9.99 s, 12.3 s, 1 min 05 s, 2 h 07 min, 3 d 4 h"
        );
    }

    #[test]
    fn times_are_told_in_good_english() {
        let at = |seconds: i64| ago(0, seconds * 1_000_000_000);
        let shown = [
            at(3),
            at(59),
            at(60),
            at(7_200),
            at(90_000),
            at(-3_600),
            at(70_000_000),
        ]
        .join(", ");
        assert_eq!(
            shown,
            "just now, 59 seconds ago, 1 minute ago, 2 hours ago, 1 day ago, in 1 hour, 2 years ago"
        );
        assert_eq!(ago(i64::MIN, i64::MAX).split(' ').count(), 3);
        assert_eq!(
            (count(1, "file"), count(5_000, "file")),
            ("1 file".into(), "5,000 files".into())
        );
    }
}
