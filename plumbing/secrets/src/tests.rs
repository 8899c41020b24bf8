//! What the rules promise, one vector at a time.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules::standard([7; 32])
}

/// Leaves the kind of each placeholder: the tag has a test of its own.
fn untagged(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("‹redacted:") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + "‹redacted:".len()..];
        let close = inner.find('›').unwrap();
        out.push('<');
        out.push_str(&inner[..close - 5]);
        out.push('>');
        rest = &inner[close + '›'.len_utf8()..];
    }
    out + rest
}

fn argument(text: &str) -> String {
    untagged(&rules().scrub_argument(text.as_bytes()).bytes)
}

fn argv(words: &[&str]) -> Vec<String> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let (scrubbed, _) = rules().scrub_argv(&words);
    scrubbed.iter().map(|word| untagged(word)).collect()
}

fn url(text: &str) -> String {
    untagged(&rules().scrub_url(text.as_bytes()).bytes)
}

#[test]
fn a_tag_depends_on_value_and_key_and_nothing_else() {
    let scrub = |key, text: &str| {
        let rules = Rules::standard([key; 32]);
        String::from_utf8(rules.scrub_argument(text.as_bytes()).bytes.into_owned()).unwrap()
    };
    assert_eq!(
        scrub(7, "--password=hunter2"),
        "--password=‹redacted:password:a133›"
    );
    assert_eq!(
        scrub(7, "DB_PASSWORD=hunter2"),
        "DB_PASSWORD=‹redacted:password:a133›"
    );
    assert_ne!(
        scrub(8, "--password=hunter2"),
        scrub(7, "--password=hunter2")
    );
}

#[test]
fn innocent_words_come_back_borrowed() {
    for text in [
        "token_count=512",
        "primary_key=id",
        "tokenizer=bert",
        "key==3",
        "MONKEY=1",
        "keyboard=us",
        "git@host:repo",
        "max_tokens=512",
        "key=value.csv",
        "password=1.2.3-final",
        "KEYBOARD=us",
        "ssh://git@h/r",
        "pad_token=[PAD]",
        "--eos-token=</s>",
        "PWD=/home/me",
        "key_path=/a/b",
        "password=$PASSWORD",
        "api_key=${API_KEY}",
        "token=os.environ[\"TOKEN\"]",
        "",
    ] {
        let scrubbed = rules().scrub_argument(text.as_bytes());
        assert!(
            matches!(scrubbed.bytes, Cow::Borrowed(_)),
            "{text}: {scrubbed:?}"
        );
    }
}

#[test]
fn values_beside_telling_names_go() {
    assert_eq!(
        argument("--api-key=abcdefghijklmnop1234"),
        "--api-key=<api-key>"
    );
    assert_eq!(
        argument("OPENAI_API_KEY=sk-abc x"),
        "OPENAI_API_KEY=<api-key>"
    );
    assert_eq!(
        argument("--password=correct horse"),
        "--password=<password>"
    );
    assert_eq!(argument("db.password='a b'"), "db.password='<password>'");
    assert_eq!(
        argument("{\"apiKey\": \"zz\", \"lr\": 1}"),
        "{\"apiKey\": \"<api-key>\", \"lr\": 1}"
    );
    assert_eq!(
        argument("lr=1,db.password=hunter2,x=3"),
        "lr=1,db.password=<password>,x=3"
    );
    assert_eq!(
        argument("Authorization: Basic dXNlcjpwYXNz"),
        "Authorization: Basic <authorization>"
    );
    assert_eq!(argument("X-Api-Key: plain"), "X-Api-Key: <api-key>");
    assert_eq!(
        argument("user=me&token=abc123&x=1"),
        "user=me&token=<token>&x=1"
    );
}

#[test]
fn urls_lose_what_opens_them() {
    assert_eq!(
        argument("https://user:pw@h/r"),
        "https://user:<url-password>@h/r"
    );
    assert_eq!(argument("https://tok@h/r"), "https://<url-user>@h/r");
    assert_eq!(
        argument("redis://:pw@h:6379/0"),
        "redis://:<url-password>@h:6379/0"
    );
    assert_eq!(argument("postgres://me@h/db"), "postgres://me@h/db");
    assert_eq!(
        argument("https://h/b?sv=1&sig=aB%2Fc&se=2"),
        "https://h/b?sv=1&sig=<url-signature>&se=2"
    );
    assert_eq!(url("bob@h:r"), "<url-user>@h:r");
    assert_eq!(url("git@h:r"), "git@h:r");
    assert_eq!(url("https://h/r#access"), "https://h/r#<url-fragment>");
    assert_eq!(
        url("git+https://h/r@v1#egg=name"),
        "git+https://h/r@v1#egg=name"
    );
}

#[test]
fn neighbours_tell() {
    assert_eq!(
        argv(&["x", "--api-key", "short"]),
        ["x", "--api-key", "<api-key>"]
    );
    assert_eq!(
        argv(&["x", "--token", "--verbose"]),
        ["x", "--token", "--verbose"]
    );
    assert_eq!(
        argv(&["curl", "-u", "me:pw", "u"]),
        ["curl", "-u", "me:<password>", "u"]
    );
    assert_eq!(
        argv(&["sudo", "curl", "-ume:pw"]),
        ["sudo", "curl", "-ume:<password>"]
    );
    assert_eq!(
        argv(&["mysql", "-u", "root", "-phunter2", "db"]),
        ["mysql", "-u", "root", "-p<password>", "db"]
    );
    assert_eq!(
        argv(&["docker", "run", "-p", "80:80", "x"]),
        ["docker", "run", "-p", "80:80", "x"]
    );
    assert_eq!(
        argv(&["docker", "login", "-u", "me", "-p", "pw"]),
        ["docker", "login", "-u", "me", "-p", "<password>"]
    );
    assert_eq!(
        argv(&["openssl", "rsa", "-passin", "pass:pw"]),
        ["openssl", "rsa", "-passin", "pass:<password>"]
    );
    assert_eq!(
        argv(&["aws", "configure", "set", "aws_secret_access_key", "abc"]),
        [
            "aws",
            "configure",
            "set",
            "aws_secret_access_key",
            "<api-key>"
        ]
    );
    assert_eq!(
        argv(&[
            "sh",
            "-c",
            "DB_PASSWORD=pw python x.py | curl -u 'a:b c' --token t0k h"
        ]),
        [
            "sh",
            "-c",
            "DB_PASSWORD=<password> python x.py | curl -u 'a:<password>' --token <token> h"
        ]
    );
}

#[test]
fn findings_say_which_argument_and_what() {
    let words: Vec<Vec<u8>> = vec![b"x".to_vec(), b"--token".to_vec(), b"t0ken".to_vec()];
    let (_, findings) = rules().scrub_argv(&words);
    assert_eq!(
        findings,
        [Finding {
            index: 2,
            kind: "token"
        }]
    );
}

#[test]
fn known_values_go_wherever_they_are() {
    let rules = rules().with_literals([b"correct-horse".to_vec(), b"short".to_vec()]);
    let scrubbed = rules.scrub_argument(b"out/correct-horse/short");
    assert_eq!(untagged(&scrubbed.bytes), "out/<secret>/short");
}

#[test]
fn names_of_variables_are_told_apart() {
    for name in [
        "HF_TOKEN",
        "WANDB_API_KEY",
        "PGPASSWORD",
        "MY_KEY",
        "awsSecretAccessKey",
        "GITHUB_PAT_TOKEN",
        "GH_PAT",
        "TF_TOKEN_app_terraform_io",
        "DB_PASS",
        "API_KEY_2",
    ] {
        assert!(is_secret_name(name.as_bytes()), "{name}");
    }
    for name in [
        "PATH",
        "PWD",
        "OLDPWD",
        "TOKENIZERS_PARALLELISM",
        "MONKEY",
        "KEYBOARD",
        "SSH_AUTH_SOCK",
        "MAX_TOKENS",
        "KEY_PATH",
        "AUTHOR",
        "CUDA_VISIBLE_DEVICES",
        "FILE_PAT",
        "USE_AUTH_TOKEN",
    ] {
        assert!(!is_secret_name(name.as_bytes()), "{name}");
    }
}

/// Bytes that meet in secrets, so that random text comes near the rules.
fn near_secrets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "password",
            "token",
            "=",
            ":",
            " ",
            "\"",
            "'",
            "\\",
            "://",
            "@",
            "https",
            "--",
            "-p",
            "curl -u ",
            "api_key",
            "&",
            "?sig=",
            ",",
            "Authorization: ",
            "Bearer ",
            "$",
            "(",
            "/",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "eyJhbGciOiJI.eyJzdWIiOiIx.abc",
            "#",
            ";",
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----END RSA PRIVATE KEY-----",
            "‹redacted:",
            "›",
            "hunter2",
            "git",
            "Cookie: sid=",
            "echo ",
            " | docker login --password-stdin",
            " <<< ",
            "config secret_access_key ",
            "mc alias set a b c ",
            "sqlplus me/",
            "jdbc:oracle:thin:me/",
            "bot123456789:",
            "1.2.3",
            "\n",
            "alter user a ",
            "identified by ",
            "set password for a=",
            "wandb_v1_",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The name of the header was a part of the line that ends the key, and the access key of a passphrase,
/// until those had gone.
#[test]
fn what_stands_alone_when_a_secret_has_gone_is_found_too() {
    let texts: [&[u8]; 2] = [
        b"-----BEGIN RSA PRIVATE KEY-----x-----END RSA PRIVATE KEY-----Authorization: \xe2\x80\xb9redacted:",
        b"--token abc tbat=2' correct horse batteryAKIAIOSFODNN7EXAMPLE",
    ];
    for text in texts {
        let rules = rules().with_literals([b"correct horse battery".to_vec()]);
        let once = rules.scrub_argument(text).bytes.into_owned();
        assert_eq!(rules.scrub_argument(&once).bytes, once);
        let (once, _) = rules.scrub_argv(&[text.to_vec()]);
        assert_eq!(rules.scrub_argv(&once).0, once);
        assert!(!once[0].ends_with(b"EXAMPLE"));
    }
}

type Scrub = fn(&Rules, &[u8]) -> Vec<u8>;

proptest! {
    #[test]
    fn scrubbing_twice_changes_nothing_more(text in near_secrets()) {
        let rules = rules();
        let scrubs: [Scrub; 4] = [
            |rules, text| rules.scrub_argument(text).bytes.into_owned(),
            |rules, text| rules.scrub_text(text).bytes.into_owned(),
            |rules, text| rules.scrub_shell(text).bytes.into_owned(),
            |rules, text| rules.scrub_url(text).bytes.into_owned(),
        ];
        for scrub in scrubs {
            let once = scrub(&rules, &text);
            prop_assert_eq!(&scrub(&rules, &once), &once, "{}", String::from_utf8_lossy(&once));
        }
    }

    #[test]
    fn an_argument_list_scrubbed_twice_is_the_same(words in prop::collection::vec(near_secrets(), 0..5)) {
        let (once, _) = rules().scrub_argv(&words);
        let (twice, findings) = rules().scrub_argv(&once);
        prop_assert_eq!(&once, &twice);
        prop_assert!(findings.is_empty());
    }
}

/// Work is counted in bytes walked, which wall time only hints at; a quadratic
/// rule takes minutes here, a linear one well under a second.
#[test]
fn long_hostile_text_is_walked_once() {
    for piece in [
        "eyJ-",
        "sk-",
        "token=",
        "token=$",
        "\"token\": \"$",
        "?sig=",
        "key-",
        "https://a@",
        "-----BEGIN ",
        "1:",
        "SG.a.",
        "password=\\\"",
        "Mxxxxxxxxxxxxxxxxxxxxxxxx.",
        "Cookie: a=b;",
        "jdbc:oracle:thin:a",
        "echo x|docker login --password-stdin<<<",
        "config secret_key x ",
        "TF_TOKEN_=",
        "alter user a token '",
        "alter user identified by \\\"",
        "set password=\"'",
        "alter role replace ''x",
        "wandb_v1_a",
    ] {
        let text = piece.repeat((1 << 17) / piece.len());
        let _ = rules().scrub_shell(text.as_bytes());
    }
}
