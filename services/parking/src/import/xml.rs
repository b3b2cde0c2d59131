//! XML as a tree of elements by their local names. Entities are the five of XML alone: nothing is expanded.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

/// Deeper documents are refused.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Self> {
        let of_name: Vec<&Self> = self.children.iter().filter(|child| child.name == name).collect();
        of_name.into_iter()
    }

    /// The first element along a path.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.all(name).next())
    }

    /// The text there, if there is any.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// The first element of a name anywhere below.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }
}

pub(super) fn parse(file: &[u8]) -> Result<Element, String> {
    let mut reader = Reader::from_reader(file);
    let mut open = vec![Element::default()];
    loop {
        let position = reader.buffer_position();
        let told = |what: String| format!("{what} at byte {position}");
        let event = reader.read_event().map_err(|error| told(error.to_string()))?;
        match event {
            Event::Start(start) => {
                if open.len() > DEPTH_MAX {
                    return Err(told(format!("more than {DEPTH_MAX} levels")));
                }
                open.push(element(&start).map_err(told)?);
            }
            Event::Empty(start) => {
                let child = element(&start).map_err(told)?;
                attach(&mut open, child);
            }
            Event::End(_) => {
                if let Some(child) = open.pop() {
                    attach(&mut open, child);
                }
            }
            Event::Text(text) => add(&mut open, &text.decode().map_err(|error| told(error.to_string()))?),
            Event::CData(text) => add(&mut open, &text.decode().map_err(|error| told(error.to_string()))?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| told(error.to_string()))?;
                let character = reference.resolve_char_ref().map_err(|error| told(error.to_string()))?;
                match (character, resolve_predefined_entity(&name)) {
                    (Some(character), _) => add(&mut open, character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => add(&mut open, text),
                    (None, None) => return Err(told(format!("the entity {name} is not known"))),
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    let [document] = open.as_mut_slice() else { return Err("an element is never closed".into()) };
    document.children.pop().ok_or_else(|| "there is no element".into())
}

fn element(start: &quick_xml::events::BytesStart<'_>) -> Result<Element, String> {
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "a name is not UTF-8".to_owned());
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.unescape_value().map_err(|error| error.to_string())?;
        attributes.push((name(attribute.key.local_name().as_ref())?, value.into_owned()));
    }
    Ok(Element { name: name(start.local_name().as_ref())?, attributes, ..Element::default() })
}

fn attach(open: &mut [Element], child: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let root = parse(
            br#"<?xml version="1.0"?><d:a xmlns:d="x"><d:b i="1&amp;2">B &amp; B&#33;<c/></d:b></d:a>"#,
        );
        let root = root.unwrap();
        assert_eq!(root.name, "a");
        assert_eq!(root.text_at(&["b"]), Some("B & B!"));
        assert_eq!(root.at(&["b"]).unwrap().attribute("i"), Some("1&2"));
        assert!(root.find("c").is_some() && root.find("d").is_none());
    }

    #[test]
    fn what_is_no_document_is_told_with_its_place() {
        for bad in ["<a>", "<a></b>", "<a>&bomb;</a>", "</a>", "<!-- -->", "<a b></a>"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = "<a>".repeat(100_000);
        assert!(parse(deep.as_bytes()).unwrap_err().contains("levels"));
    }
}
