//! Environment variables: which are kept by value, and a keyed tag for the others.
//!
//! A value is recorded only when its name is on a list of names that steer computations and carry no
//! secrets. Of all others a job keeps the name and a tag that only tells, within one workspace,
//! whether the value was the same as in another run.

use roar_object::ByteStr;
use roar_secrets::Rules;

/// Names whose values are kept. A trailing `*` stands for any ending.
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
    "LC_*",
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
    "TF_*",
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
        if is_kept(name, more) && !looks_secret(name, value, secrets) {
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

fn is_kept(name: &[u8], more: &[String]) -> bool {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning.as_bytes()),
        None => name == pattern.as_bytes(),
    };
    KEPT.iter().any(|pattern| fits(pattern)) || more.iter().any(|pattern| fits(pattern))
}

fn looks_secret(name: &[u8], value: &[u8], secrets: &Rules) -> bool {
    roar_secrets::is_secret_name(name) || !secrets.scrub_argument(value).kinds.is_empty()
}

/// Returns eight bytes that depend on name, value and the workspace's own key.
fn tag(key: &[u8; 32], variable: &[u8]) -> Vec<u8> {
    blake3::keyed_hash(key, variable).as_bytes()[..8].to_vec()
}
