//! Those who are known.

use super::password::PasswordHash;
use super::token::TokenDigest;
use clew_model::{Scopes, TenantSet};
use std::collections::{HashMap, HashSet};

/// Somebody who has a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, without colons: HTTP's basic authentication has no way to write them.
    pub name: String,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// What they may do.
    pub scopes: Scopes,
    /// The tenants that they may use.
    pub tenants: TenantSet,
}

/// Something that has a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is called in logs.
    pub name: String,
    /// The digest of the token.
    pub digest: TokenDigest,
    /// What it may do.
    pub scopes: Scopes,
    /// The tenants that it may use.
    pub tenants: TenantSet,
}

/// All who are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    users: HashMap<String, User>,
    tokens: HashMap<TokenDigest, Token>,
    /// The hash that takes longest to check.
    costliest: Option<PasswordHash>,
}

impl Book {
    /// A book of these; of several of one name, or with one digest, the first counts.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = User>, tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut book = Self::default();
        book.add(users, tokens);
        book
    }

    /// Adds those who are not in it.
    pub(super) fn add(&mut self, users: impl IntoIterator<Item = User>, tokens: impl IntoIterator<Item = Token>) {
        for user in users {
            self.users.entry(user.name.clone()).or_insert(user);
        }
        let hashes = self.users.values().map(|user| &user.hash);
        self.costliest = hashes.max_by_key(|hash| hash.cost()).cloned();
        let mut names: HashSet<String> = self.tokens.values().map(|token| token.name.clone()).collect();
        for token in tokens {
            // A token that another of its name hides could be neither seen nor removed.
            if names.insert(token.name.clone()) {
                self.tokens.entry(token.digest).or_insert(token);
            }
        }
    }

    /// All users.
    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// All tokens.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// Of all users' hashes that which takes longest to check.
    pub(super) fn costliest(&self) -> Option<&PasswordHash> {
        self.costliest.as_ref()
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    pub(super) fn token(&self, digest: &TokenDigest) -> Option<&Token> {
        self.tokens.get(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_there_is_measured_by_the_costliest_hash() {
        let user = |name: &str, memory: u32| {
            let hash =
                format!("$argon2id$v=19$m={memory},t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
            let (hash, name) = (PasswordHash::parse(&hash).unwrap(), name.to_owned());
            User { name, hash, scopes: Scopes::READ, tenants: TenantSet::default() }
        };
        let mut book = Book::new([user("a", 1_024), user("b", 65_536), user("c", 19_456)], []);
        assert_eq!(book.costliest(), Some(&user("b", 65_536).hash));
        book.add([user("d", 131_072)], []);
        assert_eq!(book.costliest(), Some(&user("d", 131_072).hash), "those of the catalog count too");
        assert_eq!(Book::default().costliest(), None);
    }
}
