//! Stretches of text to be replaced.

use crate::Kind;

/// A stretch that holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    /// Found by its own shape, so its kind says more than its place does.
    exact: bool,
}

impl Span {
    /// A stretch whose shape gives it away.
    pub(crate) fn exact(start: usize, end: usize, kind: Kind) -> Self {
        let exact = true;
        Self {
            start,
            end,
            kind,
            exact,
        }
    }

    /// A stretch whose place gives it away.
    pub(crate) fn loose(start: usize, end: usize, kind: Kind) -> Self {
        let exact = false;
        Self {
            start,
            end,
            kind,
            exact,
        }
    }

    /// The same stretch seen from `by` bytes before.
    pub(crate) fn shifted(self, by: usize) -> Self {
        let (start, end) = (self.start + by, self.end + by);
        Self { start, end, ..self }
    }
}

/// Stretches in the order they were found, overlaps and all.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    found: Vec<Span>,
}

impl Spans {
    pub(crate) fn add(&mut self, span: Span) {
        if span.start < span.end {
            self.found.push(span);
        }
    }

    /// Sorts the stretches and joins those that overlap; one that begins inside
    /// a placeholder of an earlier pass is dropped.
    pub(crate) fn settle(mut self, placeholders: &[(usize, usize)]) -> Vec<Span> {
        self.found
            .sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut settled: Vec<Span> = Vec::with_capacity(self.found.len());
        for span in self.found {
            let after = placeholders.partition_point(|&(start, _)| start <= span.start);
            if after > 0 && span.start < placeholders[after - 1].1 {
                continue;
            }
            match settled.last_mut() {
                Some(last) if span.start < last.end => {
                    if span.exact && !last.exact {
                        last.kind = span.kind;
                        last.exact = true;
                    }
                    last.end = last.end.max(span.end);
                }
                _ => settled.push(span),
            }
        }
        settled
    }
}

/// Returns where `needle` first is in `text`.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|&byte| byte == first) {
        let at = from + at;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
