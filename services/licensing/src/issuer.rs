//! The issuer's name in credentials, and the addresses made of it. Each is an https URL, on loopback too: software that
//! checks credentials takes no other. The service answers their paths wherever it listens.

use hutong_ledger::id::ChainId;

use crate::Error;

/// What an issuer's metadata stands under, before the issuer's own path.
const WELL_KNOWN: &str = "/.well-known/jwt-vc-issuer";

/// The issuer of a city's licences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    url: String,
    /// Where its path begins.
    host_end: usize,
}

impl Issuer {
    /// The issuer of a city that says none.
    pub fn of(chain: ChainId) -> Result<Self, Error> {
        let name = chain.as_str().rsplit_once('-').map_or(chain.as_str(), |(name, _)| name).to_owned();
        Self::parse(&format!("https://licensing.{name}.example"))
    }

    pub fn parse(url: &str) -> Result<Self, Error> {
        let invalid = || Error::Issuer(url.to_owned());
        let rest = url.strip_prefix("https://").ok_or_else(invalid)?;
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-.:".contains(&b);
        let is_step = |step: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
            !matches!(step, "" | "." | "..") && step.bytes().all(fits)
        };
        let sound = url.len() <= 256
            && host.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && host.bytes().all(is_host)
            && path.is_none_or(|path| path.split('/').all(is_step));
        if !sound {
            return Err(invalid());
        }
        Ok(Self { url: url.to_owned(), host_end: url.len() - path.map_or(0, |path| path.len() + 1) })
    }

    /// As `iss` in credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The issuer's own path: empty, or from its first slash.
    pub fn path(&self) -> &str {
        &self.url[self.host_end..]
    }

    /// Where its metadata is.
    pub fn metadata_path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.path())
    }

    /// Where the status lists are, before their numbers.
    pub fn status_path(&self) -> String {
        format!("{}/licensing/v1/status", self.path())
    }

    /// A status list's uri.
    pub fn status_uri(&self, list: u64) -> String {
        format!("{}/licensing/v1/status/{list}", self.url)
    }

    /// Where the type of its credentials is described.
    pub fn type_path(&self) -> String {
        format!("{}/licensing/v1/types/licence", self.path())
    }

    /// The type of its credentials.
    pub fn vct(&self) -> String {
        format!("{}/licensing/v1/types/licence", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_has_an_issuer_without_being_told() {
        let issuer = Issuer::of("new-riverton-0011223344556677".parse().unwrap()).unwrap();
        assert_eq!(issuer.url(), "https://licensing.new-riverton.example");
        assert_eq!((issuer.path(), issuer.metadata_path().as_str()), ("", WELL_KNOWN));
        assert_eq!(issuer.status_uri(3), "https://licensing.new-riverton.example/licensing/v1/status/3");
    }

    #[test]
    fn a_path_follows_the_well_known_one() {
        let issuer = Issuer::parse("https://city.example:8443/market/licences").unwrap();
        assert_eq!(issuer.metadata_path(), "/.well-known/jwt-vc-issuer/market/licences");
        assert_eq!(issuer.status_path(), "/market/licences/licensing/v1/status");
        assert_eq!(issuer.vct(), "https://city.example:8443/market/licences/licensing/v1/types/licence");
    }

    #[test]
    fn others_are_refused() {
        for url in [
            "",
            "https://",
            "http://city.example",
            "https:///a",
            "https://city.example/",
            "https://city.example/a//b",
            "https://city.example/a/../b",
            "https://city.example/a?b",
            "https://city.example#a",
            "https://city example",
            "https://city.example/{id}",
            "did:web:city.example",
        ] {
            assert_eq!(Issuer::parse(url), Err(Error::Issuer(url.into())), "{url}");
        }
    }
}
