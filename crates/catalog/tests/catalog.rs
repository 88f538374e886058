//! The catalog on real files.

use clew_catalog::{Catalog, CatalogError, Event, FILE, ImportError, Session, Token, User};
use clew_model::{Scopes, TenantId, TenantSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        password_hash: "$argon2id$…".to_owned(),
        scopes: Scopes::READ | Scopes::ADMIN,
        tenants: TenantSet::default(),
        created_at: 7,
        created_by: "the test".to_owned(),
    }
}

fn token(name: &str) -> Token {
    Token {
        name: name.to_owned(),
        digest: format!("sha256:{name}"),
        scopes: Scopes::INGEST,
        tenants: TenantSet::default(),
        created_at: 8,
        created_by: "the test".to_owned(),
    }
}

fn session() -> Session {
    Session {
        digest: "sha256:s".to_owned(),
        holder: "user".to_owned(),
        name: "ada".to_owned(),
        stamp: "$argon2id$…".to_owned(),
        opened_at: 9,
        used_at: 10,
    }
}

#[test]
fn what_is_written_is_there_for_the_next_who_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("catalog");
    let catalog = Catalog::open(&folder).unwrap();
    catalog.add_user(&user("ada")).unwrap();
    catalog.add_token(&token("agents")).unwrap();
    catalog.put_session(&session()).unwrap();
    catalog.put_session(&Session { used_at: 11, ..session() }).unwrap();
    let other = Catalog::open(&folder).unwrap();
    assert_eq!(other.users().unwrap(), [user("ada")]);
    assert_eq!(other.tokens().unwrap(), [token("agents")]);
    assert_eq!(other.sessions().unwrap(), [Session { used_at: 11, ..session() }]);
    let before = catalog.foreign_changes().unwrap();
    assert!(other.change_user("ada", None, Some(Scopes::READ), None).unwrap());
    assert!(!other.change_user("eve", Some("x"), None, None).unwrap());
    assert_ne!(catalog.foreign_changes().unwrap(), before);
    assert_eq!(catalog.users().unwrap(), [User { scopes: Scopes::READ, ..user("ada") }]);
    assert!(other.remove_user("ada").unwrap() && !other.remove_user("ada").unwrap());
    assert!(other.remove_token("agents").unwrap());
    other.remove_session("sha256:s").unwrap();
    assert!(catalog.users().unwrap().is_empty() && catalog.sessions().unwrap().is_empty());
}

#[test]
fn without_room_for_what_is_shared_it_is_read_alone_and_opened_to_others_later() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("catalog");
    Catalog::open(&folder).unwrap().add_user(&user("ada")).unwrap();
    // SQLite follows no link for the file that processes share.
    let in_the_way = folder.join("catalog.db-shm");
    std::os::unix::fs::symlink("nowhere", &in_the_way).unwrap();
    let alone = Catalog::open(&folder).unwrap();
    alone.foreign_changes().unwrap();
    assert_eq!(alone.users().unwrap(), [user("ada")]);
    alone.add_user(&user("eve")).unwrap();
    std::fs::remove_file(&in_the_way).unwrap();
    let before = alone.foreign_changes().unwrap();
    let other = Catalog::open(&folder).unwrap();
    other.add_user(&user("bob")).unwrap();
    assert_ne!(alone.foreign_changes().unwrap(), before);
    assert_eq!(alone.users().unwrap(), [user("ada"), user("bob"), user("eve")]);
}

#[test]
fn nobody_else_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("catalog");
    let catalog = Catalog::open(&folder).unwrap();
    catalog.add_user(&user("ada")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_name_is_taken_once() {
    let catalog = Catalog::in_memory().unwrap();
    catalog.add_user(&user("ada")).unwrap();
    catalog.add_token(&token("ada")).unwrap();
    assert!(matches!(catalog.add_user(&user("ada")), Err(CatalogError::Taken { what: "a user" })));
    assert!(matches!(catalog.add_token(&token("ada")), Err(CatalogError::Taken { what: "a token" })));
    let same = Token { name: "other".to_owned(), ..token("ada") };
    assert!(matches!(catalog.add_token(&same), Err(CatalogError::Taken { .. })));
}

/// Databases as each schema was, made by Python's sqlite3 from the files of `migrations/`, with one row in each table.
#[test]
fn every_schema_that_there_was_is_opened_and_read() {
    for (fixture, entries) in [("v1.db", 0), ("v2.db", 2), ("v3.db", 2)] {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
        std::fs::copy(from, folder.path().join(FILE)).unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        assert_eq!(catalog.users().unwrap(), [user("ada")], "{fixture}");
        assert_eq!(catalog.tokens().unwrap(), [token("agents")], "{fixture}");
        assert_eq!(catalog.sessions().unwrap(), [session()], "{fixture}");
        assert_eq!(catalog.verify().unwrap().entries, entries, "{fixture}");
        let copied = folder.path().join("catalog.db.schema-1").exists();
        assert_eq!(copied, fixture == "v1.db", "what changes is copied before");
        assert_eq!(folder.path().join("catalog.db.schema-2").exists(), fixture == "v2.db");
    }
}

#[test]
fn files_of_a_newer_clew_and_of_others_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    drop(Catalog::open(folder.path()).unwrap());
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    let error = Catalog::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("newer Clew: its schema is 99, this one knows up to 3"), "{error}");
    change("PRAGMA user_version = 3; PRAGMA application_id = 7");
    assert!(matches!(Catalog::open(folder.path()), Err(CatalogError::Foreign { .. })));
    std::fs::write(&path, "not a database, but long enough to be taken for one by its first page".repeat(99)).unwrap();
    for file in ["catalog.db-wal", "catalog.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    assert!(Catalog::open(folder.path()).is_err());
}

#[test]
fn an_export_is_taken_in_whole_or_not_at_all() {
    let catalog = Catalog::in_memory().unwrap();
    catalog.add_user(&user("ada")).unwrap();
    catalog.add_token(&token("agents")).unwrap();
    let text = catalog.export().unwrap();
    assert!(!text.contains("tenants"), "as it was written before there were any");
    let several = TenantSet::of(["a", "b"].map(|name| TenantId::new(name).unwrap()));
    catalog.change_user("ada", None, None, Some(&several)).unwrap();
    catalog.add_token(&Token { tenants: TenantSet::Any, ..token("ops") }).unwrap();
    let text = (text, catalog.export().unwrap());
    let taken = Catalog::in_memory().unwrap();
    assert_eq!(taken.import(&text.1, |_, _, _| Ok(())).unwrap(), (1, 2));
    assert_eq!(
        (taken.users().unwrap(), taken.tokens().unwrap()),
        (catalog.users().unwrap(), catalog.tokens().unwrap())
    );
    assert_eq!(taken.users().unwrap()[0].tenants, several);
    let bad = text.1.replace("\"b\"", "\"../b\"");
    assert!(taken.import(&bad, |_, _, _| Ok(())).unwrap_err().to_string().contains("is no tenant"));
    let text = text.0;
    let other = Catalog::in_memory().unwrap();
    other.add_user(&User { scopes: Scopes::INGEST, ..user("ada") }).unwrap();
    other.add_user(&user("bob")).unwrap();
    let any = |_: bool, _: &str, _: &str| Ok(());
    assert_eq!(other.import(&text, any).unwrap(), (1, 1));
    assert_eq!(other.users().unwrap(), [user("ada"), user("bob")]);
    assert_eq!(other.tokens().unwrap(), [token("agents")]);
    let empty = Catalog::in_memory().unwrap();
    let only_users = |is_user: bool, name: &str, _: &str| if is_user { Ok(()) } else { Err(format!("{name} is bad")) };
    for (text, expected) in [
        (text.clone(), "agents is bad"),
        (text.replace("\"format\": 1", "\"format\": 2"), "newer Clew"),
        (text.replace("\"ingest\"", "\"write\""), "agents is bad"),
        (text.replace("\"admin\"", "\"root\""), "are not scopes"),
        (text.replace("created_by", "made_by"), "no export"),
        ("{}".to_owned(), "no export"),
        (String::new(), "no export"),
    ] {
        let error: ImportError = empty.import(&text, only_users).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(empty.users().unwrap().is_empty());
}

fn event(n: i64) -> Event {
    let text = |text: &str| text.to_owned();
    Event { at: n, who: text("ada"), origin: text("127.0.0.1"), what: text("login"), detail: format!("{n} ☃") }
}

#[test]
fn the_audit_log_grows_from_several_processes_and_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let both = [Catalog::open(folder.path()).unwrap(), Catalog::open(folder.path()).unwrap()];
    std::thread::scope(|scope| {
        for catalog in &both {
            scope.spawn(|| (0..50).for_each(|n| catalog.append(&event(n)).unwrap()));
        }
    });
    let chain = both[0].verify().unwrap();
    assert_eq!(chain.entries, 100);
    let newest = both[1].audit(i64::MAX, 2).unwrap();
    assert_eq!(newest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [100, 99]);
    assert_eq!((&newest[0].hash, &newest[0].previous), (&chain.head, &newest[1].hash));
    assert_eq!(both[0].audit(99, 1).unwrap()[0].seq, 98);
    let long = Event { detail: "ü".repeat(5_000), ..event(1) };
    both[0].append(&long).unwrap();
    assert_eq!(both[0].audit(i64::MAX, 1).unwrap()[0].event.detail.len(), 1_024);
    assert!(both[0].verify().is_ok());
}

#[test]
fn whatever_is_changed_in_the_audit_log_is_found() {
    for (sql, expected) in [
        ("UPDATE audit SET who = 'eve' WHERE seq = 3", "entry 3 of the audit log was changed"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", "entry 1 of the audit log was changed"),
        ("UPDATE audit SET detail = who, who = detail WHERE seq = 2", "entry 2 of the audit log was changed"),
        ("UPDATE audit SET hash = previous WHERE seq = 5", "entry 5 of the audit log was changed"),
        ("DELETE FROM audit WHERE seq = 3", "entry 4 of the audit log is not the one that follows"),
        ("DELETE FROM audit WHERE seq = 1", "entry 2 of the audit log is not the one that follows"),
        ("DELETE FROM audit WHERE seq > 3", "ends with entry 3; there were 5"),
        ("DELETE FROM audit", "ends with entry 0; there were 5"),
        (
            "DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3",
            "entry 3 of the audit log does not",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        (1..=5).for_each(|n| catalog.append(&event(n)).unwrap());
        let other = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
        assert!(other.execute_batch(sql).unwrap_err().to_string().contains("of the audit log are not"), "{sql}");
        other.execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted").unwrap();
        other.execute_batch(sql).unwrap();
        let error = catalog.verify().unwrap_err().to_string();
        assert!(error.contains(expected), "{sql}: {error}");
    }
}
