//! Reads JSON-LD as far as the catalogue writes it, knowing nothing of how: nodes with types and properties under full
//! IRIs, references resolved within the document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a property has: a reference, or a literal with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Iri(String),
    Literal { text: String, kind: Option<String> },
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) types: Vec<String>,
    pub(crate) properties: BTreeMap<String, Vec<Object>>,
}

impl Node {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.types.iter().any(|known| known == kind)
    }

    pub(crate) fn all(&self, property: &str) -> &[Object] {
        self.properties.get(property).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn iris(&self, property: &str) -> Vec<&str> {
        let objects = self.all(property).iter();
        objects
            .map(|object| match object {
                Object::Iri(iri) => iri.as_str(),
                literal => panic!("{property} is a literal: {literal:?}"),
            })
            .collect()
    }

    pub(crate) fn texts(&self, property: &str) -> Vec<&str> {
        let objects = self.all(property).iter();
        objects
            .map(|object| match object {
                Object::Literal { text, .. } => text.as_str(),
                iri => panic!("{property} is a node: {iri:?}"),
            })
            .collect()
    }
}

/// Nodes by IRI; those without one under names of their own.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: BTreeMap<String, Node>,
    prefixes: BTreeMap<String, String>,
    unnamed: usize,
}

impl Graph {
    /// Reads a document with an inline context of prefixes.
    pub(crate) fn read(document: &Value) -> Self {
        let mut graph = Self::default();
        let context = document["@context"].as_object().expect("an inline context");
        for (prefix, iri) in context {
            assert_iri(iri.as_str().expect("a prefix stands for an IRI"));
            graph.prefixes.insert(prefix.clone(), iri.as_str().unwrap().to_owned());
        }
        graph.node(document.as_object().unwrap());
        graph
    }

    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&str, &Node)> {
        self.nodes.iter().filter(|(_, node)| node.is(kind)).map(|(iri, node)| (iri.as_str(), node)).collect()
    }

    fn expand(&self, name: &str) -> String {
        let (prefix, rest) =
            name.split_once(':').unwrap_or_else(|| panic!("{name} is no term of the context"));
        let iri = self.prefixes.get(prefix).unwrap_or_else(|| panic!("the prefix of {name} is not declared"));
        format!("{iri}{rest}")
    }

    fn node(&mut self, object: &Map<String, Value>) -> String {
        let id = object.get("@id").map_or_else(
            || {
                self.unnamed += 1;
                format!("_:{}", self.unnamed)
            },
            |id| id.as_str().unwrap().to_owned(),
        );
        if !id.starts_with("_:") {
            assert_iri(&id);
        }
        let mut read = Node::default();
        for (name, value) in object {
            let values = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
            match name.as_str() {
                "@id" | "@context" => {}
                "@type" => read.types.extend(values.iter().map(|kind| self.expand(kind.as_str().unwrap()))),
                keyword if keyword.starts_with('@') => panic!("the keyword {keyword} is not read here"),
                property => {
                    let objects = values.iter().map(|value| self.object(value)).collect();
                    assert!(read.properties.insert(self.expand(property), objects).is_none());
                }
            }
        }
        let node = self.nodes.entry(id.clone()).or_default();
        node.types.extend(read.types);
        for (property, objects) in read.properties {
            let known = node.properties.entry(property).or_default();
            known.extend(objects.into_iter().filter(|object| !known.contains(object)).collect::<Vec<_>>());
        }
        id
    }

    fn object(&mut self, value: &Value) -> Object {
        match value {
            Value::Object(object) => match object.get("@value") {
                Some(text) => Object::Literal {
                    text: text.as_str().unwrap().to_owned(),
                    kind: object.get("@type").map(|kind| self.expand(kind.as_str().unwrap())),
                },
                None => Object::Iri(self.node(object)),
            },
            Value::String(text) => Object::Literal { text: text.clone(), kind: None },
            Value::Bool(truth) => Object::Literal { text: truth.to_string(), kind: None },
            other => panic!("neither a node nor a literal: {other}"),
        }
    }
}

/// Absolute, and of characters that an IRI may have.
pub(crate) fn assert_iri(iri: &str) {
    let rest = iri.strip_prefix("http://").or_else(|| iri.strip_prefix("https://"));
    assert!(rest.is_some_and(|rest| !rest.starts_with('/')), "{iri} is not absolute");
    assert!(!iri.contains(|c: char| c.is_whitespace() || "<>\"{}|\\^`".contains(c)), "{iri}");
}
