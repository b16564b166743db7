//! Lists the texts of the migrations, and builds the crate anew when one changes: the compiler does
//! not see that they are embedded.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

const MIGRATIONS: &str = "../../migrations/sqlite";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("migration_texts.rs"), list(Path::new(MIGRATIONS))?)
}

/// The pairs of versions and texts as the source of an array, oldest first.
fn list(directory: &Path) -> io::Result<String> {
    let mut folders: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    folders.sort();
    let mut source = String::from("[\n");
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // As Diesel makes a version of a name.
        let version = name.split('_').next().unwrap_or_default().replace('-', "");
        let text = fs::canonicalize(folder.join("up.sql"))?;
        let text = text.to_string_lossy();
        // Writing to a string cannot fail.
        let _ = writeln!(source, "    ({version:?}, include_str!({text:?})),");
    }
    source.push(']');
    Ok(source)
}
