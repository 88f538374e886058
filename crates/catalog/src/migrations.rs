//! The schema: numbered files, applied in order.

use crate::CatalogError;
use rusqlite::{Connection, TransactionBehavior};
use std::io;
use std::path::Path;

/// Every file of `migrations/`, the first makes schema 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_people_and_programs.sql"),
    include_str!("../../../migrations/0002_audit.sql"),
    include_str!("../../../migrations/0003_tenants.sql"),
];

/// `Clew`, in the header of the file.
const APPLICATION: i64 = 0x436c_6577;

/// Brings the schema of an opened file up to date.
pub(crate) fn apply(connection: &mut Connection, path: &Path) -> Result<(), CatalogError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    check(connection, path, known)?;
    if schema(connection)? == known {
        return Ok(());
    }
    back_up(connection, path)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Another process may have been first.
    check(&transaction, path, known)?;
    let from = usize::try_from(schema(&transaction)?).unwrap_or_default();
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

fn check(connection: &Connection, path: &Path, known: i64) -> Result<(), CatalogError> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && tables > 0 {
        return Err(CatalogError::Foreign { path: path.to_owned() });
    }
    let found = schema(connection)?;
    if found > known || found < 0 {
        return Err(CatalogError::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

fn schema(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// A copy of a file whose schema changes, beside it: `catalog.db.schema-1`.
fn back_up(connection: &Connection, path: &Path) -> Result<(), CatalogError> {
    let schema = schema(connection)?;
    if schema == 0 {
        return Ok(());
    }
    let copy = path.with_extension(format!("db.schema-{schema}"));
    // One that is there is of an attempt before.
    match std::fs::remove_file(&copy) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(CatalogError::File { path: copy, source }),
        _ => {
            connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600))
                .map_err(|source| CatalogError::File { path: copy, source })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_applied_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, MIGRATIONS);
        for (n, file) in files.iter().enumerate() {
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with(&format!("{:04}_", n + 1)), "{name}");
        }
    }

    #[test]
    fn a_schema_that_changes_is_copied_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let mut connection = Connection::open(&path).unwrap();
        apply(&mut connection, &path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was there to be copied");
        back_up(&connection, &path).unwrap();
        back_up(&connection, &path).unwrap();
        let copy = Connection::open(folder.path().join("catalog.db.schema-3")).unwrap();
        assert_eq!(schema(&copy).unwrap(), 3);
    }
}
