//! The catalogue against DCAT-AP 3: what is mandatory is there, of the right kind, and what is referred to exists.

use std::collections::BTreeSet;

use http::header;
use hutong_catalogue::{Config, build, default_datasets};
use hutong_wire::v1::catalogue::SharingClass;

use crate::{
    HOST, Running,
    city::{BUREAU, City, LAND},
    dataset,
    linked::{Graph, Node, Object},
};

const DCAT: &str = "http://www.w3.org/ns/dcat#";
const DCT: &str = "http://purl.org/dc/terms/";
const FOAF: &str = "http://xmlns.com/foaf/0.1/";
const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";

/// A name behind its namespace.
type Term = (&'static str, &'static str);

/// Class, and what each of it must have.
const MANDATORY: [(Term, &[Term]); 8] = [
    ((DCAT, "Catalog"), &[(DCT, "title"), (DCT, "description"), (DCT, "publisher")]),
    ((DCAT, "Dataset"), &[(DCT, "title"), (DCT, "description")]),
    ((DCAT, "Distribution"), &[(DCAT, "accessURL")]),
    ((DCAT, "DataService"), &[(DCAT, "endpointURL"), (DCT, "title")]),
    ((DCAT, "CatalogRecord"), &[(FOAF, "primaryTopic"), (DCT, "modified")]),
    ((FOAF, "Agent"), &[(FOAF, "name")]),
    ((SKOS, "Concept"), &[(SKOS, "prefLabel")]),
    ((SKOS, "ConceptScheme"), &[(DCT, "title")]),
];

/// Properties whose values are nodes of a class within the document.
const RANGES: [(&str, &str, &str, &str); 9] = [
    (DCT, "publisher", FOAF, "Agent"),
    (DCAT, "dataset", DCAT, "Dataset"),
    (DCAT, "service", DCAT, "DataService"),
    (DCAT, "record", DCAT, "CatalogRecord"),
    (DCAT, "distribution", DCAT, "Distribution"),
    (DCAT, "accessService", DCAT, "DataService"),
    (DCAT, "servesDataset", DCAT, "Dataset"),
    (DCAT, "theme", SKOS, "Concept"),
    (FOAF, "primaryTopic", DCAT, "Dataset"),
];

/// What is wrong with a document, by DCAT-AP.
fn faults(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for ((namespace, class), properties) in MANDATORY {
        for (iri, node) in graph.of_type(&format!("{namespace}{class}")) {
            for (namespace, property) in properties {
                let values = node.all(&format!("{namespace}{property}"));
                let blank = |value: &Object| matches!(value, Object::Literal { text, .. } if text.is_empty());
                if values.is_empty() || values.iter().any(blank) {
                    faults.push(format!("{class} {iri} has no {property}"));
                }
            }
        }
    }
    for (iri, node) in &graph.nodes {
        for (namespace, property, class_namespace, class) in RANGES {
            for object in node.all(&format!("{namespace}{property}")) {
                let Object::Iri(value) = object else {
                    faults.push(format!("{property} of {iri} is a literal"));
                    continue;
                };
                let is = |node: &Node| node.is(&format!("{class_namespace}{class}"));
                if !graph.nodes.get(value).is_some_and(is) {
                    faults.push(format!(
                        "{property} of {iri} is {value}, which is no {class} of this document"
                    ));
                }
            }
        }
        for property in ["accessURL", "endpointURL", "endpointDescription"] {
            if node.all(&format!("{DCAT}{property}")).iter().any(|value| !matches!(value, Object::Iri(_))) {
                faults.push(format!("{property} of {iri} is a literal"));
            }
        }
        for property in ["issued", "modified"] {
            for object in node.all(&format!("{DCT}{property}")) {
                let typed = |kind: &str| kind == "http://www.w3.org/2001/XMLSchema#dateTime";
                let sound = matches!(object, Object::Literal { text, kind: Some(kind) }
                    if typed(kind) && text.parse::<jiff::Timestamp>().is_ok());
                if !sound {
                    faults.push(format!("{property} of {iri} is no time: {object:?}"));
                }
            }
        }
    }
    for (iri, node) in graph.of_type(&format!("{DCAT}Dataset")) {
        if node.all(&format!("{DCAT}distribution")).is_empty() {
            faults.push(format!("the dataset {iri} has no distribution"));
        }
    }
    faults
}

async fn catalogue(running: &Running) -> Graph {
    let answer = running.get("/catalogue/catalog.jsonld").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/ld+json");
    let graph = Graph::read(&answer.body);
    assert_eq!(faults(&graph), Vec::<String>::new());
    assert_eq!(graph.of_type(&format!("{DCAT}Catalog")).len(), 1);
    graph
}

fn city_of_defaults() -> std::sync::Arc<City> {
    let city = City::new();
    for (domain, dataset) in default_datasets() {
        let owner = if domain.as_str() == "property" { LAND } else { BUREAU };
        city.submit(&[owner], build::publish(dataset));
    }
    city
}

#[tokio::test]
async fn the_default_catalogue_conforms_and_names_every_domain() {
    let running = Running::over(city_of_defaults());
    let graph = catalogue(&running).await;
    let datasets = graph.of_type(&format!("{DCAT}Dataset"));
    assert_eq!(datasets.len(), default_datasets().len());
    for domain in ["epidemic", "health", "licensing", "parking", "property", "requests"] {
        let names = |node: &Node| node.texts(&format!("{DCAT}keyword")).contains(&domain);
        assert!(datasets.iter().any(|(_, node)| names(node)), "{domain}");
    }
    let listed = graph.of_type(&format!("{DCAT}Catalog"))[0].1.iris(&format!("{DCAT}dataset"));
    let all: BTreeSet<_> = datasets.iter().map(|(iri, _)| *iri).collect();
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn a_catalogue_without_datasets_conforms_too() {
    let graph = catalogue(&Running::over(City::new())).await;
    let (iri, node) = graph.of_type(&format!("{DCAT}Catalog"))[0];
    assert_eq!(iri, format!("http://{HOST}/catalogue/catalog.jsonld"));
    let publisher = node.iris(&format!("{DCT}publisher"))[0];
    assert_eq!(graph.nodes[publisher].texts(&format!("{FOAF}name")), ["Bureau of Data"]);
}

#[tokio::test]
async fn a_dataset_says_who_publishes_it_and_where_it_is() {
    let city = City::new();
    let mut parcels = dataset("parcels", "property");
    parcels.theme = "http://publications.europa.eu/resource/authority/data-theme/REGI".into();
    parcels.media_type = "application/geo+json".into();
    city.submit(&[LAND], build::publish(parcels.clone()));
    let graph = catalogue(&Running::over(city)).await;
    let iri = format!("http://{HOST}/catalogue/datasets/parcels");
    let node = &graph.nodes[&iri];
    assert_eq!(node.texts(&format!("{DCT}identifier")), ["parcels"]);
    assert_eq!(node.texts(&format!("{DCT}title")), [parcels.title]);
    assert_eq!(node.texts(&format!("{DCT}description")), ["Parcels & <titles>"]);
    assert_eq!(node.texts(&format!("{DCT}issued")), ["2023-11-14T22:13:20.001Z"]);
    let rights = node.iris(&format!("{DCT}accessRights"));
    assert_eq!(rights, ["http://publications.europa.eu/resource/authority/access-right/RESTRICTED"]);
    let publisher = node.iris(&format!("{DCT}publisher"))[0];
    assert_eq!(graph.nodes[publisher].texts(&format!("{FOAF}name")), ["Commission of Natural Resources"]);
    let theme = node.iris(&format!("{DCAT}theme"))[0];
    assert_eq!(graph.nodes[theme].texts(&format!("{SKOS}prefLabel")), ["Regions and cities"]);

    let distribution = &graph.nodes[node.iris(&format!("{DCAT}distribution"))[0]];
    let url = format!("http://{HOST}/property/v1/parcels");
    assert_eq!(distribution.iris(&format!("{DCAT}accessURL")), [url.as_str()]);
    let format = distribution.iris(&format!("{DCT}format"));
    assert_eq!(format, ["http://publications.europa.eu/resource/authority/file-type/GEOJSON"]);
    let service = &graph.nodes[distribution.iris(&format!("{DCAT}accessService"))[0]];
    assert_eq!(service.iris(&format!("{DCAT}endpointURL")), [url.as_str()]);
    assert_eq!(service.iris(&format!("{DCAT}servesDataset")), [iri.as_str()]);
}

#[tokio::test]
async fn datasets_of_one_api_share_its_service_and_classes_are_told_apart() {
    let city = City::new();
    let classes = [SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared];
    for (id, class) in ["a", "b", "c"].into_iter().zip(classes) {
        let mut dataset = dataset(id, "property");
        dataset.sharing = class.into();
        city.submit(&[LAND], build::publish(dataset));
    }
    let graph = catalogue(&Running::over(city)).await;
    let services = graph.of_type(&format!("{DCAT}DataService"));
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].1.iris(&format!("{DCAT}servesDataset")).len(), 3);
    let datasets = graph.of_type(&format!("{DCAT}Dataset"));
    let rights: Vec<_> = datasets
        .iter()
        .map(|(_, node)| node.iris(&format!("{DCT}accessRights"))[0].rsplit('/').next().unwrap())
        .collect();
    assert_eq!(rights, ["PUBLIC", "RESTRICTED", "NON_PUBLIC"]);
}

#[tokio::test]
async fn what_is_withdrawn_has_left_the_catalogue() {
    let city = City::new();
    for id in ["a", "b"] {
        city.submit(&[LAND], build::publish(dataset(id, "property")));
    }
    let running = Running::over(city);
    assert_eq!(catalogue(&running).await.of_type(&format!("{DCAT}Dataset")).len(), 2);
    running.city.submit(&[LAND], build::withdraw("a"));
    let graph = catalogue(&running).await;
    let left: Vec<_> =
        graph.of_type(&format!("{DCAT}Dataset")).into_iter().map(|(iri, _)| iri.to_owned()).collect();
    assert_eq!(left, [format!("http://{HOST}/catalogue/datasets/b")]);
    running.city.submit(&[LAND], build::publish(dataset("a", "property")));
    assert_eq!(catalogue(&running).await.of_type(&format!("{DCAT}Dataset")).len(), 2);
}

/// However many reads of the storage that takes.
#[tokio::test]
async fn a_large_catalogue_is_whole() {
    let city = City::new();
    for n in 0..1001 {
        city.submit(&[LAND], build::publish(dataset(&format!("d{n}"), "property")));
    }
    let graph = catalogue(&Running::over(city)).await;
    assert_eq!(graph.of_type(&format!("{DCAT}Dataset")).len(), 1001);
}

#[tokio::test]
async fn a_dataset_by_itself_conforms() {
    let running = Running::over(city_of_defaults());
    for (_, dataset) in default_datasets() {
        let answer = running.get(&format!("/catalogue/datasets/{}", dataset.id)).await;
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/ld+json");
        let graph = Graph::read(&answer.body);
        assert_eq!(faults(&graph), Vec::<String>::new());
        assert_eq!(graph.of_type(&format!("{DCAT}Dataset")).len(), 1);
    }
}

#[tokio::test]
async fn addresses_are_those_of_the_host_that_was_asked() {
    let running = Running::over(city_of_defaults());
    let at = async |headers: &[(header::HeaderName, &str)]| {
        let answer = running.get_with("/catalogue/catalog.jsonld", headers).await;
        let iri = answer.body["@id"].as_str().unwrap().to_owned();
        iri.strip_suffix("/catalogue/catalog.jsonld").unwrap().to_owned()
    };
    let proto = header::HeaderName::from_static("x-forwarded-proto");
    assert_eq!(at(&[(proto.clone(), "https")]).await, format!("https://{HOST}"));
    assert_eq!(at(&[(proto, "javascript")]).await, format!("http://{HOST}"));

    let bare = |host: Option<&str>| {
        let mut request = axum::http::Request::get("/catalogue/catalog.jsonld");
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        request.body(axum::body::Body::empty()).unwrap()
    };
    let evil = [None, Some("user@evil.example"), Some("a b"), Some("<script>"), Some("a\"b"), Some("")];
    for host in evil {
        let answer = running.call(hutong_runtime::auth::Caller::Anonymous, bare(host)).await;
        assert_eq!(answer.body["@id"], "http://localhost/catalogue/catalog.jsonld", "{host:?}");
    }
    // What is configured goes before what a caller says.
    let config = Config { public_url: Some("https://data.city.example/".into()), ..Config::default() };
    let running = Running::configured(city_of_defaults(), config);
    let answer = running.get("/catalogue/catalog.jsonld").await;
    assert_eq!(answer.body["@id"], "https://data.city.example/catalogue/catalog.jsonld");
    assert!(!answer.body.to_string().contains(HOST));
}

#[test]
fn the_checker_finds_what_is_missing() {
    let broken = serde_json::json!({
        "@context": { "dcat": DCAT, "dct": DCT },
        "@id": "http://a.example/",
        "@type": "dcat:Catalog",
        "dct:title": "",
        "dcat:dataset": [{ "@id": "http://a.example/1", "@type": "dcat:Dataset", "dct:modified": "today" }],
        "dcat:service": ["http://a.example/2"],
    });
    let found = faults(&Graph::read(&broken)).join("\n");
    let expected = [
        "Catalog http://a.example/ has no title",
        "Catalog http://a.example/ has no description",
        "Catalog http://a.example/ has no publisher",
        "Dataset http://a.example/1 has no title",
        "service of http://a.example/ is a literal",
        "modified of http://a.example/1 is no time",
        "the dataset http://a.example/1 has no distribution",
    ];
    for fault in expected {
        assert!(found.contains(fault), "{fault} is not in\n{found}");
    }
}
