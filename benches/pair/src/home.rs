//! Where the processes write.

use std::env;
use std::fs;
use std::path::PathBuf;

use forbear_peers::Fallible;

use crate::contender::Contender;

/// Removed when dropped.
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new() -> Fallible<Self> {
        let path = env::temp_dir().join(format!("forbear-pair-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Returns the directory of one pair.
    pub(crate) fn place(&self, contender: Contender) -> Fallible<PathBuf> {
        let path = self.0.join(contender.name().replace(' ', "-"));
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
