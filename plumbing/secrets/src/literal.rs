//! Values that the environment says are secret, to be looked for wherever they are.
//!
//! A name can be wrong about its value, and a value can be an ordinary word: `DB_PASSWORD=postgres` must
//! not cost every command its `postgres`. So a value is looked for only when the name tells and the
//! value is of eight bytes or more and no path, file, number, version, reference or placeholder, and
//! besides is one of:
//!
//! * drawn by lot, as other rules judge it;
//! * small letters, capitals and digits that change places at least three times, and every three bytes
//!   or oftener (`Zx81kqP0`; not `postgres16`, `MyProject`, nor `my-project-2`);
//! * letters or digits with a sign that names do not have (`correct;horse`);
//! * a UUID;
//! * sixteen letters or more without a break, or twelve with five in a row that no word has
//!   (`qhwkzmvbntpl`).
//!
//! A name that tells little (`SORT_KEY`) counts only for the first. `tests/corpus.rs` measures it.

use crate::name::{self, Strength};
use crate::value;

/// Shorter values would be found in innocent words.
pub(crate) const SHORTEST: usize = 8;

/// Tells whether the value of a variable of this name is to be looked for.
pub(crate) fn is_telling(name: &[u8], value: &[u8]) -> bool {
    let strength = name::strength(name);
    if value.len() < SHORTEST || !value::is_secret(strength, value) || value::is_named_file(value) {
        return false;
    }
    let unlike_a_name = || {
        value::zigzags(value)
            || is_uuid(value)
            || has_odd_sign(value)
            || value::is_no_spoken_word(value)
    };
    value::looks_random(value)
        || (matches!(strength, Strength::Token | Strength::Password) && unlike_a_name())
}

fn has_odd_sign(value: &[u8]) -> bool {
    let of_names = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:@, \t\n[]()".contains(byte);
    let odd = |byte: &u8| byte.is_ascii_graphic() && !of_names(byte);
    value.iter().any(odd) && value.iter().any(u8::is_ascii_alphanumeric)
}

fn is_uuid(value: &[u8]) -> bool {
    let group = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit).then_some(part.len());
    let groups = value.split(|&byte| byte == b'-').map(group);
    groups.eq([8, 4, 4, 4, 12].map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_must_tell_and_the_value_be_unlike_a_name() {
        for (name, value) in [
            ("API_TOKEN", "Zx81kqP0vLmN72ab"),
            ("DB_PASSWORD", "tr0ub4dor"),
            ("DB_PASSWORD", "correct;horse"),
            ("DB_PASSWORD", "qhwkzmvbntpl"),
            ("X_API_KEY", "123e4567-e89b-12d3-a456-426614174000"),
            ("MY_KEY", "x8Kd93jfQ0pLm2Zt7RbV"),
        ] {
            assert!(
                is_telling(name.as_bytes(), value.as_bytes()),
                "{name}={value}"
            );
        }
        for (name, value) in [
            ("USER", "Zx81kqP0vLmN72ab"),
            ("DB_PASSWORD", "postgres"),
            ("DB_PASSWORD", "postgres16"),
            ("DB_PASSWORD", "my-project-2"),
            ("DB_PASSWORD", "hunter2"),
            ("API_TOKEN", "true"),
            ("API_TOKEN", "/run/secrets/a1b2c3d4"),
            ("API_KEY", "keys/a1b2c3d4.json"),
            ("API_KEY", "20240501123000"),
            ("SORT_KEY", "customeridentifier"),
        ] {
            assert!(
                !is_telling(name.as_bytes(), value.as_bytes()),
                "{name}={value}"
            );
        }
    }
}
