//! Reading a bundle from somebody else, front to back, believing nothing.

use crate::head::{HEAD, HEADER, Head, Type, check_header};
use crate::manifest::MAX_BYTES;
use crate::{BundleError, BundleName, Manifest};
use roar_object::{ContentId, Object};
use std::io::{self, Read};

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the pack.
    pub pack: roar_pack::Limits,
    /// Files.
    pub files: u64,
    /// Bytes of all sections together.
    pub bytes: u64,
}

impl Default for Limits {
    /// Returns those of `docs/format/bundle.md`.
    fn default() -> Self {
        Self {
            pack: roar_pack::Limits::default(),
            files: 1 << 20,
            bytes: 1 << 40,
        }
    }
}

/// What a taker says: an error if it does not take a part.
pub type Taken = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Who is handed the parts of a bundle, in its order. Nothing may be admitted before [`read`] has
/// returned.
pub trait Taker {
    /// Takes the manifest.
    ///
    /// # Errors
    ///
    /// Whatever ends the reading.
    fn manifest(&mut self, manifest: &Manifest) -> Taken;

    /// Takes an object, hashed and canonical.
    ///
    /// # Errors
    ///
    /// Whatever ends the reading.
    fn object(&mut self, object: Object) -> Taken;

    /// Takes note of the pack once all its objects were taken: where in the bundle it begins, and what
    /// it holds.
    ///
    /// # Errors
    ///
    /// Whatever ends the reading.
    fn pack(&mut self, start: u64, contents: roar_pack::Contents) -> Taken {
        let _ = (start, contents);
        Ok(())
    }

    /// Takes a file by its name, which is checked after this returns. What is not read is passed over.
    ///
    /// # Errors
    ///
    /// Whatever ends the reading.
    fn file(&mut self, id: ContentId, length: u64, bytes: &mut dyn Read) -> Taken;

    /// Takes the state of the code. What is not read is passed over.
    ///
    /// # Errors
    ///
    /// Whatever ends the reading.
    fn code(&mut self, length: u64, bytes: &mut dyn Read) -> Taken;
}

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What it is called.
    pub name: BundleName,
    /// How long it is.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub file_bytes: u64,
    /// Bytes of the code's state; 0 if it has none.
    pub code_bytes: u64,
}

/// Reads a whole bundle, and hands its parts to `taker`.
///
/// Every rule of the format is checked, and each object and file against its name. Whether the pack is
/// complete is not.
///
/// # Errors
///
/// When the bundle breaks a rule or a limit, `input` does not give its bytes, or `taker` does not take a
/// part.
pub fn read(
    input: impl Read,
    limits: &Limits,
    taker: &mut dyn Taker,
) -> Result<Summary, BundleError> {
    let mut reading = Reading {
        input: Hashed {
            input,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        },
        limits,
        left: limits.bytes,
        summary: Summary {
            name: BundleName([0; 32]),
            bytes: 0,
            objects: 0,
            files: 0,
            file_bytes: 0,
            code_bytes: 0,
        },
    };
    reading.run(taker)?;
    Ok(reading.summary)
}

struct Reading<'l, R> {
    input: Hashed<R>,
    limits: &'l Limits,
    /// Bytes that may still come.
    left: u64,
    summary: Summary,
}

impl<R: Read> Reading<'_, R> {
    fn run(&mut self, taker: &mut dyn Taker) -> Result<(), BundleError> {
        check_header(&self.exactly::<HEADER>("the header")?)?;
        let mut last = None;
        let mut last_file = None;
        loop {
            let head = self.head(last)?;
            last = Some(head.of);
            match head.of {
                Type::Manifest => self.manifest(head.length, taker)?,
                Type::Pack => self.pack(head.length, taker)?,
                Type::File => last_file = Some(self.file(head.length, last_file, taker)?),
                Type::Code => self.code(head.length, taker)?,
                Type::End => break,
            }
        }
        self.end()
    }

    /// Reads the head of a section, and checks that it may come here.
    fn head(&mut self, last: Option<Type>) -> Result<Head, BundleError> {
        let head = Head::parse(&self.exactly::<HEAD>("the head of a section")?)?;
        let expected = match last {
            None => head.of == Type::Manifest,
            Some(Type::Manifest) => head.of == Type::Pack,
            Some(Type::File) => head.of >= Type::File,
            Some(last) => head.of > last,
        };
        if !expected {
            let section = head.of.name();
            return Err(BundleError::Order { section });
        }
        let fits = match head.of {
            Type::Manifest => head.length <= MAX_BYTES,
            Type::File => head.length >= 32,
            Type::End => head.length == 0,
            Type::Pack | Type::Code => true,
        };
        if !fits {
            return Err(BundleError::Length {
                section: head.of.name(),
                length: head.length,
            });
        }
        self.left = self
            .left
            .checked_sub(head.length)
            .ok_or(BundleError::TooMuch {
                what: "bytes",
                limit: self.limits.bytes,
            })?;
        Ok(head)
    }

    fn manifest(&mut self, length: u64, taker: &mut dyn Taker) -> Result<(), BundleError> {
        // At most a mebibyte; a length that lies is found by what is not there.
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length).read_to_end(&mut bytes);
        read.map_err(BundleError::Read)?;
        if bytes.len() as u64 != length {
            return Err(BundleError::Truncated {
                within: "the manifest",
            });
        }
        let manifest = Manifest::from_bytes(&bytes)?;
        taker.manifest(&manifest).map_err(BundleError::NotTaken)
    }

    fn pack(&mut self, length: u64, taker: &mut dyn Taker) -> Result<(), BundleError> {
        let start = self.input.bytes;
        let mut body = (&mut self.input).take(length);
        let contents = roar_pack::read(&mut body, &self.limits.pack, &mut |object| {
            taker.object(object)
        })?;
        self.summary.objects = contents.objects();
        taker.pack(start, contents).map_err(BundleError::NotTaken)
    }

    fn file(
        &mut self,
        length: u64,
        last: Option<ContentId>,
        taker: &mut dyn Taker,
    ) -> Result<ContentId, BundleError> {
        let limit = self.limits.files;
        if self.summary.files == limit {
            return Err(BundleError::TooMuch {
                what: "files",
                limit,
            });
        }
        let said = ContentId::from_bytes(self.exactly::<32>("a file")?);
        if last.is_some_and(|last| last >= said) {
            return Err(BundleError::Order { section: "file" });
        }
        let length = length - 32;
        let mut body = Hashed {
            input: (&mut self.input).take(length),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        taker
            .file(said, length, &mut body)
            .map_err(BundleError::NotTaken)?;
        pass_over(&mut body, length, "a file")?;
        let found = ContentId::from_bytes(*body.hasher.finalize().as_bytes());
        if found != said {
            return Err(BundleError::File { said, found });
        }
        self.summary.files += 1;
        self.summary.file_bytes += length;
        Ok(said)
    }

    fn code(&mut self, length: u64, taker: &mut dyn Taker) -> Result<(), BundleError> {
        let mut body = Hashed {
            input: (&mut self.input).take(length),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        taker
            .code(length, &mut body)
            .map_err(BundleError::NotTaken)?;
        pass_over(&mut body, length, "the code")?;
        self.summary.code_bytes = length;
        Ok(())
    }

    fn end(&mut self) -> Result<(), BundleError> {
        let found = BundleName(*self.input.hasher.finalize().as_bytes());
        let said = BundleName(self.exactly::<32>("the name")?);
        if said != found {
            return Err(BundleError::Name { said, found });
        }
        let mut after = [0];
        match self.input.read(&mut after).map_err(BundleError::Read)? {
            0 => {}
            _ => return Err(BundleError::Trailing),
        }
        self.summary.name = said;
        self.summary.bytes = self.input.bytes;
        Ok(())
    }

    fn exactly<const N: usize>(&mut self, within: &'static str) -> Result<[u8; N], BundleError> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => {
                Err(BundleError::Truncated { within })
            }
            Err(err) => Err(BundleError::Read(err)),
        }
    }
}

/// Reads what a taker left of a body; it must be there.
fn pass_over(
    body: &mut Hashed<impl Read>,
    length: u64,
    within: &'static str,
) -> Result<(), BundleError> {
    io::copy(body, &mut io::sink()).map_err(BundleError::Read)?;
    match body.bytes == length {
        true => Ok(()),
        false => Err(BundleError::Truncated { within }),
    }
}

/// Hashes and counts what goes through.
struct Hashed<R> {
    input: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
