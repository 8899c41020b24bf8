//! Secrets that give themselves away by their shape.
//!
//! Prefixes and lengths follow what the issuers publish, or what their tokens
//! were seen to be. A run longer than usual is taken whole.

use crate::Kind;
use crate::span::{Span, Spans, find as find_bytes};
use crate::value::looks_random;

/// Which bytes may follow a prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    Alnum,
    UpperAlnum,
    Hex,
    /// Letters, digits, `-` and `_`.
    Url,
    /// `Url` with `.`, `=`, `~`, `+` and `/`.
    Wide,
}

const ALPHABETS: usize = 5;

impl Alphabet {
    fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::UpperAlnum => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Wide => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'~' | b'+' | b'/')
            }
        }
    }
}

struct Rule {
    kind: Kind,
    prefix: &'static str,
    alphabet: Alphabet,
    min: usize,
    max: usize,
    /// A digit must be among the first bytes, since the prefix is also a word.
    digit: bool,
    /// The prefix stays: it is an address, and what follows is the secret.
    keep: bool,
}

const fn rule(kind: Kind, prefix: &'static str, alphabet: Alphabet, min: usize) -> Rule {
    let (max, digit, keep) = (usize::MAX, false, false);
    Rule {
        kind,
        prefix,
        alphabet,
        min,
        max,
        digit,
        keep,
    }
}

/// A token of exactly `length` bytes after its prefix, so that a longer word
/// that begins alike is left alone.
const fn exact(kind: Kind, prefix: &'static str, alphabet: Alphabet, length: usize) -> Rule {
    let (max, digit, keep) = (length, false, false);
    Rule {
        kind,
        prefix,
        alphabet,
        min: length,
        max,
        digit,
        keep,
    }
}

const fn wordy(kind: Kind, prefix: &'static str, alphabet: Alphabet, min: usize) -> Rule {
    let (max, digit, keep) = (usize::MAX, true, false);
    Rule {
        kind,
        prefix,
        alphabet,
        min,
        max,
        digit,
        keep,
    }
}

const fn after(kind: Kind, prefix: &'static str, alphabet: Alphabet, min: usize) -> Rule {
    let (max, digit, keep) = (usize::MAX, false, true);
    Rule {
        kind,
        prefix,
        alphabet,
        min,
        max,
        digit,
        keep,
    }
}

use Alphabet::{Alnum, Hex, UpperAlnum, Url, Wide};

#[rustfmt::skip]
static RULES: &[Rule] = &[
    exact("aws-access-key", "AKIA", UpperAlnum, 16),
    exact("aws-access-key", "ASIA", UpperAlnum, 16),
    exact("aws-access-key", "ABIA", UpperAlnum, 16),
    exact("aws-access-key", "ACCA", UpperAlnum, 16),
    rule("github-pat", "ghp_", Alnum, 30),
    rule("github-pat", "github_pat_", Url, 30),
    rule("github-oauth", "gho_", Alnum, 30),
    rule("github-app", "ghs_", Url, 30),
    rule("github-app", "ghu_", Alnum, 30),
    rule("github-refresh", "ghr_", Alnum, 30),
    rule("gitlab-pat", "glpat-", Wide, 20),
    rule("gitlab-token", "gldt-", Url, 20),
    rule("gitlab-token", "glrt-", Url, 20),
    rule("gitlab-token", "glptt-", Url, 20),
    rule("gitlab-token", "glcbt-", Url, 20),
    rule("gitlab-token", "gloas-", Url, 20),
    rule("openai-key", "sk-proj-", Url, 20),
    rule("openai-key", "sk-svcacct-", Url, 20),
    rule("openai-key", "sk-admin-", Url, 20),
    rule("anthropic-key", "sk-ant-", Url, 20),
    rule("openrouter-key", "sk-or-", Url, 20),
    rule("langfuse-key", "sk-lf-", Url, 20),
    wordy("openai-key", "sk-", Url, 20),
    rule("huggingface-token", "hf_", Alnum, 30),
    wordy("huggingface-token", "hf_", Alnum, 20),
    rule("huggingface-token", "api_org_", Alnum, 30),
    rule("replicate-token", "r8_", Alnum, 30),
    rule("groq-key", "gsk_", Alnum, 40),
    rule("xai-key", "xai-", Alnum, 60),
    rule("perplexity-key", "pplx-", Alnum, 40),
    rule("fireworks-key", "fw_", Alnum, 22),
    rule("nvidia-key", "nvapi-", Url, 40),
    rule("pinecone-key", "pcsk_", Url, 40),
    rule("langsmith-key", "lsv2_", Url, 32),
    wordy("elevenlabs-key", "sk_", Hex, 40),
    rule("google-api-key", "AIza", Url, 35),
    rule("google-oauth", "ya29.", Wide, 20),
    rule("google-oauth", "1//0", Url, 30),
    rule("google-oauth", "GOCSPX-", Url, 20),
    rule("slack-token", "xoxb-", Url, 10),
    rule("slack-token", "xoxp-", Url, 10),
    rule("slack-token", "xoxa-", Url, 10),
    rule("slack-token", "xoxr-", Url, 10),
    rule("slack-token", "xoxs-", Url, 10),
    rule("slack-token", "xoxe-", Url, 10),
    rule("slack-token", "xoxe.", Wide, 10),
    rule("slack-token", "xoxc-", Url, 10),
    rule("slack-token", "xoxd-", Wide, 10),
    rule("slack-token", "xapp-", Url, 10),
    after("slack-webhook", "hooks.slack.com/services/", Wide, 20),
    after("slack-webhook", "hooks.slack.com/workflows/", Wide, 20),
    after("slack-webhook", "hooks.slack.com/triggers/", Wide, 20),
    after("discord-webhook", "discord.com/api/webhooks/", Wide, 30),
    after("discord-webhook", "discordapp.com/api/webhooks/", Wide, 30),
    after("teams-webhook", "webhook.office.com/webhookb2/", Wide, 30),
    rule("stripe-key", "sk_live_", Alnum, 16),
    rule("stripe-key", "sk_test_", Alnum, 16),
    rule("stripe-key", "rk_live_", Alnum, 16),
    rule("stripe-key", "rk_test_", Alnum, 16),
    rule("stripe-webhook", "whsec_", Wide, 20),
    rule("npm-token", "npm_", Alnum, 36),
    rule("pypi-token", "pypi-AgE", Url, 16),
    wordy("rubygems-token", "rubygems_", Hex, 32),
    wordy("crates-token", "cio", Alnum, 32),
    rule("docker-token", "dckr_pat_", Url, 20),
    rule("docker-token", "dckr_oat_", Url, 20),
    exact("databricks-token", "dapi", Hex, 32),
    exact("databricks-token", "dose", Hex, 32),
    rule("digitalocean-token", "dop_v1_", Hex, 40),
    rule("digitalocean-token", "doo_v1_", Hex, 40),
    rule("digitalocean-token", "dor_v1_", Hex, 40),
    wordy("vault-token", "hvs.", Url, 20),
    wordy("vault-token", "hvb.", Url, 20),
    wordy("vault-token", "hvr.", Url, 20),
    exact("mailgun-key", "key-", Hex, 32),
    exact("twilio-key", "SK", Hex, 32),
    rule("age-secret-key", "AGE-SECRET-KEY-1", UpperAlnum, 40),
    rule("age-secret-key", "AGE-SECRET-KEY-PQ-1", UpperAlnum, 40),
    rule("shopify-token", "shpat_", Hex, 32),
    rule("shopify-token", "shpca_", Hex, 32),
    rule("shopify-token", "shppa_", Hex, 32),
    rule("shopify-token", "shpss_", Hex, 32),
    rule("square-token", "sq0atp-", Url, 20),
    rule("square-token", "sq0csp-", Url, 20),
    rule("linear-key", "lin_api_", Alnum, 30),
    rule("notion-token", "ntn_", Alnum, 40),
    rule("notion-token", "secret_", Alnum, 40),
    rule("atlassian-token", "ATATT3", Wide, 40),
    rule("doppler-token", "dp.pt.", Alnum, 40),
    rule("doppler-token", "dp.st.", Wide, 40),
    rule("planetscale-token", "pscale_tkn_", Wide, 30),
    rule("planetscale-password", "pscale_pw_", Wide, 30),
    rule("postman-key", "PMAK-", Url, 40),
    rule("sentry-token", "sntrys_", Wide, 30),
    rule("sentry-token", "sntryu_", Hex, 40),
    rule("newrelic-key", "NRAK-", UpperAlnum, 27),
    rule("grafana-token", "glsa_", Url, 30),
    rule("grafana-token", "glc_", Wide, 30),
    rule("tailscale-key", "tskey-", Url, 20),
    rule("fly-token", "fm2_", Wide, 40),
    rule("fly-token", "fo1_", Url, 30),
    rule("supabase-key", "sbp_", Hex, 40),
    rule("netlify-token", "nfp_", Alnum, 30),
    rule("heroku-key", "HRKU-", Url, 30),
    rule("figma-token", "figd_", Url, 30),
    rule("buildkite-token", "bkua_", Hex, 40),
    rule("circleci-token", "CCIPAT_", Url, 30),
    rule("sonarqube-token", "sqp_", Hex, 40),
    rule("sonarqube-token", "squ_", Hex, 40),
    rule("artifactory-token", "AKCp", Alnum, 60),
    rule("mapbox-token", "sk.eyJ", Wide, 40),
    exact("alibaba-key", "LTAI", Alnum, 20),
    rule("glaas-token", "glaas_pat_", Url, 20),
    rule("facebook-token", "EAACEdEose0cBA", Alnum, 10),
    rule("prefect-key", "pnu_", Alnum, 30),
    rule("dropbox-token", "sl.u.", Url, 60),
    rule("sourcegraph-token", "sgp_", Url, 40),
    rule("clojars-token", "CLOJARS_", Hex, 60),
    wordy("wandb-key", "wandb_v1_", Alnum, 40),
];

/// A token of several parts, each of at least so many bytes after what parts it from the one before.
struct Parted {
    kind: Kind,
    prefix: &'static str,
    /// Whether the first part is no longer than that.
    exact: bool,
    parts: &'static [(&'static str, Alphabet, usize)],
}

static PARTED: &[Parted] = &[
    Parted {
        kind: "airtable-token",
        prefix: "pat",
        exact: true,
        parts: &[("", Alnum, 14), (".", Hex, 64)],
    },
    Parted {
        kind: "cloudflare-key",
        prefix: "v1.0-",
        exact: true,
        parts: &[("", Hex, 24), ("-", Hex, 146)],
    },
    Parted {
        kind: "dynatrace-token",
        prefix: "dt0",
        exact: true,
        parts: &[("", Alnum, 3), (".", UpperAlnum, 24), (".", UpperAlnum, 64)],
    },
    Parted {
        kind: "wandb-key",
        prefix: "wandb_v1_",
        exact: false,
        parts: &[("", Alnum, 20), ("_", Alnum, 40)],
    },
];

const FIRST: [bool; 256] = first_bytes();

const fn first_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < RULES.len() {
        table[RULES[at].prefix.as_bytes()[0] as usize] = true;
        at += 1;
    }
    let mut at = 0;
    while at < PARTED.len() {
        table[PARTED[at].prefix.as_bytes()[0] as usize] = true;
        at += 1;
    }
    table
}

/// Adds every secret of `text` that has a shape of its own.
pub(crate) fn find(text: &[u8], spans: &mut Spans) {
    private_keys(text, spans);
    let mut runs = Runs {
        text,
        ends: [0; ALPHABETS],
    };
    let mut at = 0;
    while at < text.len() {
        match starts_word(text, at).then(|| runs.secret_at(at)).flatten() {
            Some(span) => {
                at = span.end;
                spans.add(span);
            }
            None => at += 1,
        }
    }
}

fn starts_word(text: &[u8], at: usize) -> bool {
    at == 0 || !text[at - 1].is_ascii_alphanumeric()
}

/// Text with, for each alphabet, the end of the last run looked at: without it,
/// a text of many beginnings would be walked once for each.
struct Runs<'a> {
    text: &'a [u8],
    ends: [usize; ALPHABETS],
}

impl Runs<'_> {
    fn end(&mut self, from: usize, alphabet: Alphabet) -> usize {
        let holds = |at: usize| self.text.get(at).is_some_and(|&byte| alphabet.holds(byte));
        if !holds(from) {
            return from;
        }
        let known = self.ends[alphabet as usize];
        if from < known {
            return known;
        }
        let mut end = from;
        while holds(end) {
            end += 1;
        }
        self.ends[alphabet as usize] = end;
        end
    }

    fn secret_at(&mut self, at: usize) -> Option<Span> {
        let first = self.text[at];
        if FIRST[first as usize]
            && let Some(span) = self.prefixed(at)
        {
            return Some(span);
        }
        if let Some(span) = self.terraform(at) {
            return Some(span);
        }
        match first {
            b'e' => self.web_token(at),
            b'S' => self.sendgrid(at),
            b'0'..=b'9' => self.telegram(at).or_else(|| self.aws_secret(at)),
            b'M' | b'N' | b'O' => self.discord(at).or_else(|| self.aws_secret(at)),
            b'B' | b'b' => self
                .authorization(at)
                .or_else(|| self.bot(at))
                .or_else(|| self.aws_secret(at)),
            _ if first.is_ascii_alphanumeric() => self.aws_secret(at),
            _ => None,
        }
    }

    fn prefixed(&mut self, at: usize) -> Option<Span> {
        let parted = PARTED.iter().find_map(|shape| self.parted(shape, at));
        parted.or_else(|| RULES.iter().find_map(|rule| self.matches(rule, at)))
    }

    fn parted(&mut self, shape: &Parted, at: usize) -> Option<Span> {
        self.text[at..].strip_prefix(shape.prefix.as_bytes())?;
        let mut end = at + shape.prefix.len();
        for (place, &(before, alphabet, min)) in shape.parts.iter().enumerate() {
            let from = end + before.len();
            if !self.text[end..].starts_with(before.as_bytes()) {
                return None;
            }
            end = self.end(from, alphabet);
            let length = end - from;
            if length < min || (shape.exact && place == 0 && length > min) {
                return None;
            }
        }
        let more = self.text.get(end).is_some_and(u8::is_ascii_alphanumeric);
        (!more).then(|| Span::exact(at, end, shape.kind))
    }

    /// `bot` and the token of one, as in the addresses of Telegram.
    fn bot(&mut self, at: usize) -> Option<Span> {
        self.text[at..].strip_prefix(b"bot")?;
        self.telegram(at + 3)
    }

    /// An id of 14, `.atlasv1.`, and 60 or more.
    fn terraform(&mut self, at: usize) -> Option<Span> {
        const MARK: &[u8] = b".atlasv1.";
        let mark = at + 14;
        let id = self.text.get(at..mark)?;
        if !self.text[mark..].starts_with(MARK) || !id.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let end = self.end(mark + MARK.len(), Url);
        (end - mark >= 50).then(|| Span::exact(at, end, "terraform-token"))
    }

    fn matches(&mut self, rule: &Rule, at: usize) -> Option<Span> {
        if !self.text[at..].starts_with(rule.prefix.as_bytes()) {
            return None;
        }
        let from = at + rule.prefix.len();
        let end = self.end(from, rule.alphabet);
        let length = end - from;
        let telling = !rule.digit || has_digit(&self.text[from..end]);
        let more = self.text.get(end).is_some_and(u8::is_ascii_alphanumeric);
        let cut = rule.max != usize::MAX && more;
        if length < rule.min || length > rule.max || !telling || cut {
            return None;
        }
        let start = if rule.keep { from } else { at };
        Some(Span::exact(start, end, rule.kind))
    }

    /// `header.payload.signature` in URL-safe base64 (RFC 7519); the first two
    /// are JSON objects, so both begin with `eyJ`.
    fn web_token(&mut self, at: usize) -> Option<Span> {
        let header = self.end(at, Url);
        let payload_at = header + 1;
        let json = self.text[at..].starts_with(b"eyJ")
            && self.text.get(header) == Some(&b'.')
            && self.text[payload_at..].starts_with(b"eyJ");
        if !json || header - at < 10 {
            return None;
        }
        let payload = self.end(payload_at, Url);
        let signed = self.text.get(payload) == Some(&b'.');
        let end = if signed {
            self.end(payload + 1, Url)
        } else {
            payload
        };
        Some(Span::exact(at, end, "jwt"))
    }

    /// `SG.` + 22 + `.` + 43.
    fn sendgrid(&mut self, at: usize) -> Option<Span> {
        self.text[at..].strip_prefix(b"SG.")?;
        let id = self.end(at + 3, Url);
        let secret = self.dotted(id, 30)?;
        (id - at >= 16).then(|| Span::exact(at, secret, "sendgrid-key"))
    }

    /// Returns the end of a `.` and at least `min` bytes.
    fn dotted(&mut self, at: usize, min: usize) -> Option<usize> {
        let end = self.end(at + 1, Url);
        (self.text.get(at) == Some(&b'.') && end > at + min).then_some(end)
    }

    /// 8 to 10 digits, a colon, 35 bytes.
    fn telegram(&mut self, at: usize) -> Option<Span> {
        let digits = self.text[at..]
            .iter()
            .take(11)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let colon = at + digits;
        if !(8..=10).contains(&digits) || self.text.get(colon) != Some(&b':') {
            return None;
        }
        let end = self.end(colon + 1, Url);
        (end - colon == 36).then(|| Span::exact(at, end, "telegram-bot-token"))
    }

    /// The bot's id, a time and a signature, each in base64.
    fn discord(&mut self, at: usize) -> Option<Span> {
        let id = self.end(at, Url);
        if !(24..=28).contains(&(id - at)) {
            return None;
        }
        let time = self.dotted(id, 6)?;
        let end = self.dotted(time, 27)?;
        (time - id == 7).then(|| Span::exact(at, end, "discord-bot-token"))
    }

    /// Forty bytes of base64 have no mark of their own, so they must look drawn
    /// by lot: all three classes, changing often. A path or a name does not.
    fn aws_secret(&mut self, at: usize) -> Option<Span> {
        let bytes = self.text.get(at..at + 40)?;
        let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let more = |byte: &u8| base64(byte) || *byte == b'=';
        let bounded = !self.text[..at].last().is_some_and(base64)
            && !self.text.get(at + 40).is_some_and(more);
        (bounded && bytes.iter().all(base64) && drawn_by_lot(bytes))
            .then(|| Span::exact(at, at + 40, "aws-secret-key"))
    }

    /// `Bearer TOKEN` and `Basic BASE64` wherever they stand.
    fn authorization(&mut self, at: usize) -> Option<Span> {
        let (word, rest) = self.text[at..].split_at_checked(6)?;
        let gap = rest
            .iter()
            .take(3)
            .take_while(|&&byte| byte == b' ')
            .count();
        let from = at + 6 + gap;
        if gap == 0 {
            return None;
        }
        let end = self.end(from, Wide);
        let value = &self.text[from..end];
        if word.eq_ignore_ascii_case(b"bearer") {
            let telling = value.len() >= 20 && has_digit(value);
            return telling.then(|| Span::loose(from, end, "bearer-token"));
        }
        None
    }
}

/// Looks no further than a prefix rule needs, so that a long run stays cheap.
fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().take(64).any(u8::is_ascii_digit)
}

fn drawn_by_lot(bytes: &[u8]) -> bool {
    let count = |class: fn(&u8) -> bool| bytes.iter().filter(|byte| class(byte)).count();
    let (upper, lower, digits) = (
        count(u8::is_ascii_uppercase),
        count(u8::is_ascii_lowercase),
        count(u8::is_ascii_digit),
    );
    upper >= 6
        && lower >= 6
        && digits >= 2
        && count(|&byte| byte == b'/') <= 4
        && looks_random(bytes)
}

/// Adds every private key block, header and footer included; one that is cut
/// off runs to the end of the text.
fn private_keys(text: &[u8], spans: &mut Spans) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut from = 0;
    while let Some(at) = find_bytes(&text[from..], BEGIN) {
        let start = from + at;
        let header = &text[start..text.len().min(start + 80)];
        from = start + BEGIN.len();
        if find_bytes(header, b"PRIVATE KEY").is_some() {
            from = block_end(text, from);
            spans.add(Span::exact(start, from, "private-key"));
        }
    }
}

fn block_end(text: &[u8], from: usize) -> usize {
    const END: &[u8] = b"-----END ";
    let Some(footer) = find_bytes(&text[from..], END) else {
        return text.len();
    };
    let label = from + footer + END.len();
    find_bytes(&text[label..], b"-----").map_or(text.len(), |at| label + at + 5)
}
