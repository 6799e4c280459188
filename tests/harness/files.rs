//! Where the built parts are, and where a run keeps its files.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The top folder of the checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is inside the checkout")
}

/// The filter: `LATCHKEY_WASM`, or what `make wasm` wrote.
pub fn module() -> Result<PathBuf> {
    built("the filter", "LATCHKEY_WASM", "latchkey.wasm", "make wasm")
}

/// The store: `LATCHKEY_STORE_BIN`, or what `make store` built.
pub fn store() -> Result<PathBuf> {
    built(
        "the store",
        "LATCHKEY_STORE_BIN",
        "debug/latchkey-store",
        "make store",
    )
}

/// Envoy: `ENVOY_BIN`, or the one that `make setup` installed.
pub fn envoy() -> Result<PathBuf> {
    built("Envoy", "ENVOY_BIN", "tools/envoy", "make setup")
}

/// schemathesis, as `make test` installed it.
pub fn schemathesis() -> Result<PathBuf> {
    built(
        "schemathesis",
        "SCHEMATHESIS_BIN",
        "venv/bin/schemathesis",
        "tests/toolchain/schemathesis.sh",
    )
}

fn built(what: &str, variable: &str, default: &str, target: &str) -> Result<PathBuf> {
    let given = env::var_os(variable).filter(|value| !value.is_empty());
    let path = match &given {
        Some(path) => checkout().join(path),
        None => target_folder().join(default),
    };
    if path.is_file() {
        return Ok(path);
    }
    let path = path.display();
    match given {
        Some(_) => {
            bail!("{what} is not at {path}, where {variable} says it is: correct or unset it")
        }
        None => {
            bail!("{what} is not at {path}: run `{target}` first, or set {variable} to its path")
        }
    }
}

/// Every file below a folder whose name ends so.
#[track_caller]
pub fn files_below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Where everything is built.
pub fn target_folder() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => checkout().join(folder),
        None => checkout().join("target"),
    }
}

/// Where every stack of every test program has its folder.
pub fn system_folder() -> PathBuf {
    target_folder().join("system")
}

/// A new folder for one stack's database and logs, `target/system/<program>.<process>.<number>`. They are kept
/// for reading after a failure, and cleared away by the next run.
pub fn run_folder() -> Result<PathBuf> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static STACKS: AtomicUsize = AtomicUsize::new(0);

    let number = STACKS.fetch_add(1, Ordering::Relaxed);
    let system = system_folder();
    let program = env::current_exe()?;
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    // Cargo ends the name of a test binary with a hash.
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    if number == 0 {
        remove_older(&system, program)?;
    }
    let folder = system.join(format!("{program}.{}.{number}", process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Removes what runs of the same program left behind, unless they still go on.
pub(crate) fn remove_older(system: &Path, program: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(system) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('.');
        let (Some(owner), Some(id)) = (parts.next(), parts.next()) else {
            continue;
        };
        if owner == program && !Path::new("/proc").join(id).exists() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
