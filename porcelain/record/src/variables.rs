//! Environment variables: which are kept by value, and a keyed tag for the others.
//!
//! A value is recorded only when its name is on a list of names that steer computations and carry no
//! secrets. Of all others a job keeps the name and a tag that only tells, within one workspace,
//! whether the value was the same as in another run.
//!
//! A name that is on the list as it stands was looked at by somebody; one that only begins as an entry
//! does may be anything, another program's credential too (`TF_` is TensorFlow's and Terraform's). So
//! what comes in by its beginning must have no word of credentials anywhere in its name, and no value
//! that looks drawn by lot.

use roar_object::ByteStr;
use roar_secrets::Rules;

/// Names whose values are kept. A trailing `*` stands for any ending.
///
/// A beginning that others share is not here: Terraform has its credentials in `TF_…`, and `LC_…` is
/// what servers let through, so that people send anything under it.
const KEPT: &[&str] = &[
    "ACCELERATE_*",
    "BLAS_NUM_THREADS",
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "JAX_ENABLE_X64",
    "JAX_PLATFORMS",
    "LANG",
    "LC_ADDRESS",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_*",
    "OPENBLAS_NUM_THREADS",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONHOME",
    "PYTHONOPTIMIZE",
    "PYTHONPATH",
    "PYTORCH_*",
    "RANK",
    "SEED",
    "SOURCE_DATE_EPOCH",
    "TF_AUTOTUNE_*",
    "TF_CONFIG",
    "TF_CPP_*",
    "TF_CUDNN_*",
    "TF_DETERMINISTIC_OPS",
    "TF_DISABLE_*",
    "TF_ENABLE_*",
    "TF_FORCE_*",
    "TF_GPU_*",
    "TF_NUM_*",
    "TF_USE_*",
    "TF_XLA_*",
    "TOKENIZERS_PARALLELISM",
    "TORCH_*",
    "TZ",
    "VIRTUAL_ENV",
    "WORLD_SIZE",
    "XLA_FLAGS",
];

/// The environment, divided.
pub(crate) struct Divided {
    /// Name and value, sorted by name.
    pub(crate) kept: Vec<(ByteStr, ByteStr)>,
    /// Name and tag.
    pub(crate) hidden: Vec<(ByteStr, ByteStr)>,
}

/// Divides `environment` (`NAME=value` each) by the built-in list and the user's `more` names.
pub(crate) fn divide<'e>(
    environment: impl Iterator<Item = &'e [u8]>,
    more: &[String],
    secrets: &Rules,
    key: &[u8; 32],
) -> Divided {
    let mut divided = Divided {
        kept: Vec::new(),
        hidden: Vec::new(),
    };
    for variable in environment {
        let Some(equals) = variable
            .iter()
            .position(|&byte| byte == b'=')
            .filter(|&at| at > 0)
        else {
            continue;
        };
        let (name, value) = (&variable[..equals], &variable[equals + 1..]);
        let kept = listed(name, more).is_some_and(|how| !looks_secret(how, name, value, secrets));
        if kept {
            divided
                .kept
                .push((name.to_vec().into(), value.to_vec().into()));
        } else {
            divided
                .hidden
                .push((name.to_vec().into(), tag(key, variable).into()));
        }
    }
    divided.kept.sort();
    // Of a name that is there twice, the first is what getenv(3) returns.
    divided.kept.dedup_by(|later, earlier| later.0 == earlier.0);
    divided
}

/// How a name came to be on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// As it stands.
    Whole,
    /// By its beginning alone.
    ByBeginning,
}

fn listed(name: &[u8], more: &[String]) -> Option<Listed> {
    let patterns = || {
        let more = more.iter().map(String::as_str);
        KEPT.iter().copied().chain(more)
    };
    let begins = |pattern: &str| {
        let beginning = pattern.strip_suffix('*');
        beginning.is_some_and(|beginning| name.starts_with(beginning.as_bytes()))
    };
    if patterns().any(|pattern| name == pattern.as_bytes()) {
        return Some(Listed::Whole);
    }
    patterns().any(begins).then_some(Listed::ByBeginning)
}

fn looks_secret(listed: Listed, name: &[u8], value: &[u8], secrets: &Rules) -> bool {
    let by_beginning =
        listed == Listed::ByBeginning && (speaks_of_credentials(name) || holds_a_draw(value));
    by_beginning || roar_secrets::is_secret_name(name) || holds_a_secret(value, secrets)
}

/// Scans a value as a word of a command, and as the text of one: some variables hold options.
fn holds_a_secret(value: &[u8], secrets: &Rules) -> bool {
    !secrets.scrub_argument(value).kinds.is_empty() || !secrets.scrub_shell(value).kinds.is_empty()
}

/// Returns whether any part of a name is a word under which credentials travel, wherever it stands and
/// whatever it is a part of.
///
/// It does not matter that this holds back `BYPASS` too: the name and the tag are kept all the same.
fn speaks_of_credentials(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 16] = [
        b"TOKEN", b"KEY", b"SECRET", b"PASS", b"PWD", b"CRED", b"AUTH", b"COOKIE", b"JWT",
        b"BEARER", b"SIGN", b"CERT", b"LOGIN", b"SESSION", b"ENCRYPT", b"PRIVATE",
    ];
    let upper = name.to_ascii_uppercase();
    let has = |word: &[u8]| upper.windows(word.len()).any(|part| part == word);
    WORDS.iter().any(|word| has(word))
        || upper.split(|&byte| byte == b'_').any(|part| part == b"PAT")
}

/// Returns whether a value has a part that looks drawn by lot, as keys are.
fn holds_a_draw(value: &[u8]) -> bool {
    let parts =
        |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'+' | b'.');
    value.split(parts).any(roar_secrets::looks_random)
}

/// Returns eight bytes that depend on name, value and the workspace's own key.
fn tag(key: &[u8; 32], variable: &[u8]) -> Vec<u8> {
    blake3::keyed_hash(key, variable).as_bytes()[..8].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names that are kept by value.
    fn kept(environment: &[&str], more: &[&str]) -> Vec<String> {
        let more: Vec<String> = more.iter().map(|&name| name.to_owned()).collect();
        let environment = environment.iter().map(|variable| variable.as_bytes());
        let rules = Rules::standard([7; 32]);
        let divided = divide(environment, &more, &rules, &[7; 32]);
        let name = |(name, _): &(ByteStr, ByteStr)| String::from_utf8_lossy(name).into_owned();
        divided.kept.iter().map(name).collect()
    }

    #[test]
    fn another_programs_credentials_are_not_kept_for_how_their_names_begin() {
        let hidden = [
            "TF_TOKEN_app_terraform_io=plain-words",
            "TF_VAR_anything=x",
            "TF_CLI_ARGS_plan=-var a=b",
            "TF_ENCRYPTION={}",
            "LC_DEPLOY=plain",
            "TORCH_HUB_TOKEN_FILEX=plain",
            "PYTORCH_AUTH_HOST=plain",
            "TF_ENABLE_KEYS_OF=plain",
            "ACCELERATE_PAT=plain",
        ];
        assert_eq!(kept(&hidden, &[]), [""; 0]);
        assert_eq!(
            kept(&["MY_TOKEN_FOR_IT=x", "MY_LR=1"], &["MY_*"]),
            ["MY_LR"]
        );
    }

    #[test]
    fn what_looks_drawn_by_lot_or_is_a_secret_in_a_command_is_not_kept() {
        let drawn = "x8Kd93jfQ0pLm2Zt7RbV";
        let hidden = [
            format!("TORCH_HOST={drawn}"),
            format!("OMP_X=a,b:{drawn}"),
            "TF_CONFIG=--password hunter2".to_owned(),
            "XLA_FLAGS=https://me:hunter2@h/x".to_owned(),
        ];
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        assert_eq!(kept(&hidden, &[]), [""; 0]);
    }

    #[test]
    fn what_steers_a_computation_is_kept() {
        let plain = [
            "ACCELERATE_MIXED_PRECISION=bf16",
            "CUDA_VISIBLE_DEVICES=GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
            "LC_ALL=C.UTF-8",
            "LD_LIBRARY_PATH=/nix/store/0c0w2kd9zpbgfy1wxk1m9z0g6lq2ny5b-glibc-2.38/lib",
            "OMP_NUM_THREADS=8",
            "OMP_PLACES={0:4}:4:4",
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True,max_split_size_mb:128",
            "TF_CONFIG={\"cluster\": {\"worker\": [\"h1:2222\", \"h2:2222\"]}}",
            "TF_CPP_MIN_LOG_LEVEL=2",
            "TF_FORCE_GPU_ALLOW_GROWTH=true",
            "TF_XLA_FLAGS=--tf_xla_auto_jit=2",
            "TOKENIZERS_PARALLELISM=false",
            "TORCH_CUDA_ARCH_LIST=8.0;8.6+PTX",
            "TORCH_HOME=/data/cache/torch",
        ];
        let names: Vec<&str> = plain
            .iter()
            .map(|variable| variable.split('=').next().expect("a name"))
            .collect();
        assert_eq!(kept(&plain, &[]), names);
    }
}
