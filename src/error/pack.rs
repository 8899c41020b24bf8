//! What to advise when a pack is not what it should be.

use super::{CommandError, Fault, fault_below};
use roar_pack::PackError;

impl From<PackError> for CommandError {
    fn from(err: PackError) -> Self {
        let fault = match err.bare() {
            PackError::Read(_) | PackError::Write(_) => fault_below(&err),
            PackError::NotTaken { .. } => Fault::Refused,
            PackError::TooMany { .. } | PackError::TooMuch { .. } => {
                return Self::refused(err)
                    .hint("`--no-limits` takes a pack of any size, from whom you trust");
            }
            _ => Fault::Damaged,
        };
        Self::new(fault, err)
    }
}
