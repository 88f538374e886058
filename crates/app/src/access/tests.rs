//! The door as a whole.

use super::*;
use clew_host::SimClock;
use clew_model::ErrorKind;
use clew_telemetry::BuildInfo;
use std::time::Instant;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
/// How long the first attempt waits that is not free.
const DELAY: Duration = Duration::from_millis(10);

const TOKEN: &str = "clew_of-the-agents";

fn door(mode: AuthMode) -> (Access, Arc<Registry>) {
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    let attempts = Arc::new(Attempts::delayed_by(DELAY));
    let clock = Arc::new(SimClock::new(1));
    let (access, _) = Access::new(AccessOptions::of(mode), book("s3cret"), clock, &registry);
    (Access { attempts, ..access }, registry)
}

fn book(password: &str) -> Book {
    let hash = PasswordHash::parse(&hash_password(password).unwrap()).unwrap();
    let user = User { name: "ada".to_owned(), hash, scopes: Scopes::READ, tenants: TenantSet::default() };
    let token = Token {
        name: "agents".to_owned(),
        digest: TokenDigest::of(TOKEN),
        scopes: Scopes::INGEST,
        tenants: TenantSet::default(),
    };
    Book::new([user], [token])
}

fn password(name: &str, password: &str) -> Credentials {
    Credentials::Password { name: name.to_owned(), password: password.to_owned() }
}

#[tokio::test]
async fn who_is_known_gets_in_by_what_the_mode_takes() {
    let token = || Credentials::Token(TOKEN.to_owned());
    let agents = Some(("token:agents", Scopes::INGEST));
    let ada = Some(("ada", Scopes::READ));
    for (mode, credentials, expected) in [
        (AuthMode::Basic, password("ada", "s3cret"), ada),
        (AuthMode::Basic, token(), agents),
        (AuthMode::Basic, password("whoever", TOKEN), agents),
        (AuthMode::Basic, password("ada", "wrong"), None),
        (AuthMode::Basic, password("eve", "s3cret"), None),
        (AuthMode::Basic, password("ada", ""), None),
        (AuthMode::Basic, Credentials::Token("s3cret".to_owned()), None),
        (AuthMode::Basic, Credentials::Nothing, None),
        (AuthMode::Token, token(), agents),
        (AuthMode::Token, password("", TOKEN), agents),
        (AuthMode::Token, password("ada", "s3cret"), None),
        (AuthMode::None, Credentials::Nothing, Some(("anonymous", Scopes::ALL))),
        (AuthMode::None, password("ada", "wrong"), Some(("anonymous", Scopes::ALL))),
    ] {
        let (door, _) = door(mode);
        let caller = door.identify(credentials, Some(ADDRESS)).await;
        let found = caller.as_ref().ok().map(|caller| (&*caller.principal, caller.scopes));
        assert_eq!(found, expected, "{mode:?}");
    }
}

#[tokio::test]
async fn a_right_password_is_checked_once_until_the_book_has_another() {
    let (door, registry) = door(AuthMode::Basic);
    let checks = registry.counter(&table::AUTH_PASSWORD_CHECKS, []);
    for _ in 0..50 {
        assert!(door.identify(password("ada", "s3cret"), Some(ADDRESS)).await.is_ok());
    }
    assert_eq!(checks.get(), 1);
    door.replace(book("other"));
    assert_eq!(door.identify(password("ada", "s3cret"), Some(ADDRESS)).await, Err(Refusal::Wrong));
    assert!(door.identify(password("ada", "other"), Some(ADDRESS)).await.is_ok());
    door.replace(Book::default());
    assert_eq!(door.identify(password("ada", "other"), Some(ADDRESS)).await, Err(Refusal::Wrong));
}

#[tokio::test]
async fn who_fails_is_slowed_and_counted_and_who_is_known_is_not() {
    let (door, registry) = door(AuthMode::Basic);
    door.identify(password("ada", "s3cret"), Some(ADDRESS)).await.unwrap();
    let began = Instant::now();
    for n in 0..10 {
        let wrong = if n % 2 == 0 { password("ada", "guess") } else { Credentials::Token(format!("guess-{n}")) };
        assert_eq!(door.identify(wrong, Some(ADDRESS)).await, Err(Refusal::Wrong));
    }
    // Four are free, then 1, 2, 4, 8, 16 and 32 times the first delay.
    assert!(began.elapsed() > DELAY * 63, "{:?}", began.elapsed());
    assert_eq!(registry.counter(&table::AUTH_REFUSED, ["wrong"]).get(), 10);
    let began = Instant::now();
    assert!(door.identify(Credentials::Token(TOKEN.to_owned()), Some(ADDRESS)).await.is_ok());
    assert!(door.identify(password("ada", "s3cret"), Some(ADDRESS)).await.is_ok());
    assert!(began.elapsed() < DELAY * 16, "{:?}", began.elapsed());
    let guesses = (0..9).map(|_| door.identify(Credentials::Token("guess".to_owned()), Some(ADDRESS)));
    let refused = futures_util::future::join_all(guesses).await;
    let sent_away = refused.iter().filter(|refused| matches!(refused, Err(Refusal::TooMany { .. }))).count();
    assert_eq!((sent_away, registry.counter(&table::AUTH_REFUSED, ["too_many"]).get()), (5, 5));
}

#[tokio::test]
async fn who_is_not_there_takes_as_long_as_who_is() {
    let (door, _) = door(AuthMode::Basic);
    // The first prepares what it compares with.
    let _ = door.identify(password("nobody", "x"), Some(ADDRESS)).await;
    let mut times = Vec::new();
    for name in ["ada", "nobody"] {
        let began = Instant::now();
        let _ = door.identify(password(name, "x"), None).await;
        times.push(began.elapsed().as_secs_f64());
    }
    let ratio = times[1] / times[0];
    assert!((0.1..10.0).contains(&ratio), "{times:?}");
}

#[tokio::test]
async fn a_session_ends_with_the_password_that_opened_it() {
    let (door, _) = door(AuthMode::Basic);
    let (caller, secret) = door.log_in(password("ada", "s3cret"), Some(ADDRESS)).await.unwrap();
    let by_session = || door.identify(Credentials::Session(secret.clone()), Some(ADDRESS));
    assert_eq!(by_session().await, Ok(caller));
    let (_, of_token) = door.log_in(Credentials::Token(TOKEN.to_owned()), None).await.unwrap();
    assert_eq!(door.session(&of_token).map(|caller| caller.scopes), Some(Scopes::INGEST));
    door.replace(book("other"));
    assert_eq!(by_session().await, Err(Refusal::Missing));
    assert!(door.session(&of_token).is_some(), "that of the token is another's");
    door.log_out(&of_token);
    assert_eq!(door.session(&of_token), None);
    let wrong = door.log_in(password("ada", "s3cret"), Some(ADDRESS)).await;
    assert_eq!(wrong, Err(LoginError::Refused(Refusal::Wrong)));
}

fn members(folder: &std::path::Path, configured: Book) -> (Arc<Members>, Arc<Access>, SessionChanges) {
    let registry = Registry::new(BuildInfo { version: "0", revision: "0" });
    let clock = Arc::new(SimClock::new(7));
    let (access, changes) =
        Access::new(AccessOptions::of(AuthMode::Basic), Book::default(), Arc::clone(&clock) as _, &registry);
    let access = Arc::new(access);
    let members = Members::open(folder, Arc::clone(&access), clock, configured).unwrap();
    (Arc::new(members), access, changes)
}

#[tokio::test]
async fn members_that_are_made_are_let_in_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (made, access, _) = members(folder.path(), book("s3cret"));
    made.add_user("bob", "open sesame", (Scopes::READ | Scopes::ADMIN).into(), "ada").unwrap();
    let token = made.add_token("ci", Scopes::INGEST.into(), "ada").unwrap();
    for (name, error) in [("bob", "is there already"), ("ada", "the configuration names"), ("a:b", "neither colons")] {
        let refused = made.add_user(name, "x", Scopes::READ.into(), "ada").unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
    assert!(made.add_user("eve", "", Scopes::READ.into(), "ada").unwrap_err().to_string().contains("is empty"));
    assert!(
        made.add_token("agents", Scopes::READ.into(), "ada").is_err()
            && made.add_token("ci", Scopes::READ.into(), "ada").is_err()
    );
    assert!(made.remove_user("ada").unwrap_err().to_string().contains("stands in the configuration"));
    assert_eq!(made.remove_user("eve").unwrap_err().kind(), ErrorKind::NotFound);
    let bob = access.identify(password("bob", "open sesame"), None).await.unwrap();
    assert_eq!(bob.scopes, Scopes::READ | Scopes::ADMIN);
    let (again, access, _) = members(folder.path(), Book::default());
    assert_eq!(access.identify(Credentials::Token(token.clone()), None).await.unwrap().scopes, Scopes::INGEST);
    let expected = Member {
        name: "bob".into(),
        scopes: Scopes::READ | Scopes::ADMIN,
        tenants: TenantSet::default(),
        made: Some((7, "ada".into())),
    };
    assert_eq!(again.users().unwrap(), [expected]);
    again.change_user("bob", Some("other"), None, None).unwrap();
    assert!(access.identify(password("bob", "open sesame"), None).await.is_err());
    assert!(access.identify(password("bob", "other"), None).await.is_ok());
    again.remove_user("bob").unwrap();
    again.remove_token("ci").unwrap();
    assert!(access.identify(Credentials::Token(token), None).await.is_err() && access.is_without_anybody());
}

#[tokio::test]
async fn sessions_outlive_a_restart_and_what_commands_change_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (made, access, changes) = members(folder.path(), Book::default());
    let stop = tokio_util::sync::CancellationToken::new();
    let kept = tokio::spawn(Arc::clone(&made).keep(changes, stop.clone()));
    let (command, _, _) = members(folder.path(), Book::default());
    command.add_user("bob", "open sesame", Scopes::READ.into(), "a command").unwrap();
    let began = Instant::now();
    while access.is_without_anybody() {
        assert!(began.elapsed().as_secs() < 20);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, kept_open) = access.log_in(password("bob", "open sesame"), None).await.unwrap();
    let (_, left) = access.log_in(password("bob", "open sesame"), None).await.unwrap();
    access.log_out(&left);
    stop.cancel();
    kept.await.unwrap();
    let (_, access, _) = members(folder.path(), Book::default());
    assert_eq!(access.session(&kept_open).map(|caller| caller.principal.to_string()).as_deref(), Some("bob"));
    assert!(access.session(&left).is_none());
}
