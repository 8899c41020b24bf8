//! Which event source to use.

use roar_launch::Unavailable;

/// A source of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// seccomp user notification: the cheapest, and by itself invisible to the command.
    Notify,
    /// ptrace behind a seccomp filter: for kernels and containers that refuse notification.
    Ptrace,
}

impl Backend {
    /// Every backend, the preferred first.
    pub const ALL: [Self; 2] = [Self::Notify, Self::Ptrace];

    /// Returns the name that people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Ptrace => "ptrace",
        }
    }

    /// Returns the backend of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == name)
    }

    fn available(self) -> Result<(), Unavailable> {
        match self {
            Self::Notify => roar_notify::available(),
            Self::Ptrace => roar_ptrace::available(),
        }
    }
}

/// What the caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The first that works.
    #[default]
    Auto,
    /// This one or none.
    Only(Backend),
}

/// No backend that was asked for works here.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// This process is part of another run, which sees all that happens in here.
    #[error("{}", Unavailable::Watched)]
    Watched,
    /// The one that was asked for does not.
    #[error("the {} backend does not work here", backend.name())]
    Refused {
        /// The backend.
        backend: Backend,
        /// Why not.
        #[source]
        source: Unavailable,
    },
    /// None does.
    #[error("no backend works here: notify ({notify}), ptrace ({ptrace})")]
    NoneWorks {
        /// Why notification does not.
        notify: Unavailable,
        /// Why ptrace does not.
        ptrace: Unavailable,
    },
}

/// Finds the backend to use, by trying; no command is started.
///
/// # Errors
///
/// When no backend that `choice` admits works here.
pub fn preflight(choice: Choice) -> Result<Backend, PreflightError> {
    match choice {
        Choice::Only(backend) => match backend.available() {
            Ok(()) => Ok(backend),
            Err(source) => Err(PreflightError::Refused { backend, source }),
        },
        Choice::Auto => {
            let notify = match Backend::Notify.available() {
                Ok(()) => return Ok(Backend::Notify),
                Err(Unavailable::Watched) => return Err(PreflightError::Watched),
                Err(notify) => notify,
            };
            match Backend::Ptrace.available() {
                Ok(()) => Ok(Backend::Ptrace),
                Err(Unavailable::Watched) => Err(PreflightError::Watched),
                Err(ptrace) => Err(PreflightError::NoneWorks { notify, ptrace }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_backends() {
        for backend in Backend::ALL {
            assert_eq!(Backend::from_name(backend.name()), Some(backend));
        }
        assert_eq!(Backend::from_name("ebpf"), None);
    }
}
