//! A file that has its name only once it is whole: a program that is interrupted leaves none that passes for one.

use super::Error;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A new file under way, which goes again unless it is kept.
pub(super) struct NewFile {
    path: PathBuf,
    unfinished: PathBuf,
    kept: bool,
}

impl NewFile {
    /// A file for its owner alone. One that is there is never written over.
    pub(super) fn create(path: &Path) -> Result<(Self, File), Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".unfinished");
        let mut this = Self {
            path: path.to_owned(),
            unfinished: name.into(),
            // Not ours yet.
            kept: true,
        };
        this.is_free().map_err(|source| this.unusable(source))?;
        let output = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&this.unfinished);
        let output = output.map_err(|source| Error::File {
            path: this.unfinished.clone(),
            source: match source.kind() {
                io::ErrorKind::AlreadyExists => taken("of a run that goes on, or was cut short"),
                _ => source,
            },
        })?;
        this.kept = false;
        Ok((this, output))
    }

    /// Gives the file its name.
    pub(super) fn keep(mut self) -> Result<(), Error> {
        self.kept = true;
        let named = self
            .is_free()
            .and_then(|()| fs::rename(&self.unfinished, &self.path));
        named.map_err(|source| Error::NotRenamed {
            path: self.path.clone(),
            unfinished: self.unfinished.clone(),
            source,
        })
    }

    pub(super) fn unusable(&self, source: io::Error) -> Error {
        Error::File {
            path: self.path.clone(),
            source,
        }
    }

    fn is_free(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(_) => Err(taken("and is not written over")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn taken(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("the file is there already, {why}"),
    )
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}
