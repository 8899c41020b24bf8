//! What things came from, and what came of them.

use crate::codes::NameMap;
use crate::{History, Producer};
use roar_object::{Class, ContentId, Mode, RecordedPath};

/// One write of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Written {
    /// The record.
    pub record: usize,
    /// The place among its writes.
    pub output: usize,
}

/// One read of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// The record.
    pub record: usize,
    /// The place among its reads.
    pub input: usize,
}

/// One directory that one record read as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scan {
    /// The record.
    pub record: usize,
    /// The place among its datasets.
    pub dataset: usize,
}

/// A file in one version, and the part it plays in a lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact<'r> {
    /// Where it is or was.
    pub path: &'r RecordedPath,
    /// Its bytes, unless nobody could name them.
    pub id: Option<ContentId>,
    /// What it is.
    pub mode: Mode,
    /// Its length in bytes.
    pub size: u64,
    /// What sort of file.
    pub class: Class,
    /// Who made it, if a recorded job did.
    pub producer: Option<Producer>,
    /// The records of the lineage that read it, ascending.
    pub readers: Vec<usize>,
}

/// Everything that something came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage<'r> {
    /// The records, parents before children.
    pub jobs: Vec<usize>,
    /// What they read, and what was asked for; sorted by path, then by who read it.
    pub artifacts: Vec<Artifact<'r>>,
}

impl<'r> History<'r> {
    /// Returns the records that the record descends from, parents before children.
    pub fn ancestors(&self, record: usize) -> Vec<usize> {
        let mut found = vec![false; record + 1];
        let mut open = vec![record];
        while let Some(child) = open.pop() {
            for (_, producer) in self.producers_of(child) {
                if !std::mem::replace(&mut found[producer.record], true) {
                    open.push(producer.record);
                }
            }
        }
        (0..record).filter(|&at| found[at]).collect()
    }

    /// Returns the records that descend from the record, parents before children.
    pub fn descendants(&self, record: usize) -> Vec<usize> {
        let mut found = vec![false; self.records().len()];
        found[record] = true;
        let mut list = Vec::new();
        // Producers come before readers, so one pass meets every parent before its children.
        for later in record + 1..found.len() {
            if self
                .producers_of(later)
                .any(|(_, producer)| found[producer.record])
            {
                found[later] = true;
                list.push(later);
            }
        }
        list
    }

    /// Returns every write of these bytes, first to last.
    pub fn writers(&self, id: ContentId) -> Vec<Written> {
        let Some(code) = self.content_code(id) else {
            return Vec::new();
        };
        let same = self.writes.iter().filter(|write| write.content == code);
        same.map(|write| Written {
            record: write.record,
            output: write.output,
        })
        .collect()
    }

    /// Returns every read of these bytes, first to last, as record and place among its reads.
    pub fn readers(&self, id: ContentId) -> Vec<(usize, usize)> {
        let Some(code) = self.content_code(id) else {
            return Vec::new();
        };
        let of = |record: usize| {
            let reads = self.reads[self.reads_of(record)].iter().enumerate();
            let same = reads.filter(|(_, version)| version.content == code);
            same.map(move |(place, _)| (record, place))
        };
        (0..self.records().len()).flat_map(of).collect()
    }

    /// Returns the last write to a path, a deletion included.
    pub fn latest_write(&self, path: &RecordedPath) -> Option<Written> {
        let place = self.last[self.path_code(path)? as usize]?;
        let write = &self.writes[place];
        Some(Written {
            record: write.record,
            output: write.output,
        })
    }

    /// Returns the last write that left a file at a path, whatever became of that since.
    pub fn latest_left(&self, path: &RecordedPath) -> Option<Written> {
        let last = self.latest_write(path)?;
        (0..=last.record).rev().find_map(|record| {
            let writes = &self.records()[record].writes;
            let output = writes.binary_search_by(|write| write.path.cmp(path)).ok()?;
            writes[output]
                .remains()
                .then_some(Written { record, output })
        })
    }

    /// Returns the last read of a path, as record and place among its reads.
    pub fn latest_read(&self, path: &RecordedPath) -> Option<(usize, usize)> {
        self.path_code(path)?;
        let mut records = self.records().iter().enumerate().rev();
        records.find_map(|(record, job)| {
            let place = job
                .reads
                .binary_search_by(|read| read.path.cmp(path))
                .ok()?;
            Some((record, place))
        })
    }

    /// Returns what a written file came from.
    pub fn lineage(&self, target: Written) -> Lineage<'r> {
        let mut lineage = self.lineage_of_job(target.record);
        let output = &self.records()[target.record].writes[target.output];
        let asked = Artifact {
            path: &output.path,
            id: output.id,
            mode: output.mode,
            size: output.size,
            class: output.class,
            producer: Some(Producer {
                record: target.record,
                output: target.output,
                elsewhere: false,
            }),
            readers: Vec::new(),
        };
        let at = lineage
            .artifacts
            .partition_point(|artifact| artifact.path <= asked.path);
        lineage.artifacts.insert(at, asked);
        lineage
    }

    /// Returns what a job came from, itself included.
    pub fn lineage_of_job(&self, record: usize) -> Lineage<'r> {
        let mut jobs = self.ancestors(record);
        jobs.push(record);
        let artifacts = self.artifacts(&jobs);
        Lineage { jobs, artifacts }
    }

    /// Returns the data that everything began with: what a job and its ancestors read and no
    /// recorded job made.
    pub fn inputs(&self, record: usize) -> Vec<Artifact<'r>> {
        let mut artifacts = self.lineage_of_job(record).artifacts;
        artifacts.retain(|artifact| artifact.producer.is_none());
        artifacts
    }

    /// Returns what counts as an input of any of the records, each version of a file once; sorted by path,
    /// then by who read it.
    pub fn artifacts(&self, records: &[usize]) -> Vec<Artifact<'r>> {
        let mut places = NameMap::default();
        let mut list: Vec<Artifact<'r>> = Vec::new();
        for &record in records {
            for (input, read) in self.inputs_of(record) {
                let producer = self.producer(record, input);
                let at = *places
                    .entry((&read.path, read.id, producer.map(key)))
                    .or_insert(list.len());
                if at == list.len() {
                    list.push(Artifact {
                        path: &read.path,
                        id: read.id,
                        mode: read.mode,
                        size: read.size,
                        class: read.class,
                        producer,
                        readers: Vec::new(),
                    });
                }
                list[at].readers.push(record);
            }
        }
        list.sort_by(|a, b| a.path.cmp(b.path).then_with(|| a.readers.cmp(&b.readers)));
        list
    }
}

fn key(producer: Producer) -> Written {
    Written {
        record: producer.record,
        output: producer.output,
    }
}
