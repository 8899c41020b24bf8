//! Prints the root of a directory, and how much is in it: `hash_dataset DIR [CACHE]`.
#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use roar_content::HashCache;
use roar_tree::{Options, scan};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().ok_or("which directory?")?;
    let cache = arguments
        .next()
        .map_or_else(HashCache::none, HashCache::open);
    let found = scan(directory.as_ref(), Options::new(&cache), &mut ())?;
    println!(
        "{} {} {}",
        found.root.id, found.root.files, found.root.bytes
    );
    for err in &found.unreadable {
        println!("{err}");
    }
    Ok(())
}
