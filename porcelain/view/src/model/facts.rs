//! What a caller looks up for a job, beyond its record.

use roar_object::{
    ByteStr, Coverage, Environment, FileSet, ObjectId, Processes, Source, Variables,
};

/// The facts of one job that its record does not hold.
#[derive(Clone, Copy, Debug)]
pub struct JobFacts<'a> {
    /// How much was seen.
    pub coverage: &'a Coverage,
    /// The state of the code.
    pub source: Option<&'a Source>,
    /// The machine and the packages.
    pub environment: Option<&'a Environment>,
    /// Environment variables that are kept by value.
    pub variables: &'a [(ByteStr, ByteStr)],
    /// Those of which only the name is kept.
    pub hidden_variables: Option<&'a Variables>,
    /// The process tree.
    pub processes: &'a Processes,
    /// All sets of files that it read, those included that no record lists.
    pub reads: &'a [FileSet],
    /// The job whose command it ran again.
    pub reruns: Option<ObjectId>,
}
