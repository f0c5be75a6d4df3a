//! The bearer token that opens `/api/metrics` and nothing else. Only its SHA-256 is kept.

use crate::store::{Db, StoreError};
use crate::types::crypto::{Sha256, Token, unhex};

use super::Accounts;

/// Key of the token's SHA-256 among the kept settings.
const KEY: &str = "metrics_token_sha256";

/// Makes a new token; the one before ends.
pub fn replace_metrics_token(db: &mut Db) -> Result<Token, StoreError> {
    let token = Token::random();
    db.keep_setting(KEY, &token.digest().to_string())?;
    Ok(token)
}

/// Ends the token. Returns true if there was one.
pub fn remove_metrics_token(db: &mut Db) -> Result<bool, StoreError> {
    db.remove_setting(KEY)
}

impl Accounts {
    /// Returns true if `token` is the metrics token. Asks the database each time, so that a new token holds at once and an old one
    /// no more; a look-up by key takes some 10 µs, and requests are limited before.
    pub async fn is_metrics_token(&self, token: &Token) -> Result<bool, StoreError> {
        let kept = self.store.run(|db| db.setting(KEY)).await?;
        let kept = kept.as_deref().and_then(unhex).map(Sha256);
        Ok(kept.is_some_and(|kept| token.has_digest(&kept)))
    }
}
