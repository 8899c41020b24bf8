//! Scrubbing: once is enough, what was planted is gone, and what is not secret stays.

use crate::draw::Draw;
use roar_secrets::{Rules, Scrubbed};

/// Known to be secret, by shape and by being told.
const SHAPED: &[u8] = b"ghp_w7Qz0123456789abcdefghijABCDEFGHIJKL";
const TOLD: &[u8] = b"correct horse battery";

pub(super) fn check(data: &[u8]) {
    let rules = Rules::standard([7; 32]).with_literals([TOLD.to_vec()]);
    once_is_enough(&rules, data);
    let mut draw = Draw::new(data);
    let argv = words(&mut draw);
    once_is_enough_for_argv(&rules, &argv);
    planted(&rules, data);
}

type Scrub = for<'a> fn(&Rules, &'a [u8]) -> Scrubbed<'a>;

const SCRUBS: [(&str, Scrub); 4] = [
    ("argument", |rules, text| rules.scrub_argument(text)),
    ("shell", |rules, text| rules.scrub_shell(text)),
    ("text", |rules, text| rules.scrub_text(text)),
    ("url", |rules, text| rules.scrub_url(text)),
];

fn once_is_enough(rules: &Rules, text: &[u8]) {
    for (name, scrub) in SCRUBS {
        let once = scrub(rules, text);
        assert_eq!(once.kinds.is_empty(), once.bytes == text, "{name}");
        let twice = scrub(rules, &once.bytes);
        assert_eq!(show(&twice.bytes), show(&once.bytes), "{name}");
    }
}

fn once_is_enough_for_argv(rules: &Rules, argv: &[Vec<u8>]) {
    let (once, findings) = rules.scrub_argv(argv);
    assert_eq!(once.len(), argv.len());
    for (index, (after, before)) in once.iter().zip(argv).enumerate() {
        let found = findings.iter().any(|finding| finding.index == index);
        assert_eq!(found, after != before);
    }
    let twice = rules.scrub_argv(&once).0;
    let shown = |argv: &[Vec<u8>]| argv.iter().map(|word| show(word)).collect::<Vec<_>>();
    assert_eq!(shown(&twice), shown(&once));
}

/// Two secrets, set apart from what surrounds them, survive nothing.
fn planted(rules: &Rules, data: &[u8]) {
    let (before, behind) = data.split_at(data.len() / 2);
    for secret in [SHAPED, TOLD] {
        let text = [before, b" ", secret, b" ", behind].concat();
        for (name, scrub) in SCRUBS {
            let scrubbed = scrub(rules, &text).bytes;
            assert!(!holds(&scrubbed, secret), "{name}: {}", show(&scrubbed));
        }
        let argv = [before.to_vec(), secret.to_vec(), behind.to_vec()];
        let (argv, _) = rules.scrub_argv(&argv);
        assert!(
            !argv.iter().any(|word| holds(word, secret)),
            "{}",
            show(&argv.concat())
        );
    }
}

fn holds(text: &[u8], secret: &[u8]) -> bool {
    text.windows(secret.len()).any(|window| window == secret)
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn words(draw: &mut Draw<'_>) -> Vec<Vec<u8>> {
    let parts = std::mem::replace(draw, Draw::new(b"")).rest();
    parts
        .split(|&byte| byte == 0 || byte == b' ')
        .map(<[u8]>::to_vec)
        .collect()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "curl -u me:hunter2 https://user:pa55word@host/p?X-Amz-Signature=abcdef0123456789&x=1#frag",
        "mysql -psecret --password=hunter2 DB_PASSWORD='a b c' python t.py",
        "sh -c 'export API_KEY=w7Qz012345678 && curl -H \"Authorization: Bearer abc.def.ghi\" $URL'",
        "docker login -p hunter2 -u me registry; echo eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "{\"secret\": \"s3cr3t\", 'token': 'abc', password: x}",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIabcdef\n-----END RSA PRIVATE KEY-----",
        "‹redacted:password:a133› ‹redacted: git@host:repo user@host:path ssh://git:pw@h/r",
        "env A_TOKEN=x --token abc --api-key=\"q w\" -H 'Cookie: sid=1; t=2' AKIAIOSFODNN7EXAMPLE",
    ];
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}
