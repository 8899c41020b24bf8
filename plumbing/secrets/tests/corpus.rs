//! Recall and precision over two corpora, printed and gated.
//!
//! `positive.tsv` holds templates of secrets, filled with bytes drawn by a fixed
//! generator, so that nothing in the repository looks like a real secret.
//! `innocent.txt` holds command lines that must come through untouched.
#![expect(clippy::unwrap_used, reason = "tests may panic")]
#![expect(clippy::print_stdout, reason = "the measured numbers are the point")]

use std::time::Instant;

use roar_secrets::Rules;

const POSITIVE: &str = include_str!("positive.tsv");
const INNOCENT: &str = include_str!("innocent.txt");

/// A multiplicative generator (Lehmer, modulus 2^64): good enough to vary bytes.
struct Lot(u64);

impl Lot {
    fn byte(&mut self, set: &[u8]) -> char {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(set[(self.0 >> 33) as usize % set.len()])
    }

    fn fill(&mut self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((head, after)) = rest.split_once('}') {
            let (before, inside) = head.rsplit_once('{').unwrap_or((head, ""));
            match self.draw(inside) {
                Some(text) => out.extend([before, &text]),
                None => out.extend([head, "}"]),
            }
            rest = after;
        }
        out + rest
    }

    /// `set:n`; anything else in braces is the template's own.
    fn draw(&mut self, inside: &str) -> Option<String> {
        if inside == "mixed40" {
            return Some(self.mixed());
        }
        let (set, count) = inside.split_once(':')?;
        let count: usize = count.parse().ok()?;
        let set: &[u8] = match set {
            "alnum" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "url" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
            "upper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "lower" => b"abcdefghijklmnopqrstuvwxyz",
            "hex" => b"0123456789abcdef",
            "digits" => b"0123456789",
            _ => return None,
        };
        let mut text: String = (0..count).map(|_| self.byte(set)).collect();
        // A token ends in a letter or digit, so that where it ends is certain.
        if text.pop().is_some() {
            text.push(if set[0] == b'0' {
                '7'
            } else if set.len() == 26 {
                'q'
            } else {
                'W'
            });
        }
        Some(text)
    }

    fn mixed(&mut self) -> String {
        let set = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        format!("w7{}Q", (0..37).map(|_| self.byte(set)).collect::<String>())
    }
}

struct Sample {
    group: &'static str,
    kind: &'static str,
    text: String,
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut lot = Lot(seed);
    POSITIVE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut fields = line.splitn(3, '\t');
            let mut next = || fields.next().unwrap();
            let (group, kind, template) = (next(), next(), next());
            Sample {
                group,
                kind,
                text: lot.fill(template),
            }
        })
        .collect()
}

/// The places a secret is put, as arguments with `@` for the secret, and whether
/// the place tells by itself.
const PLACES: [(&str, &[&str], bool); 9] = [
    ("bare argument", &["tool", "run", "@"], false),
    (
        "value of a neutral option",
        &["tool", "--opt", "@", "x"],
        false,
    ),
    ("neutral assignment", &["tool", "--opt=@"], false),
    ("file name", &["tool", "runs/out.@"], false),
    ("in text", &["echo", "got @ from there"], false),
    (
        "value of a telling option",
        &["tool", "--api-key", "@"],
        true,
    ),
    ("telling assignment", &["tool", "--password=@"], true),
    ("variable", &["env", "MY_API_KEY=@", "tool"], true),
    (
        "git remote",
        &["git", "clone", "https://me:@@host.example/r.git"],
        true,
    ),
];

fn rules() -> Rules {
    Rules::standard([3; 32])
}

fn scrub(argv: &[String]) -> Vec<String> {
    let bytes: Vec<Vec<u8>> = argv.iter().map(|word| word.clone().into_bytes()).collect();
    let (scrubbed, _) = rules().scrub_argv(&bytes);
    scrubbed
        .into_iter()
        .map(|word| String::from_utf8(word).unwrap())
        .collect()
}

/// Puts the secret where the first `@` is; an address keeps its own.
fn place(words: &[&str], secret: &str) -> Vec<String> {
    words
        .iter()
        .map(|word| word.replacen('@', secret, 1))
        .collect()
}

/// What is left around a placeholder must be what was around the secret.
fn is_clean(before: &[String], after: &[String], secret: &str) -> bool {
    before.iter().zip(after).all(|(before, after)| {
        let Some((head, tail)) = before.split_once(secret) else {
            return before == after;
        };
        after.starts_with(&format!("{head}‹redacted:"))
            && after.ends_with(&format!("›{tail}"))
            && !after.contains(secret)
    })
}

fn fits_in_a_url(secret: &str) -> bool {
    !secret.contains([' ', '/', '@', '#', '\n', '?', ',', ';'])
}

#[test]
fn shapes_are_found_everywhere_and_names_tell_the_rest() {
    let (mut found, mut all, mut missed) = (0, 0, Vec::new());
    for seed in 1..=5 {
        for sample in samples(seed)
            .iter()
            .filter(|sample| sample.group != "command")
        {
            for (name, words, tells) in PLACES {
                // A number beside `--api-key` is no key, and blanks end a variable in text.
                let judged = sample.group == "shape" || tells;
                let number = sample.text.bytes().all(|byte| byte.is_ascii_digit());
                let url = name == "git remote" && !fits_in_a_url(&sample.text);
                if !judged || url || (number && name != "telling assignment") {
                    continue;
                }
                all += 1;
                let before = place(words, &sample.text);
                let after = scrub(&before);
                if is_clean(&before, &after, &sample.text) {
                    found += 1;
                } else {
                    missed.push(format!("{} as {name}: {after:?}", sample.kind));
                }
            }
        }
    }
    println!("places: {found} of {all} found");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Parts a line at blanks outside quotes, and drops the quotes, as a shell would.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => (quote, open) = (Some(c), true),
            (' ', None) => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            _ => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Writes every placeholder as `#`.
fn blanked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("‹redacted:") {
        out.push_str(before);
        out.push('#');
        rest = after.split_once('›').unwrap().1;
    }
    out + rest
}

/// Writes every marked secret as `#`.
fn expected(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[") {
        out.push_str(before);
        out.push('#');
        rest = after.split_once("]]").unwrap().1;
    }
    out + rest
}

#[test]
fn commands_lose_their_secret_and_nothing_else() {
    let (mut found, mut all, mut missed) = (0, 0, Vec::new());
    for seed in 1..=5 {
        for sample in samples(seed)
            .iter()
            .filter(|sample| sample.group == "command")
        {
            let wanted: Vec<String> = split(&sample.text)
                .iter()
                .map(|word| expected(word))
                .collect();
            let plain: Vec<String> = split(&sample.text.replace("[[", "").replace("]]", ""));
            let got: Vec<String> = scrub(&plain).iter().map(|word| blanked(word)).collect();
            all += 1;
            if got == wanted {
                found += 1;
            } else {
                missed.push(format!("{}: {got:?}", sample.kind));
            }
        }
    }
    println!("commands: {found} of {all} found and otherwise untouched");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn no_innocent_command_is_touched() {
    let lines: Vec<&str> = INNOCENT.lines().filter(|line| !line.is_empty()).collect();
    let mut touched = Vec::new();
    let mut words = 0;
    let start = Instant::now();
    for line in &lines {
        let argv = split(line);
        words += argv.len();
        let after = scrub(&argv);
        if after != argv {
            touched.push(format!("{line}\n    {after:?}"));
        }
    }
    let each = start.elapsed() / u32::try_from(lines.len()).unwrap();
    println!(
        "innocent: {} of {} lines touched ({words} words, {each:?} a line)",
        touched.len(),
        lines.len()
    );
    for line in &lines {
        let after = rules().scrub_shell(line.as_bytes()).bytes.into_owned();
        if after != line.as_bytes() {
            touched.push(format!(
                "shell: {line}\n    {}",
                String::from_utf8_lossy(&after)
            ));
        }
    }
    assert!(lines.len() >= 300);
    assert!(touched.is_empty(), "{}", touched.join("\n"));
}

/// Values that variables with telling names have though they are no secret, or none that could be told
/// from a word of a command.
const ORDINARY: &str = "
1 0 true false none null default disabled enabled required prompt
admin administrator postgres postgres16 postgresql mysql root ubuntu2204 jenkins elasticsearch
john.smith jane_doe user2024 me@example.org svc-account-prod team-a/build
changeme password Password1 secret123 development production staging localhost
my-project my-project-2 MyProject model-registry customer_identifier train_split_v2 python311
bert-base-uncased resnet50-imagenet meta-llama/Llama-3.1-8B us-east-1 eu-west-3a
2024-05-01 2024-05-01T12:30:00 20240501123000 1.2.3 3.11.4-slim 10.0.0.1 192.168.178.20:5432
/run/secrets/db ~/.ssh/id_ed25519 ./keys/a.pem keys/client-2024.pem /home/me/.config/gcloud/key.json
https://auth.example.org/token http://localhost:8080/v1 db.example.org:5432
$API_KEY ${API_KEY} {{api_key}} <token> [MASK] **** file:/run/x env:API_KEY op://vault/item/field
RS256 ES256 HS512 sha256 x509 aes-256-gcm ed25519 oauth2 saml2
";

/// Names whose values are secret, as people have them.
const TELLING: [&str; 6] = [
    "API_TOKEN",
    "DB_PASSWORD",
    "WANDB_API_KEY",
    "CLIENT_SECRET",
    "GH_PAT",
    "AWS_SECRET_ACCESS_KEY",
];

fn knowing(name: &str, value: &str) -> Rules {
    rules().with_variables([format!("{name}={value}").as_bytes()])
}

/// Places that tell nothing, with `@` for the value.
const SILENT: [&str; 4] = ["@", "-x@", "https://h/@/x", "a=1,b=@"];

#[test]
fn values_of_telling_variables_are_found_where_nothing_else_tells() {
    const DRAWN: [&str; 11] = [
        "{alnum:10}",
        "{alnum:12}",
        "{alnum:16}",
        "{alnum:20}",
        "{alnum:40}",
        "{hex:32}",
        "{hex:40}",
        "{lower:12}",
        "{lower:16}",
        "{lower:6}!{digits:2}",
        "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}",
    ];
    let (mut found, mut all, mut missed) = (0, 0, Vec::new());
    for seed in 1..=40 {
        let mut lot = Lot(seed);
        for template in DRAWN {
            let value = lot.fill(template);
            for name in TELLING {
                let rules = knowing(name, &value);
                for place in SILENT {
                    let word = place.replace('@', &value);
                    all += 1;
                    if String::from_utf8_lossy(&rules.scrub_argument(word.as_bytes()).bytes)
                        .contains(&value)
                    {
                        missed.push(format!("{name}: {word}"));
                    } else {
                        found += 1;
                    }
                }
            }
        }
    }
    println!("variables: {found} of {all} found");
    let share = f64::from(found) / f64::from(all);
    assert!(share > 0.95, "{share}: {}", missed.join("\n"));
}

#[test]
fn ordinary_values_of_telling_variables_are_not_looked_for() {
    let (mut all, mut touched) = (0, Vec::new());
    for value in ORDINARY.split_whitespace() {
        for name in TELLING {
            let rules = knowing(name, value);
            all += 1;
            let word = format!("out/{value}");
            if rules.scrub_argument(word.as_bytes()).bytes != word.as_bytes() {
                touched.push(format!("{name}={value}"));
            }
        }
    }
    println!("ordinary values: {} of {all} looked for", touched.len());
    assert!(touched.is_empty(), "{}", touched.join("\n"));
}
