//! Status lists as tokens, kept until the list changes or the token is half as old as others may keep it.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{LicensingService, credential::status_list::Says};

/// The last token of each list.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<BTreeMap<u64, Token>>);

#[derive(Clone, Debug)]
struct Token {
    revision: u64,
    issued_s: u64,
    text: String,
}

impl LicensingService {
    /// The token of a status list; none if there is no such list.
    pub(crate) fn status_token(&self, number: u64) -> std::io::Result<Option<String>> {
        let now_s = self.clock.unix_ms() / 1000;
        let revision = self.view.read().revision(number);
        let fresh_s = self.config.status_ttl_s / 2;
        let fits = |token: &&Token| {
            token.revision == revision && (token.issued_s..=token.issued_s + fresh_s).contains(&now_s)
        };
        if let Some(token) = self.tokens.0.lock().get(&number).filter(fits) {
            return Ok(Some(token.text.clone()));
        }
        let Some(kept) = self.view.read().list(number) else { return Ok(None) };
        let says = Says {
            issuer: self.issuer.url(),
            uri: &self.issuer.status_uri(number),
            issued_s: now_s,
            life_s: self.config.status_life_s,
            ttl_s: self.config.status_ttl_s,
        };
        let text = kept.list.token(&self.key, &says)?;
        let token = Token { revision: kept.revision, issued_s: now_s, text: text.clone() };
        self.tokens.0.lock().insert(number, token);
        Ok(Some(text))
    }
}
