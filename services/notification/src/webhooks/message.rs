//! A delivery as a request: CloudEvents 1.0 over HTTP, structured or binary, signed.

use bytes::Bytes;
use cloudevents::{AttributesReader, Data, Event};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;

use super::signature;
use crate::{
    Error,
    event::{HEADER_PREFIX, header_value},
    subscriptions::record::{Mode, Settings},
};

const STRUCTURED: HeaderValue = HeaderValue::from_static("application/cloudevents+json");
pub(crate) const AGENT: HeaderValue = HeaderValue::from_static(concat!("hutong/", env!("CARGO_PKG_VERSION")));

/// The request that delivers an event now. It is made anew for each attempt: its signature says when.
pub(crate) fn request(
    settings: &Settings,
    event: &Event,
    now_ms: u64,
) -> Result<Request<Full<Bytes>>, Error> {
    let faulty = |reason: String| Error::Delivery { subscription: settings.id.to_string(), reason };
    let (mut headers, body) = match settings.mode {
        Mode::Structured => {
            let body = serde_json::to_vec(event).map_err(|error| faulty(error.to_string()))?;
            (HeaderMap::from_iter([(header::CONTENT_TYPE, STRUCTURED)]), body)
        }
        Mode::Binary => binary(event).map_err(faulty)?,
    };
    let signed = signature::headers(&settings.secrets, event.id(), now_ms, &body);
    headers.extend(signed.ok_or_else(|| faulty("a secret of it is not what this software writes".into()))?);
    headers.insert(header::USER_AGENT, AGENT);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        settings.endpoint.parse().map_err(|error| faulty(format!("its endpoint: {error}")))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Attributes as headers, data as body.
fn binary(event: &Event) -> Result<(HeaderMap, Vec<u8>), String> {
    let mut headers = HeaderMap::new();
    let mut put = |name: &str, text: &str| {
        let value = HeaderValue::from_str(text).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::try_from(name).map_err(|error| error.to_string())?, value);
        Ok::<(), String>(())
    };
    for (name, value) in event.iter() {
        match name {
            "datacontenttype" => put(header::CONTENT_TYPE.as_str(), &value.to_string())?,
            name => put(&format!("{HEADER_PREFIX}{name}"), &header_value(&value.to_string()))?,
        }
    }
    let body = match event.data() {
        None => Vec::new(),
        Some(Data::Json(value)) => serde_json::to_vec(value).map_err(|error| error.to_string())?,
        Some(Data::String(text)) => text.clone().into_bytes(),
        Some(Data::Binary(bytes)) => bytes.clone(),
    };
    Ok((headers, body))
}
