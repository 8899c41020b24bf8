//! Programs whose short flags carry secrets.

use crate::Kind;
use crate::assign;
use crate::name::Strength;
use crate::span::Span;
use crate::url::oracle;
use crate::value;

/// How one family of programs takes secrets.
pub(super) struct Program {
    names: &'static [&'static str],
    /// Flags before `user:password`.
    user: &'static [&'static str],
    /// What parts user and password.
    divider: u8,
    /// Flags before a secret.
    secret: &'static [&'static str],
    /// Flags a secret is written onto: `-psecret`.
    onto: &'static [&'static str],
    /// The flags count only after the word `login`.
    at_login: bool,
    /// The first bare word after `login` is the secret.
    login_word: bool,
    /// A word, and how far after it the secret is; `*` stands for any ending, nothing for the program
    /// itself, and a blank for the program with the word right after it.
    placed: &'static [(&'static str, usize)],
    /// Flags before cookies.
    cookies: &'static [&'static str],
    /// A word may be `user/password@where`.
    logon: bool,
}

const NONE: Program = Program {
    names: &[],
    user: &[],
    divider: b':',
    secret: &[],
    onto: &[],
    at_login: false,
    login_word: false,
    placed: &[],
    cookies: &[],
    logon: false,
};

static PROGRAMS: &[Program] = &[
    Program {
        names: &["curl"],
        user: &["-u", "--user", "-U", "--proxy-user"],
        cookies: &["-b", "--cookie"],
        ..NONE
    },
    Program {
        names: &["http", "https", "xh", "xhs"],
        user: &["-a", "--auth"],
        ..NONE
    },
    Program {
        names: &["lftp"],
        user: &["-u", "--user"],
        divider: b',',
        ..NONE
    },
    Program {
        names: &["smbclient", "rpcclient", "smbget"],
        user: &["-U", "--user"],
        divider: b'%',
        ..NONE
    },
    Program {
        names: &[
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlcheck",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
            "mysqlsh",
            "7z",
            "7za",
            "7zr",
        ],
        onto: &["-p"],
        ..NONE
    },
    Program {
        names: &[
            "sshpass",
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoexport",
            "mongoimport",
            "mongostat",
            "cqlsh",
            "cypher-shell",
        ],
        secret: &["-p"],
        onto: &["-p"],
        ..NONE
    },
    Program {
        names: &["redis-cli"],
        secret: &["-a", "--pass"],
        ..NONE
    },
    Program {
        names: &[
            "docker", "podman", "nerdctl", "helm", "oras", "crane", "skopeo", "buildah", "az",
            "oc", "npm",
        ],
        secret: &["-p"],
        at_login: true,
        ..NONE
    },
    Program {
        names: &["wandb", "netlify", "swanlab", "cargo"],
        login_word: true,
        ..NONE
    },
    Program {
        names: &["vault", "bao"],
        login_word: true,
        placed: &[(" login", 2), (" unwrap", 2), ("unseal", 1)],
        ..NONE
    },
    Program {
        names: &[
            "zip",
            "unzip",
            "zipcloak",
            "sqlcmd",
            "bcp",
            "tsql",
            "osql",
            "freebcp",
            "ipmitool",
            "mosquitto_pub",
            "mosquitto_sub",
        ],
        secret: &["-P"],
        onto: &["-P"],
        ..NONE
    },
    Program {
        names: &[
            "twine",
            "beeline",
            "hdbsql",
            "rabbitmqadmin",
            "couchbase-cli",
            "rdesktop",
        ],
        secret: &["-p"],
        ..NONE
    },
    Program {
        names: &[
            "ldapsearch",
            "ldapadd",
            "ldapmodify",
            "ldapdelete",
            "ldapwhoami",
        ],
        secret: &["-w"],
        onto: &["-w"],
        ..NONE
    },
    Program {
        names: &["rar", "unrar"],
        onto: &["-p", "-hp"],
        ..NONE
    },
    Program {
        names: &["etcdctl"],
        user: &["--user"],
        ..NONE
    },
    Program {
        names: &["gh"],
        secret: &["--with-token"],
        ..NONE
    },
    Program {
        names: &["mc"],
        placed: &[("set", 4), ("add", 4)],
        ..NONE
    },
    Program {
        names: &["nmcli"],
        placed: &[
            ("password", 1),
            ("wifi-sec.psk", 1),
            ("802-11-wireless-security.psk", 1),
        ],
        ..NONE
    },
    Program {
        names: &["poetry"],
        placed: &[("pypi-token.*", 1), ("http-basic.*", 2)],
        ..NONE
    },
    Program {
        names: &["rclone"],
        placed: &[("obscure", 1)],
        ..NONE
    },
    Program {
        names: &["ngrok"],
        placed: &[("authtoken", 1), ("add-authtoken", 1)],
        ..NONE
    },
    Program {
        names: &["rabbitmqctl"],
        placed: &[("add_user", 2), ("change_password", 2)],
        ..NONE
    },
    Program {
        names: &["neo4j-admin"],
        placed: &[("set-initial-password", 1)],
        ..NONE
    },
    Program {
        names: &["wpa_passphrase"],
        placed: &[("", 2)],
        ..NONE
    },
    Program {
        names: &["htpasswd"],
        placed: &[
            ("-b", 3),
            ("-bc", 3),
            ("-cb", 3),
            ("-Bb", 3),
            ("-bB", 3),
            ("-cBb", 3),
            ("-nb", 2),
            ("-bn", 2),
            ("-nbB", 2),
        ],
        ..NONE
    },
    Program {
        names: &["sqlplus", "sqlcl", "sqlldr", "expdp", "impdp", "rman"],
        logon: true,
        ..NONE
    },
    Program {
        names: &["plink", "pscp", "psftp", "nodetool"],
        secret: &["-pw"],
        ..NONE
    },
    Program {
        names: &["openssl"],
        secret: &["-k", "-K", "-pass", "-passin", "-passout"],
        ..NONE
    },
    Program {
        names: &["xfreerdp", "xfreerdp3", "wlfreerdp"],
        onto: &["/p:"],
        ..NONE
    },
];

/// Returns the program of that name.
pub(super) fn named(basename: &[u8]) -> Option<&'static Program> {
    PROGRAMS
        .iter()
        .find(|program| program.names.iter().any(|name| name.as_bytes() == basename))
}

impl Program {
    /// Judges the word that has its place by `words[index]`; returns which it is.
    pub(super) fn placed(&self, words: &[&[u8]], index: usize) -> Option<(usize, Span)> {
        let word = words[index];
        let itself = named(super::basename(word)).is_some();
        let fits = |mark: &str| match mark.strip_suffix('*') {
            Some(beginning) => word.starts_with(beginning.as_bytes()),
            None if mark.is_empty() => itself,
            None if let Some(first) = mark.strip_prefix(' ') => {
                itself && words.get(index + 1) == Some(&first.as_bytes())
            }
            None => word == mark.as_bytes(),
        };
        let (_, far) = self.placed.iter().find(|(mark, _)| fits(mark))?;
        let place = index + far;
        let secret = words.get(place).filter(|word| !word.starts_with(b"-"))?;
        Some((place, whole(secret, 0, "password")?))
    }

    /// Judges `next` as the argument of `flag`.
    pub(super) fn after_flag(&self, flag: &[u8], next: &[u8], login: bool) -> Option<Span> {
        if holds(self.user, flag) {
            return self.password_of(next, 0);
        }
        if holds(self.cookies, flag) {
            return assign::cookies(next, 0, next.len());
        }
        let counts = login || !self.at_login;
        (counts && holds(self.secret, flag) && !next.starts_with(b"-"))
            .then(|| after_form(next))
            .flatten()
    }

    /// Judges a word that may be a flag with its value written onto it.
    pub(super) fn glued(&self, word: &[u8]) -> Option<Span> {
        let short = self.user.iter().filter(|flag| flag.len() == 2);
        let user = short
            .filter(|flag| word.starts_with(flag.as_bytes()) && word.len() > flag.len())
            .find_map(|flag| self.password_of(word, flag.len()));
        user.or_else(|| {
            let flag = self
                .onto
                .iter()
                .find(|flag| word.starts_with(flag.as_bytes()))?;
            whole(word, flag.len(), "password")
        })
    }

    /// Judges a word by itself: `user/password@where`, or what follows `login`.
    pub(super) fn positional(&self, word: &[u8], login: bool) -> Option<Span> {
        if self.logon {
            return logon(word);
        }
        let telling = self.login_word && login && !word.starts_with(b"-") && word.len() >= 16;
        telling.then(|| whole(word, 0, "api-key")).flatten()
    }

    /// The part of `user:password` after the divider.
    fn password_of(&self, word: &[u8], from: usize) -> Option<Span> {
        let at = word[from..].iter().position(|&byte| byte == self.divider)?;
        whole(word, from + at + 1, "password")
    }
}

/// `user/password@where`, after `userid=` or not; a file of statements is no logon.
fn logon(word: &[u8]) -> Option<Span> {
    let from = if word.starts_with(b"userid=") { 7 } else { 0 };
    if word.ends_with(b".sql") {
        return None;
    }
    oracle(word, from, word.len())
}

/// `openssl` writes `pass:secret` where it could also write `file:path`.
fn after_form(next: &[u8]) -> Option<Span> {
    let from = if next.starts_with(b"pass:") { 5 } else { 0 };
    whole(next, from, "password")
}

fn whole(word: &[u8], from: usize, kind: Kind) -> Option<Span> {
    let ports = word[from..]
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b':');
    let port_map = ports && word[from..].contains(&b':');
    (!port_map && value::is_secret(Strength::Password, &word[from..]))
        .then(|| Span::loose(from, word.len(), kind))
}

fn holds(flags: &[&str], flag: &[u8]) -> bool {
    flags.iter().any(|known| known.as_bytes() == flag)
}
