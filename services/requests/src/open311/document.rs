//! Documents: one tree for both formats, so that what XML says and what JSON says cannot differ.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use serde_json::{Map, Value};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Xml,
    Json,
}

impl Format {
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml",
            Self::Json => "application/json",
        }
    }

    /// What the path ends in; else what Accept prefers; else XML, which the standard makes everyone serve.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let path = uri.path();
        if path.ends_with(".json") {
            return Self::Json;
        }
        if path.ends_with(".xml") {
            return Self::Xml;
        }
        let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best: (u32, Self) = (0, Self::Xml);
        for item in accepts.flat_map(|accept| accept.split(',')) {
            let mut pieces = item.split(';').map(|piece| piece.trim().to_ascii_lowercase());
            let format = match pieces.next().as_deref() {
                Some("application/json" | "text/json") => Self::Json,
                Some("text/xml" | "application/xml") => Self::Xml,
                _ => continue,
            };
            let q = pieces.find_map(|piece| piece.strip_prefix("q=").map(str::to_owned));
            let q = q.map_or(Some(1.0), |q| q.parse::<f64>().ok()).unwrap_or(0.0);
            let weight = (q.clamp(0.0, 1.0) * 1000.0) as u32;
            if weight > best.0 {
                best = (weight, format);
            }
        }
        best.1
    }
}

/// A value of a field.
#[derive(Clone, Debug)]
pub(super) enum Field {
    Text(String),
    /// A number as it stands in XML, and its value.
    Degrees(i32),
    Whole(u64),
    Truth(bool),
    Nothing,
    /// The name of an item in XML, and the items.
    List(&'static str, Vec<Item>),
    /// The name of an item in XML, and texts.
    Texts(&'static str, Vec<String>),
}

impl Field {
    /// A text that is there, or nothing.
    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }
}

/// Named fields in order.
pub(super) type Item = Vec<(&'static str, Field)>;

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Doc {
    root: &'static str,
    namespace: Option<&'static str>,
    body: Body,
    link: Option<String>,
}

#[derive(Clone, Debug)]
enum Body {
    Items(&'static str, Vec<Item>),
    One(Item),
}

impl Doc {
    /// A root with items: in JSON a list.
    pub(super) fn list(root: &'static str, item: &'static str, items: Vec<Item>) -> Self {
        Self { root, namespace: None, body: Body::Items(item, items), link: None }
    }

    /// A root with fields: in JSON an object.
    pub(super) fn one(root: &'static str, namespace: Option<&'static str>, item: Item) -> Self {
        Self { root, namespace, body: Body::One(item), link: None }
    }

    pub(super) fn error(status: StatusCode, description: &str) -> Self {
        let item = vec![
            ("code", Field::Whole(status.as_u16().into())),
            ("description", Field::Text(printable(description))),
        ];
        Self::list("errors", "error", vec![item])
    }

    /// Says where the next page is.
    #[must_use]
    pub(super) fn next(mut self, link: Option<String>) -> Self {
        self.link = link;
        self
    }

    pub(super) fn render(&self, format: Format, status: StatusCode) -> Response {
        let body = match format {
            Format::Json => self.json().to_string().into_bytes(),
            // Writing to memory does not fail.
            Format::Xml => self.xml().unwrap_or_default(),
        };
        let media_type = match format {
            Format::Json => HeaderValue::from_static("application/json"),
            Format::Xml => HeaderValue::from_static("text/xml; charset=utf-8"),
        };
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        let link = self.link.as_ref().map(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")));
        if let Some(Ok(link)) = link {
            headers.insert(header::LINK, link);
        }
        response
    }

    fn json(&self) -> Value {
        match &self.body {
            Body::Items(_, items) => Value::Array(items.iter().map(json_item).collect()),
            Body::One(item) => json_item(item),
        }
    }

    fn xml(&self) -> std::io::Result<Vec<u8>> {
        let mut xml = Writer::new(Vec::new());
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        let mut root = BytesStart::new(self.root);
        if let Some(namespace) = self.namespace {
            root.push_attribute(("xmlns", namespace));
        }
        xml.write_event(Event::Start(root))?;
        match &self.body {
            Body::Items(name, items) => items.iter().try_for_each(|item| xml_item(&mut xml, name, item))?,
            Body::One(item) => xml_fields(&mut xml, item)?,
        }
        xml.write_event(Event::End(BytesEnd::new(self.root)))?;
        Ok(xml.into_inner())
    }
}

/// What a caller sent may come back in an error's words; XML cannot carry all of it.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
        .collect()
}

fn json_item(item: &Item) -> Value {
    let field = |field: &Field| match field {
        Field::Text(text) => Value::from(text.as_str()),
        Field::Degrees(e7) => Value::from(f64::from(*e7) / 1e7),
        Field::Whole(number) => Value::from(*number),
        Field::Truth(truth) => Value::from(*truth),
        Field::Nothing => Value::Null,
        Field::List(_, items) => Value::Array(items.iter().map(json_item).collect()),
        Field::Texts(_, texts) => Value::from(texts.clone()),
    };
    Value::Object(item.iter().map(|(name, value)| ((*name).to_owned(), field(value))).collect::<Map<_, _>>())
}

type Xml = Writer<Vec<u8>>;

fn xml_item(xml: &mut Xml, name: &str, item: &Item) -> std::io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new(name)))?;
    xml_fields(xml, item)?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

fn xml_fields(xml: &mut Xml, item: &Item) -> std::io::Result<()> {
    for (name, field) in item {
        match field {
            Field::Text(text) => xml_text(xml, name, text)?,
            Field::Degrees(e7) => xml_text(xml, name, &degrees(*e7))?,
            Field::Whole(number) => xml_text(xml, name, &number.to_string())?,
            Field::Truth(truth) => xml_text(xml, name, &truth.to_string())?,
            Field::Nothing => xml.write_event(Event::Empty(BytesStart::new(*name)))?,
            Field::List(each, items) => {
                xml.write_event(Event::Start(BytesStart::new(*name)))?;
                items.iter().try_for_each(|item| xml_item(xml, each, item))?;
                xml.write_event(Event::End(BytesEnd::new(*name)))?;
            }
            Field::Texts(each, texts) => {
                xml.write_event(Event::Start(BytesStart::new(*name)))?;
                texts.iter().try_for_each(|text| xml_text(xml, each, text))?;
                xml.write_event(Event::End(BytesEnd::new(*name)))?;
            }
        }
    }
    Ok(())
}

fn xml_text(xml: &mut Xml, name: &str, text: &str) -> std::io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new(name)))?;
    // A reader makes a line end of a bare carriage return.
    let escaped = quick_xml::escape::escape(text).replace('\r', "&#13;");
    xml.write_event(Event::Text(BytesText::from_escaped(escaped)))?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

/// Exact decimal degrees.
fn degrees(e7: i32) -> String {
    let (sign, e7) = (if e7 < 0 { "-" } else { "" }, e7.unsigned_abs());
    let text = format!("{sign}{}.{:07}", e7 / 10_000_000, e7 % 10_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(path: &str, accept: &str) -> Format {
        let request = http::Request::get(path).header(header::ACCEPT, accept).body(()).unwrap();
        Format::of(request.uri(), request.headers())
    }

    #[test]
    fn the_ending_decides_then_accept_then_xml() {
        assert_eq!(format("/a.json", "text/xml"), Format::Json);
        assert_eq!(format("/a.xml?x=.json", "application/json"), Format::Xml);
        assert_eq!(format("/a", "application/json"), Format::Json);
        assert_eq!(format("/a", "application/json, text/plain, */*"), Format::Json);
        assert_eq!(format("/a", "text/html, */*"), Format::Xml);
        assert_eq!(format("/a", "text/xml;q=0.9, application/json;q=0.8"), Format::Xml);
        assert_eq!(format("/a", "text/xml;q=0.8, application/json"), Format::Json);
        assert_eq!(format("/a", "application/json;q=x"), Format::Xml);
    }

    #[test]
    fn degrees_are_exact() {
        assert_eq!(degrees(406_767_928), "40.6767928");
        assert_eq!(
            (degrees(-1), degrees(0), degrees(-1_800_000_000)),
            ("-0.0000001".into(), "0".into(), "-180".into())
        );
    }
}
