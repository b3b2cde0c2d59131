//! The catalogue in the words of DCAT-AP 3, as JSON-LD. Pure.
//!
//! What DCAT-AP calls mandatory is always there: of a catalogue title, description and publisher; of a dataset title and
//! description; of a distribution the access address; of a data service address and title; of a catalogue record topic
//! and time; of an agent the name.

use std::collections::BTreeMap;

use hutong_ledger::epoch::Epoch;
use hutong_wire::v1::catalogue::{self as wire, SharingClass};
use serde_json::{Value, json};

use super::iri::Base;
use crate::{Config, DOMAIN, contract::media_type};

const ACCESS_RIGHTS: &str = "http://publications.europa.eu/resource/authority/access-right/";
const FILE_TYPES: &str = "http://publications.europa.eu/resource/authority/file-type/";
const THEMES: &str = "http://publications.europa.eu/resource/authority/data-theme";
const MEDIA_TYPES: &str = "https://www.iana.org/assignments/media-types/";

/// The EU's data themes by code.
const THEME_LABELS: [(&str, &str); 13] = [
    ("AGRI", "Agriculture, fisheries, forestry and food"),
    ("ECON", "Economy and finance"),
    ("EDUC", "Education, culture and sport"),
    ("ENER", "Energy"),
    ("ENVI", "Environment"),
    ("GOVE", "Government and public sector"),
    ("HEAL", "Health"),
    ("INTR", "International issues"),
    ("JUST", "Justice, legal system and public safety"),
    ("REGI", "Regions and cities"),
    ("SOCI", "Population and society"),
    ("TECH", "Science and technology"),
    ("TRAN", "Transport"),
];

/// Terms by prefix; `hutong` is for what DCAT and ODRL have no word for.
pub(super) fn context(base: &Base) -> Value {
    json!({
        "dcat": "http://www.w3.org/ns/dcat#",
        "dct": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "hutong": format!("{}#", base.catalogue()),
    })
}

/// The whole catalogue.
pub(super) fn catalogue(base: &Base, config: &Config, epoch: &Epoch, datasets: &[wire::Dataset]) -> Value {
    let mut services: BTreeMap<&str, Vec<&wire::Dataset>> = BTreeMap::new();
    for dataset in datasets {
        services.entry(&dataset.endpoint).or_default().push(dataset);
    }
    let mut catalogue = json!({
        "@context": context(base),
        "@id": base.catalogue(),
        "@type": "dcat:Catalog",
        "dct:title": text(&config.title),
        "dct:description": text(&config.description),
        "dct:publisher": publisher(base, epoch, DOMAIN.as_str()),
        "dcat:themeTaxonomy": { "@id": THEMES, "@type": "skos:ConceptScheme", "dct:title": text("Data theme") },
        "dcat:dataset": datasets.iter().map(|dataset| node(base, epoch, dataset)).collect::<Vec<_>>(),
        "dcat:service": services.values().map(|served| service(base, epoch, served)).collect::<Vec<_>>(),
        "dcat:record": datasets.iter().map(|dataset| record(base, dataset)).collect::<Vec<_>>(),
    });
    let issued = datasets.iter().map(|dataset| dataset.issued_ms).min();
    let modified = datasets.iter().map(|dataset| dataset.modified_ms).max();
    for (name, time_ms) in [("dct:issued", issued), ("dct:modified", modified)] {
        if let Some(time) = time_ms.and_then(time) {
            catalogue[name] = time;
        }
    }
    catalogue
}

/// One dataset by itself, with the service that its distribution names.
pub(super) fn dataset(base: &Base, epoch: &Epoch, dataset: &wire::Dataset) -> Value {
    let mut node = node(base, epoch, dataset);
    node["@context"] = context(base);
    node["dcat:distribution"][0]["dcat:accessService"] = service(base, epoch, &[dataset]);
    node
}

/// A dataset among others.
pub(super) fn node(base: &Base, epoch: &Epoch, dataset: &wire::Dataset) -> Value {
    let access = match dataset.sharing() {
        SharingClass::Unconditional => "PUBLIC",
        SharingClass::Conditional => "RESTRICTED",
        SharingClass::NotShared | SharingClass::Unspecified => "NON_PUBLIC",
    };
    let fields = dataset.fields.iter().map(|field| {
        let mut node = json!({ "hutong:name": field.name, "hutong:sealed": field.sealed });
        if !field.description.is_empty() {
            node["dct:description"] = text(&field.description);
        }
        node
    });
    let mut node = json!({
        "@id": base.dataset(&dataset.id),
        "@type": "dcat:Dataset",
        "dct:identifier": dataset.id,
        "dct:title": text(&dataset.title),
        "dct:description": text(&dataset.description),
        "dct:publisher": publisher(base, epoch, &dataset.domain),
        "dcat:keyword": dataset.keywords.iter().map(|keyword| text(keyword)).collect::<Vec<_>>(),
        "dct:accessRights": { "@id": format!("{ACCESS_RIGHTS}{access}"), "@type": "dct:RightsStatement" },
        "dcat:distribution": [distribution(base, dataset)],
        "hutong:domain": dataset.domain,
        "hutong:recordType": dataset.record_type,
        "hutong:field": fields.collect::<Vec<_>>(),
    });
    if !dataset.theme.is_empty() {
        node["dcat:theme"] = json!([theme(&dataset.theme)]);
    }
    for (name, time_ms) in [
        ("dct:issued", dataset.issued_ms),
        ("dct:modified", dataset.modified_ms),
        ("hutong:withdrawn", dataset.withdrawn_ms),
    ] {
        if let Some(time) = time(time_ms).filter(|_| time_ms > 0) {
            node[name] = time;
        }
    }
    node
}

fn distribution(base: &Base, dataset: &wire::Dataset) -> Value {
    let media_type = media_type(dataset);
    let file_type = match media_type {
        "application/geo+json" => "GEOJSON",
        "application/ld+json" => "JSON_LD",
        "text/csv" => "CSV",
        "text/html" => "HTML",
        xml if xml.ends_with("xml") => "XML",
        json if json.ends_with("json") => "JSON",
        _ => "BIN",
    };
    json!({
        "@id": format!("{}#distribution", base.dataset(&dataset.id)),
        "@type": "dcat:Distribution",
        "dct:title": text(&format!("{}, through the API", dataset.title)),
        "dcat:accessURL": { "@id": base.path(&dataset.endpoint) },
        "dct:format": { "@id": format!("{FILE_TYPES}{file_type}"), "@type": "dct:MediaTypeOrExtent" },
        "dcat:mediaType": { "@id": format!("{MEDIA_TYPES}{media_type}"), "@type": "dct:MediaType" },
        "dcat:accessService": { "@id": base.service(&dataset.endpoint) },
    })
}

/// The API behind an endpoint; all the datasets are served there.
fn service(base: &Base, epoch: &Epoch, served: &[&wire::Dataset]) -> Value {
    let Some(first) = served.first() else { return Value::Null };
    let datasets = served.iter().map(|dataset| json!({ "@id": base.dataset(&dataset.id) }));
    json!({
        "@id": base.service(&first.endpoint),
        "@type": "dcat:DataService",
        "dct:title": text(&format!("API of the domain {} at {}", first.domain, first.endpoint)),
        "dct:publisher": publisher(base, epoch, &first.domain),
        "dcat:endpointURL": { "@id": base.path(&first.endpoint) },
        "dcat:endpointDescription": { "@id": base.path("/openapi.json") },
        "dcat:servesDataset": datasets.collect::<Vec<_>>(),
    })
}

fn record(base: &Base, dataset: &wire::Dataset) -> Value {
    json!({
        "@id": format!("{}#record", base.dataset(&dataset.id)),
        "@type": "dcat:CatalogRecord",
        "foaf:primaryTopic": { "@id": base.dataset(&dataset.id) },
        "dct:modified": time(dataset.modified_ms),
    })
}

/// The agency that a domain belongs to.
fn publisher(base: &Base, epoch: &Epoch, domain: &str) -> Value {
    let rules = domain.parse().ok().and_then(|domain| epoch.rules(domain));
    let owner = rules.and_then(|rules| epoch.agency(&rules.owner));
    // A domain that an epoch dropped has datasets all the same, and somebody published them.
    let (id, name) = owner.map_or((domain, domain), |owner| (owner.id.as_str(), owner.name.as_str()));
    json!({ "@id": base.agency(id), "@type": "foaf:Agent", "foaf:name": name })
}

fn theme(iri: &str) -> Value {
    let last = iri.trim_end_matches('/').rsplit(['/', '#']).next().unwrap_or(iri);
    let known = iri.strip_prefix(THEMES).and_then(|code| code.strip_prefix('/'));
    let label = THEME_LABELS.into_iter().find(|(code, _)| known == Some(code));
    let label = label.map_or(last, |(_, label)| label);
    json!({ "@id": iri, "@type": "skos:Concept", "skos:prefLabel": text(label) })
}

/// Text without a language: agencies write in theirs.
fn text(text: &str) -> Value {
    Value::from(text)
}

/// A time as XML Schema writes it.
pub(super) fn time(time_ms: u64) -> Option<Value> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time_ms).ok()?).ok()?;
    Some(json!({ "@type": "xsd:dateTime", "@value": time.to_string() }))
}
