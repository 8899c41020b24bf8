//! Names that tell what stands beside them.
//!
//! A name is cut into words at punctuation and camel humps, and its last word
//! decides, as in speech: a `token_count` is a count and a `key_path` a path,
//! while an `access_token` is a token.

/// How far a name gives its value away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// Not at all.
    None,
    /// Only if the value looks random: `key`, `signature`.
    Weak,
    /// Only if the value does not look like a word or a number: `pass`.
    Mild,
    /// Any value but a number or a file: `api_key`, `token`.
    Token,
    /// Any value but a version or a path: `password`.
    Password,
}

/// A longer name is not one.
pub(crate) const LONGEST: usize = 64;

/// Pieces at least one of which is in every telling name.
const PIECES: [&[u8]; 13] = [
    b"pat", b"psk", b"pass", b"pwd", b"secret", b"token", b"key", b"cred", b"auth", b"bearer",
    b"sig", b"cookie", b"jwt",
];

/// Words that may trail without changing what the name means.
const TRAILING: [&str; 19] = [
    "value",
    "b64",
    "base64",
    "prod",
    "production",
    "dev",
    "staging",
    "stage",
    "test",
    "live",
    "default",
    "raw",
    "plain",
    "plaintext",
    "main",
    "old",
    "new",
    "backup",
    "current",
];

/// First words that make a name a question or an order.
const VERBS: [&str; 34] = [
    "use", "no", "with", "without", "skip", "require", "requires", "ask", "enable", "disable",
    "allow", "show", "print", "is", "has", "need", "needs", "keep", "reset", "prompt", "generate",
    "hide", "rotate", "delete", "list", "get", "create", "update", "check", "verify", "validate",
    "add", "forget", "max",
];

/// What makes a token a piece of text.
const OF_TEXT: [&str; 26] = [
    "pad", "eos", "bos", "cls", "sep", "mask", "unk", "special", "stop", "start", "end", "next",
    "first", "last", "per", "image", "num", "min", "max", "n", "time", "by", "sos", "fim", "text",
    "prefix",
];

/// What makes a secret the name of one kept elsewhere.
const OF_NAME: [&str; 4] = ["existing", "pull", "tls", "named"];

/// What makes a key a place in a table.
const OF_TABLE: [&str; 27] = [
    "cache",
    "primary",
    "foreign",
    "sort",
    "partition",
    "public",
    "pub",
    "routing",
    "object",
    "s3",
    "dict",
    "json",
    "idempotency",
    "index",
    "row",
    "map",
    "group",
    "join",
    "hash",
    "label",
    "image",
    "metric",
    "state",
    "unique",
    "host",
    "restore",
    "column",
];

/// What makes a key one that opens something.
const OF_LOCK: [&str; 66] = [
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "account",
    "encryption",
    "encrypt",
    "decryption",
    "decrypt",
    "signing",
    "master",
    "shared",
    "storage",
    "license",
    "licence",
    "consumer",
    "application",
    "app",
    "service",
    "admin",
    "deploy",
    "webhook",
    "preshared",
    "session",
    "subscription",
    "openai",
    "anthropic",
    "wandb",
    "stripe",
    "sendgrid",
    "twilio",
    "mailgun",
    "datadog",
    "dd",
    "hf",
    "huggingface",
    "cohere",
    "mistral",
    "groq",
    "gemini",
    "azure",
    "aws",
    "pinecone",
    "langsmith",
    "langchain",
    "replicate",
    "together",
    "deepseek",
    "openrouter",
    "nvidia",
    "ngc",
    "kaggle",
    "comet",
    "neptune",
    "sentry",
    "algolia",
    "mapbox",
    "rapidapi",
    "serp",
    "tavily",
    "elevenlabs",
    "xai",
    "perplexity",
    "fireworks",
    "login",
];

/// What makes a `pat` a personal access token, not a pattern.
const OF_HOST: [&str; 16] = [
    "gh",
    "github",
    "gitlab",
    "gl",
    "git",
    "cr",
    "ghcr",
    "azure",
    "ado",
    "devops",
    "ext",
    "bot",
    "snowflake",
    "databricks",
    "jira",
    "airtable",
];

/// Beginnings of names that Terraform reads credentials from, one for each host.
const OF_TERRAFORM: &[u8] = b"TF_TOKEN_";

/// Single words made of two.
const COMPOUNDS: [&str; 26] = [
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "accountkey",
    "sharedkey",
    "masterkey",
    "encryptionkey",
    "signingkey",
    "apitoken",
    "authtoken",
    "accesstoken",
    "bearertoken",
    "oauthtoken",
    "refreshtoken",
    "idtoken",
    "sessiontoken",
    "privatetoken",
    "bottoken",
    "hftoken",
    "ghtoken",
    "githubtoken",
    "gitlabtoken",
    "sastoken",
    "usertoken",
];

/// What makes a pass a traversal.
const OF_STEPS: [&str; 14] = [
    "by", "multi", "single", "two", "low", "high", "band", "first", "second", "forward",
    "backward", "num", "n", "one",
];

/// Tells whether an environment variable of this name may hold a secret.
///
/// Meant to err on the side of caution: `MY_KEY` and `APP_SIGNATURE` count.
pub fn is_secret_name(name: &[u8]) -> bool {
    strength(name) != Strength::None
}

/// Returns how far `name` gives its value away.
pub(crate) fn strength(name: &[u8]) -> Strength {
    let (strength, orders) = judge(name);
    if orders { Strength::None } else { strength }
}

/// Returns how far `--name` gives the argument after it away: `--with-token` mostly has none, and if it
/// has one, that may be the token.
pub(crate) fn strength_of_option(name: &[u8]) -> Strength {
    match judge(name) {
        (Strength::None, _) => Strength::None,
        (_, true) => Strength::Weak,
        (strength, false) => strength,
    }
}

/// Returns also whether the name is a question or an order.
fn judge(name: &[u8]) -> (Strength, bool) {
    let plain = (Strength::None, false);
    if name.len() > LONGEST || !has_piece(name) || matches!(name, b"PWD" | b"OLDPWD") {
        return plain;
    }
    if name.starts_with(OF_TERRAFORM) {
        return (Strength::Token, false);
    }
    let words = words(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    while words.len() > 1 && words.last().is_some_and(|word| is_trailing(word)) {
        words.pop();
    }
    let orders = words.len() > 1 && VERBS.contains(&words[0]);
    match words.split_last() {
        Some((last, before)) => (of_word(last, before), orders),
        None => plain,
    }
}

fn of_word(last: &str, before: &[&str]) -> Strength {
    let qualifier = before.last().copied().unwrap_or_default();
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    match last {
        "pwd" | "passcode" | "storepass" | "keypass" | "dbpass" | "userpass" | "rootpass" => {
            Strength::Password
        }
        "pass" if OF_STEPS.contains(&qualifier) => Strength::None,
        "psk" => Strength::Mild,
        "pass" if before.is_empty() => Strength::Mild,
        "pass" => Strength::Password,
        "token" if OF_TEXT.contains(&qualifier) => Strength::None,
        "secret" if OF_NAME.contains(&qualifier) => Strength::None,
        "token" | "secret" | "credential" | "credentials" | "creds" => Strength::Token,
        "pat" if OF_HOST.contains(&qualifier) => Strength::Token,
        "key" => of_key(qualifier),
        "auth" | "authorization" | "bearer" | "sig" | "signature" | "cookie" | "cookies"
        | "sessionid" | "jwt" => Strength::Weak,
        _ if COMPOUNDS.contains(&last) => Strength::Token,
        _ if ["password", "passwd", "passphrase"]
            .iter()
            .any(|end| last.ends_with(end)) =>
        {
            Strength::Password
        }
        _ if last.ends_with("secret") => Strength::Token,
        _ => Strength::None,
    }
}

fn of_key(qualifier: &str) -> Strength {
    if OF_LOCK.contains(&qualifier) {
        Strength::Token
    } else if OF_TABLE.contains(&qualifier) {
        Strength::None
    } else {
        Strength::Weak
    }
}

fn is_trailing(word: &str) -> bool {
    TRAILING.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_piece(name: &[u8]) -> bool {
    PIECES.iter().any(|piece| {
        name.windows(piece.len())
            .any(|window| window.eq_ignore_ascii_case(piece))
    })
}

/// Cuts at punctuation, before a capital after a small letter, and before the
/// last capital of a row that a small letter follows (`APIKey`: `api`, `key`).
fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for (at, &byte) in name.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            open = false;
            continue;
        }
        if !open || hump(name, at) {
            words.push(String::new());
        }
        open = true;
        if let Some(word) = words.last_mut() {
            word.push(byte.to_ascii_lowercase() as char);
        }
    }
    words
}

/// Tells whether a word begins at `at` though nothing parts it from the one before.
pub(crate) fn hump(name: &[u8], at: usize) -> bool {
    let before = name[at - 1];
    let next_small = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    name[at].is_ascii_uppercase()
        && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && next_small))
}
