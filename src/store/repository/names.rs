//! Names that begin in some way, for the shell to complete.

use super::{Error, Repository};

/// What is being named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Customer Codes, each with its scope.
    Customers,
    /// The ids of keys that are not revoked, each with its customer.
    Keys,
}

const CUSTOMERS: &str =
    "SELECT code, scope FROM customers WHERE code >= $1 AND code < $2 ORDER BY code LIMIT $3";
const KEYS: &str = "SELECT id, customer FROM api_keys \
                    WHERE id >= $1 AND id < $2 AND revoked_at IS NULL ORDER BY id LIMIT $3";
/// Comes after every character that a code or an id may hold.
const AFTER_ALL: char = '\u{7f}';

impl dyn Repository + '_ {
    /// The first names, in their order, that begin with `beginning`, each with a word on it.
    pub async fn names(
        &self,
        kind: Names,
        beginning: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        let statement = match kind {
            Names::Customers => CUSTOMERS,
            Names::Keys => KEYS,
        };
        let query = sqlx::query_as(statement)
            .bind(beginning)
            .bind(format!("{beginning}{AFTER_ALL}"))
            .bind(limit);
        Ok(query.fetch_all(self.pool()).await?)
    }
}
