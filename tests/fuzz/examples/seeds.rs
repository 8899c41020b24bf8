//! Writes a target's seeds into a directory, for a fuzzer that starts from files.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seeds TARGET DIRECTORY".into());
    };
    let target = roar_fuzz::find(&name).ok_or("there is no such target")?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(Path::new(&dir).join(format!("seed-{number:02}")), seed)?;
    }
    Ok(())
}
