//! Making a bundle.

use crate::head::{Head, Type, header};
use crate::{BundleName, Manifest};
use roar_object::ContentId;
use std::io::{self, Read, Write};

/// Writes a bundle: the manifest first, then the pack, files by name, code, in this order.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    hasher: blake3::Hasher,
    bytes: u64,
    last: Type,
    last_file: Option<ContentId>,
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl<W: Write> Writer<W> {
    /// Begins with the manifest.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W, manifest: &Manifest) -> io::Result<Self> {
        let mut writer = Self {
            out,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            last: Type::Manifest,
            last_file: None,
        };
        writer.put(&header())?;
        let body = manifest.to_bytes();
        if body.len() as u64 > crate::manifest::MAX_BYTES {
            return Err(invalid("the manifest is too long"));
        }
        writer.section(Type::Manifest, &[], body.len() as u64, &mut body.as_slice())?;
        Ok(writer)
    }

    /// Adds the pack, which is `length` bytes long.
    ///
    /// # Errors
    ///
    /// Those of `out` and of `pack`; when the pack is shorter, or was added before.
    pub fn pack(&mut self, length: u64, pack: &mut dyn Read) -> io::Result<()> {
        self.go_to(Type::Pack)?;
        self.section(Type::Pack, &[], length, pack)
    }

    /// Adds a file, which is `length` bytes long.
    ///
    /// # Errors
    ///
    /// As [`Writer::pack`]; when it does not come after the file before; when it is another than its
    /// name says.
    pub fn file(&mut self, id: ContentId, length: u64, file: &mut dyn Read) -> io::Result<()> {
        if self.last_file.is_some_and(|last| last >= id) {
            return Err(invalid("files come sorted by name"));
        }
        self.go_to(Type::File)?;
        self.last_file = Some(id);
        let mut hashed = Hashed {
            from: file,
            hasher: blake3::Hasher::new(),
        };
        self.section(Type::File, id.as_bytes(), length, &mut hashed)?;
        match hashed.hasher.finalize().as_bytes() == id.as_bytes() {
            true => Ok(()),
            false => Err(invalid("a file is another than its name says")),
        }
    }

    /// Adds the state of the code, which is `length` bytes long.
    ///
    /// # Errors
    ///
    /// As [`Writer::pack`].
    pub fn code(&mut self, length: u64, code: &mut dyn Read) -> io::Result<()> {
        self.go_to(Type::Code)?;
        self.section(Type::Code, &[], length, code)
    }

    /// Ends; returns what the bundle is called and how long it is.
    ///
    /// # Errors
    ///
    /// Those of `out`; when there is no pack.
    pub fn finish(mut self) -> io::Result<(W, BundleName, u64)> {
        if self.last < Type::Pack {
            return Err(invalid("a bundle needs a pack"));
        }
        self.section(Type::End, &[], 0, &mut io::empty())?;
        let name = *self.hasher.finalize().as_bytes();
        self.put(&name)?;
        self.out.flush()?;
        Ok((self.out, BundleName(name), self.bytes))
    }

    fn go_to(&mut self, next: Type) -> io::Result<()> {
        let needs_pack = next > Type::Pack && self.last < Type::Pack;
        let again = next == self.last && next != Type::File;
        if needs_pack || again || next < self.last {
            return Err(invalid("the parts of a bundle come in order"));
        }
        self.last = next;
        Ok(())
    }

    fn section(
        &mut self,
        of: Type,
        front: &[u8],
        length: u64,
        body: &mut dyn Read,
    ) -> io::Result<()> {
        let head = Head {
            of,
            length: front.len() as u64 + length,
        };
        self.put(&head.to_bytes())?;
        self.put(front)?;
        let mut left = length;
        let mut buffer = vec![0; 1 << 16];
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = body.read(&mut buffer[..most])?;
            if read == 0 {
                return Err(invalid("a part is shorter than it was said to be"));
            }
            self.put(&buffer[..read])?;
            left -= read as u64;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

struct Hashed<'f> {
    from: &'f mut dyn Read,
    hasher: blake3::Hasher,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
