//! Bearer token for `/api/metrics` only. The database holds its SHA-256.

use crate::store::{Db, StoreError};
use crate::types::crypto::{Sha256, Token, unhex};

use super::service::Accounts;

/// Setting that holds the token's SHA-256.
const KEY: &str = "metrics_token_sha256";

/// Creates a new token and revokes the previous one.
pub fn replace_metrics_token(db: &mut Db) -> Result<Token, StoreError> {
    let token = Token::random();
    db.keep_setting(KEY, &token.digest().to_string())?;
    Ok(token)
}

/// Revokes the token. Returns true if there was one.
pub fn remove_metrics_token(db: &mut Db) -> Result<bool, StoreError> {
    db.remove_setting(KEY)
}

impl Accounts {
    /// Returns true if `token` is the metrics token. Reads the database each time, so that replacements take
    /// effect at once; the look-up takes some 10 µs, after the request limits.
    pub async fn is_metrics_token(&self, token: &Token) -> Result<bool, StoreError> {
        let kept = self.store.run(|db| db.setting(KEY)).await?;
        let kept = kept.as_deref().and_then(unhex).map(Sha256);
        Ok(kept.is_some_and(|kept| token.has_digest(&kept)))
    }
}
