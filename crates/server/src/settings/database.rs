//! Where the data is: the forms of `DATABASE_URL`.

use std::path::{Path, PathBuf};

use super::SettingsError;

const VARIABLE: &str = "DATABASE_URL";
const FORMS: &str =
    "give a file, as in sqlite:///./data/app.db (relative) or sqlite:////srv/app.db (absolute)";

/// The file of the embedded database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFile(PathBuf);

impl DatabaseFile {
    /// Reads a URL as `SQLAlchemy` writes it (`sqlite:///relative`, `sqlite:////absolute`, a driver
    /// such as `sqlite+aiosqlite` is ignored), `sqlite://path`, or a bare path.
    ///
    /// # Errors
    /// It is no file, or a database that this build does not have.
    pub fn parse(url: &str) -> Result<Self, SettingsError> {
        let path = match url.split_once("://") {
            None if url.starts_with("sqlite:") => url.trim_start_matches("sqlite:"),
            None => url,
            Some((scheme, rest)) => sqlite_path(scheme, rest)?,
        };
        if path.is_empty() || path.contains(":memory:") || path.ends_with('/') {
            return Err(SettingsError::new(
                VARIABLE,
                "names no file, and a database in memory would be lost at every stop",
                FORMS,
            ));
        }
        if path.contains(['?', '#', '\0']) {
            return Err(SettingsError::new(
                VARIABLE,
                "has parameters, which are not supported",
                FORMS,
            ));
        }
        Ok(Self(PathBuf::from(path)))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The directory of the file, where other data is kept too.
    #[must_use]
    pub fn directory(&self) -> &Path {
        match self.0.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// The path in the rest of a URL. Neither the URL nor a part of it is repeated in an error, since
/// it may hold a password.
fn sqlite_path<'a>(scheme: &str, rest: &'a str) -> Result<&'a str, SettingsError> {
    match scheme.split('+').next().unwrap_or(scheme) {
        // With three slashes the host is empty and the path relative; four make it absolute.
        "sqlite" | "sqlite3" => Ok(rest.strip_prefix('/').unwrap_or(rest)),
        "postgres" | "postgresql" => Err(SettingsError::new(
            VARIABLE,
            "names PostgreSQL, which is not built into this binary",
            FORMS,
        )),
        _ => Err(SettingsError::new(
            VARIABLE,
            "names a database that is not built into this binary",
            FORMS,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_names_its_file() {
        let forms = [
            ("sqlite:///./data/app.db", "./data/app.db"),
            ("sqlite:///app.db", "app.db"),
            ("sqlite:////srv/lion/app.db", "/srv/lion/app.db"),
            ("sqlite://data/app.db", "data/app.db"),
            ("sqlite+aiosqlite:///./app.db", "./app.db"),
            ("sqlite:app.db", "app.db"),
            ("data/app.db", "data/app.db"),
            ("/srv/app.db", "/srv/app.db"),
        ];
        for (url, path) in forms {
            assert_eq!(
                DatabaseFile::parse(url).unwrap().path(),
                Path::new(path),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_file_of_ours_is_refused_without_repeating_it() {
        let bad = [
            "",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            ":memory:",
            "sqlite:///a.db?mode=ro",
            "postgres://lion:hunter2@db/lion",
            "postgresql+asyncpg://lion:hunter2@db/lion",
            "mysql://lion:hunter2@db/lion",
        ];
        for url in bad {
            let error = DatabaseFile::parse(url).unwrap_err();
            assert_eq!(error.variable(), "DATABASE_URL");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let error = DatabaseFile::parse("postgres://db/lion").unwrap_err();
        assert!(error.to_string().contains("PostgreSQL"), "{error}");
    }

    #[test]
    fn the_data_directory_is_where_the_file_is() {
        let directory = |url| DatabaseFile::parse(url).unwrap().directory().to_owned();
        assert_eq!(directory("sqlite:///./data/app.db"), Path::new("./data"));
        assert_eq!(directory("app.db"), Path::new("."));
    }
}
