//! Names on this side and at the broker: the namespace goes on and comes off, and nothing else changes.

use async_nats::{HeaderMap, HeaderValue};
use hutong_bus::{Error, Filter, Headers, Stream};

/// Header fields that belong to the broker; the port neither sends nor shows them.
const RESERVED_PREFIX: &str = "Nats-";

/// Maps names into a namespace and out of it.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// With its dot, or empty.
    prefix: String,
}

impl Names {
    pub(crate) fn new(namespace: Option<&str>) -> Result<Self, Error> {
        let Some(namespace) = namespace else { return Ok(Self { prefix: String::new() }) };
        let valid = (1..=64).contains(&namespace.len())
            && namespace
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !valid {
            let reason = "a namespace is 1 to 64 of a-z, 0-9 and -".into();
            return Err(Error::Invalid { subject: namespace.into(), reason });
        }
        Ok(Self { prefix: format!("{namespace}.") })
    }

    pub(crate) fn subject(&self, subject: &str) -> String {
        format!("{}{subject}", self.prefix)
    }

    /// The port's name of a subject at the broker.
    pub(crate) fn local<'a>(&self, subject: &'a str) -> &'a str {
        subject.strip_prefix(&self.prefix).unwrap_or(subject)
    }

    pub(crate) fn stream(&self, stream: Stream) -> String {
        match self.prefix.strip_suffix('.') {
            Some(namespace) => format!("{}_{}", namespace.to_ascii_uppercase(), stream.name()),
            None => stream.name().into(),
        }
    }

    /// The patterns of a filter, without those that others cover: the broker refuses overlapping ones.
    pub(crate) fn patterns(&self, filter: &Filter) -> Vec<String> {
        let all = filter.patterns();
        let covered = |at: usize| {
            all.iter().enumerate().any(|(other, pattern)| {
                other != at && covers(pattern, &all[at]) && (other < at || !covers(&all[at], pattern))
            })
        };
        (0..all.len()).filter(|at| !covered(*at)).map(|at| self.subject(&all[at])).collect()
    }
}

/// Whether each subject that matches the narrow pattern matches the wide one.
fn covers(wide: &str, narrow: &str) -> bool {
    let mut narrow = narrow.split('.');
    for token in wide.split('.') {
        match (token, narrow.next()) {
            (">", Some(_)) => return true,
            ("*", Some(found)) if found != ">" => {}
            (exact, Some(found)) if exact == found => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

pub(crate) fn to_broker(headers: &Headers) -> HeaderMap {
    headers.iter().fold(HeaderMap::new(), |mut map, (name, value)| {
        map.insert(name, HeaderValue::from(value));
        map
    })
}

pub(crate) fn from_broker(map: Option<&HeaderMap>) -> Headers {
    let mut headers = Headers::default();
    for (name, values) in map.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        let reserved = name
            .get(..RESERVED_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX));
        if !reserved && let Some(value) = values.first() {
            headers.set(name, value.as_str());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_goes_on_and_comes_off() {
        let names = Names::new(Some("city-1")).unwrap();
        assert_eq!(names.subject("tx.property"), "city-1.tx.property");
        assert_eq!(names.local("city-1.tx.property"), "tx.property");
        assert_eq!(names.stream(Stream::Blocks), "CITY-1_BLOCKS");
        let plain = Names::new(None).unwrap();
        assert_eq!((plain.subject("a.b"), plain.stream(Stream::Events)), ("a.b".into(), "EVENTS".into()));
        for namespace in ["", "A", "a.b", "a b", "ä"] {
            assert!(Names::new(Some(namespace)).is_err(), "{namespace}");
        }
    }

    #[test]
    fn covered_patterns_are_left_out() {
        let names = Names::new(None).unwrap();
        for (patterns, expected) in [
            (&["tx.a", "tx.b"][..], &["tx.a", "tx.b"][..]),
            (&["tx.a", "tx.a"], &["tx.a"]),
            (&["tx.a", "tx.*", "tx.>"], &["tx.>"]),
            (&["tx.*", "tx.a.b"], &["tx.*", "tx.a.b"]),
            (&["tx.>", "tx.a.*"], &["tx.>"]),
        ] {
            assert_eq!(names.patterns(&Filter::any(patterns.to_vec())), expected, "{patterns:?}");
        }
    }

    #[test]
    fn the_brokers_headers_stay_with_it() {
        let mut map = HeaderMap::new();
        map.insert("nats-Msg-Id", "x");
        map.insert("traceparent", "y");
        let headers = from_broker(Some(&map));
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("traceparent", "y")]);
        assert_eq!(to_broker(&headers).len(), 1);
    }
}
