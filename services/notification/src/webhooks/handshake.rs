//! The handshake of CloudEvents web hooks: whoever is to be delivered to is asked first, so that nobody can point
//! deliveries at a server that does not want them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;

use super::{
    message::AGENT,
    policy::Outcome,
    sender::{Answer, SendError},
};
use crate::{Error, subscriptions::record::Settings};

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// What the receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Granted {
        rate_per_minute: Option<u32>,
    },
    Refused(String),
    /// It said nothing yet.
    Open(Outcome),
}

/// The question, in the name of an origin.
pub(crate) fn request(settings: &Settings, origin: &str) -> Result<Request<Full<Bytes>>, Error> {
    let faulty = |reason: String| Error::Delivery { subscription: settings.id.to_string(), reason };
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::OPTIONS;
    *request.uri_mut() =
        settings.endpoint.parse().map_err(|error| faulty(format!("its endpoint: {error}")))?;
    let origin = HeaderValue::from_str(origin).map_err(|error| faulty(format!("the origin: {error}")))?;
    request.headers_mut().insert(REQUEST_ORIGIN, origin);
    request.headers_mut().insert(header::USER_AGENT, AGENT);
    Ok(request)
}

/// Reads the answer. An answer without leave is a refusal; a failure is not, since a receiver may not be up yet.
pub(crate) fn reply(answer: Result<Answer, SendError>, origin: &str, now_ms: u64) -> Reply {
    let Ok(Answer { status, headers }) = &answer else {
        return Reply::Open(super::policy::outcome(answer, now_ms));
    };
    if !status.is_success() {
        let passing = status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED
            || *status == StatusCode::TOO_MANY_REQUESTS;
        return if passing {
            Reply::Open(super::policy::outcome(answer, now_ms))
        } else {
            Reply::Refused(format!("the receiver answered {status} to OPTIONS"))
        };
    }
    let leave = text(headers, &ALLOWED_ORIGIN);
    if !leave.is_some_and(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin)) {
        return Reply::Refused(format!("the receiver did not answer WebHook-Allowed-Origin: {origin}"));
    }
    match text(headers, &ALLOWED_RATE) {
        None | Some("*") => Reply::Granted { rate_per_minute: None },
        Some(rate) => match rate.parse() {
            Ok(rate) if rate > 0 => Reply::Granted { rate_per_minute: Some(rate) },
            _ => Reply::Refused("the receiver's WebHook-Allowed-Rate is no number of requests".into()),
        },
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, origin: Option<&'static str>, rate: Option<&'static str>) -> Reply {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(ALLOWED_ORIGIN, HeaderValue::from_static(origin));
        }
        if let Some(rate) = rate {
            headers.insert(ALLOWED_RATE, HeaderValue::from_static(rate));
        }
        reply(Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers }), "land.city", 0)
    }

    #[test]
    fn leave_is_what_names_us() {
        for (origin, rate, per_minute) in
            [("land.city", None, None), ("*", Some("*"), None), ("LAND.city", Some(" 120 "), Some(120))]
        {
            let granted = Reply::Granted { rate_per_minute: per_minute };
            assert_eq!(said(200, Some(origin), rate), granted);
            assert_eq!(said(204, Some(origin), rate), granted);
        }
        assert!(matches!(said(200, None, None), Reply::Refused(_)));
        assert!(matches!(said(200, Some("other.city"), None), Reply::Refused(_)));
        assert!(matches!(said(200, Some("*"), Some("0")), Reply::Refused(_)));
        assert!(matches!(said(200, Some("*"), Some("many")), Reply::Refused(_)));
        for status in [301, 400, 403, 404, 405, 410, 501] {
            assert!(matches!(said(status, Some("*"), None), Reply::Refused(_)), "{status}");
        }
        for status in [429, 500, 502, 503] {
            assert!(matches!(said(status, Some("*"), None), Reply::Open(_)), "{status}");
        }
        assert!(matches!(reply(Err(SendError::Timeout), "land.city", 0), Reply::Open(_)));
    }
}
