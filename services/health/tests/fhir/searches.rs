//! Search: parameters of every type, modifiers, includes, order, pages, parts.

use axum::http::Request;

use crate::{City, link, list, text, url};

/// A ward: two patients, a practitioner, observations.
async fn ward() -> City {
    let city = City::new().await;
    for body in [
        r#"{"resourceType":"Organization","id":"o1","name":"People's Hospital","identifier":[{"system":"urn:org","value":"A"}]}"#,
        r#"{"resourceType":"Practitioner","id":"d1","name":[{"family":"Wang","given":["Fang"]}]}"#,
        r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:mrn","value":"007"}],"name":[{"family":"Müller","given":["Anna","Maria"]}],"gender":"female","birthDate":"1974-12-25","managingOrganization":{"reference":"Organization/o1"}}"#,
        r#"{"resourceType":"Patient","id":"p2","identifier":[{"value":"007"}],"name":[{"family":"Mullen","given":["Bo"]}],"gender":"male","birthDate":"1980"}"#,
        r#"{"resourceType":"Patient","id":"p3","name":[{"text":"Zhang San"}]}"#,
        r#"{"resourceType":"Observation","id":"w1","status":"final","category":[{"coding":[{"system":"urn:cat","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Body Weight"}]},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2013-03-14","valueQuantity":{"value":72.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"},"performer":[{"reference":"Practitioner/d1"}]}"#,
        r#"{"resourceType":"Observation","id":"w2","status":"amended","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"subject":{"reference":"http://city/fhir/R4/Patient/p1"},"effectivePeriod":{"start":"2013-03-15","end":"2013-04-02"},"valueQuantity":{"value":71,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}"#,
        r#"{"resourceType":"Observation","id":"h1","status":"final","code":{"coding":[{"code":"8302-2"}]},"subject":{"reference":"Patient/p2"},"effectiveDateTime":"2014-01-01T10:00:00+08:00","valueQuantity":{"value":1.80,"unit":"m"},"hasMember":[{"reference":"Observation/w1"}]}"#,
        r#"{"resourceType":"Observation","id":"x1","status":"final","code":{"text":"seen elsewhere"},"subject":{"reference":"http://other/fhir/Patient/p1"}}"#,
    ] {
        city.hold(body).await;
    }
    city
}

#[tokio::test]
async fn parameters_of_every_type() {
    let city = ward().await;
    let cases = [
        // Strings.
        ("/Patient?name=mull", "p1 p2"),
        ("/Patient?family=MULLER", "p1"),
        ("/Patient?name:exact=Müller", "p1"),
        ("/Patient?name:exact=muller", ""),
        ("/Patient?name:contains=ulle", "p1 p2"),
        ("/Patient?given=maria", "p1"),
        ("/Patient?name=zhang", "p3"),
        ("/Patient?given=bo,anna", "p1 p2"),
        ("/Patient?given=anna&given=maria", "p1"),
        ("/Patient?given=anna&given=bo", ""),
        // Tokens.
        ("/Patient?identifier=007", "p1 p2"),
        ("/Patient?identifier=urn:mrn|007", "p1"),
        ("/Patient?identifier=|007", "p2"),
        ("/Patient?identifier=urn:mrn|", "p1"),
        ("/Patient?gender=female", "p1"),
        ("/Patient?gender:not=female", "p2 p3"),
        ("/Patient?gender:missing=true", "p3"),
        ("/Patient?gender:missing=false", "p1 p2"),
        ("/Observation?code=29463-7", "w1 w2"),
        ("/Observation?code=http://loinc.org|29463-7&status=final", "w1"),
        ("/Observation?code:text=body", "w1"),
        ("/Observation?category=urn:cat|vital-signs", "w1"),
        // Dates.
        ("/Patient?birthdate=1974", "p1"),
        ("/Patient?birthdate=1980-05", ""),
        ("/Patient?birthdate=ne1974", "p2"),
        ("/Patient?birthdate=ge1974-12-25&birthdate=lt1980", "p1"),
        ("/Observation?date=2013", "w1 w2"),
        ("/Observation?date=2013-03", "w1"),
        ("/Observation?date=gt2013-03-20", "w2 h1"),
        ("/Observation?date=sa2013-03-20", "h1"),
        ("/Observation?date=eb2013-04-03", "w1 w2"),
        ("/Observation?date=le2013-03-15", "w1 w2"),
        ("/Observation?date=2014-01-01T02:00:00Z", "h1"),
        ("/Observation?date:missing=true", "x1"),
        // References.
        ("/Observation?patient=p1", "w1 w2"),
        ("/Observation?patient=Patient/p1", "w1 w2"),
        ("/Observation?subject=http://city/fhir/R4/Patient/p1", "w1 w2"),
        ("/Observation?subject:Patient=p2", "h1"),
        ("/Observation?subject=http://other/fhir/Patient/p1", "x1"),
        ("/Observation?patient=p1,p2", "w1 w2 h1"),
        ("/Observation?patient.identifier=urn:mrn|007", "w1 w2"),
        ("/Observation?subject:Patient.name=mullen", "h1"),
        ("/Observation?patient.organization.name=people", "w1 w2"),
        ("/Patient?_has:Observation:patient:code=8302-2", "p2"),
        // Quantities.
        ("/Observation?value-quantity=72.5", "w1"),
        ("/Observation?value-quantity=gt71||kg", "w1"),
        ("/Observation?value-quantity=ge71|http://unitsofmeasure.org|kg", "w1 w2"),
        ("/Observation?value-quantity=lt2||m", "h1"),
        // All types.
        ("/Patient?_id=p1,p3,none", "p1 p3"),
        ("/Patient?_lastUpdated=ge2023&_id=p1", "p1"),
        ("/Patient?_lastUpdated=lt2023", ""),
        ("/Patient?unknown=1&_id=p1", "p1"),
        ("/Patient?name=", "p1 p2 p3"),
    ];
    for (query, expected) in cases {
        assert_eq!(city.ids(query).await.join(" "), expected, "{query}");
        let total = expected.split_whitespace().count();
        assert_eq!(city.total(&format!("{query}&_summary=count")).await, total, "{query}");
    }
}

#[tokio::test]
async fn a_search_may_be_posted() {
    let city = ward().await;
    let form =
        |path: &str| Request::post(url(path)).header("content-type", "application/x-www-form-urlencoded");
    let found =
        city.send(form("/Observation/_search?status=final"), "code=29463-7&_count=5").await.is(200).json();
    assert_eq!((text(&found, "total"), text(&found, "entry.0.resource.id")), ("1".into(), "w1".into()));
    let own = link(&found, "self").unwrap();
    assert!(own.starts_with("http://city/fhir/R4/Observation?") && own.contains("code=29463-7"));
}

#[tokio::test]
async fn what_is_not_understood() {
    let city = ward().await;
    for bad in ["birthdate=tomorrow", "gender:exact=x", "_count=x", "name:missing=x", "_summary=x"] {
        city.get(&format!("/Patient?{bad}")).await.is(400);
    }
    let strict =
        |query: &str| Request::get(url(&format!("/Patient?{query}"))).header("prefer", "handling=strict");
    city.send(strict("foo=1"), "").await.is(400);
    city.send(strict("name=a"), "").await.is(200);
    let lenient = city.get("/Patient?foo=1&name=zhang").await.is(200).json();
    assert_eq!(link(&lenient, "self").unwrap(), "http://city/fhir/R4/Patient?name=zhang");
}

#[tokio::test]
async fn order_and_pages() {
    let city = ward().await;
    assert_eq!(city.ids("/Patient?_sort=birthdate").await, ["p1", "p2", "p3"]);
    assert_eq!(city.ids("/Patient?_sort=-birthdate").await, ["p2", "p1", "p3"]);
    assert_eq!(city.ids("/Patient?_sort=-_id&_count=1").await, ["p3", "p2", "p1"]);
    assert_eq!(city.ids("/Observation?_sort=status,-date&_count=2").await, ["w2", "h1", "w1", "x1"]);
    assert_eq!(city.ids("/Observation?_sort=-value-quantity").await, ["w1", "w2", "h1", "x1"]);
    assert_eq!(city.ids("/Observation?_sort=-_lastUpdated&_count=3").await, ["x1", "h1", "w2", "w1"]);
    let first = city.get("/Observation?_count=2").await.is(200).json();
    assert_eq!((text(&first, "total"), list(&first, "entry").len()), ("4".into(), 2));
    // What comes and goes meanwhile shifts no page.
    city.delete("/Observation/w1").await.is(204);
    city.hold(r#"{"resourceType":"Observation","id":"new","status":"final","code":{"text":"n"}}"#).await;
    let second = city.get(&link(&first, "next").unwrap()).await.is(200).json();
    let ids: Vec<_> = list(&second, "entry").iter().map(|entry| text(entry, "resource.id")).collect();
    assert_eq!(
        (ids, text(&second, "entry.0.search.mode")),
        (vec!["h1".to_owned(), "x1".into()], "match".into())
    );
    assert_eq!(text(&second, "entry.0.fullUrl"), "http://city/fhir/R4/Observation/h1");
}

#[tokio::test]
async fn what_is_sent_along() {
    let city = ward().await;
    let cases = [
        ("/Observation?_id=w1&_include=Observation:patient", "w1 +p1"),
        ("/Observation?_id=w2&_include=Observation:subject:Patient", "w2 +p1"),
        ("/Observation?_id=w1&_include=Observation:subject:Group", "w1"),
        ("/Observation?_id=w1&_include=*", "w1 +p1 +d1"),
        ("/Observation?_id=w1&_include=Observation:*", "w1 +p1 +d1"),
        (
            "/Observation?_id=w1&_include=Observation:patient&_include:iterate=Patient:organization",
            "w1 +p1 +o1",
        ),
        ("/Observation?_id=x1&_include=Observation:patient", "x1"),
        ("/Patient?_id=p1&_revinclude=Observation:patient", "p1 +w1 +w2"),
        ("/Patient?_id=p2&_revinclude=Observation:subject&_include=Patient:organization", "p2 +h1"),
    ];
    for (query, expected) in cases {
        assert_eq!(city.ids(query).await.join(" "), expected, "{query}");
        assert_eq!(city.total(query).await, 1, "{query}");
    }
}

#[tokio::test]
async fn parts_and_counts() {
    let city = ward().await;
    for query in
        ["/Observation?_count=0", "/Observation?_summary=count", "/Observation?_count=0&_totalMethod=count"]
    {
        let accesses = city.ledger.names("access/").len();
        let counted = city.get(query).await.is(200).json();
        assert_eq!((text(&counted, "total"), list(&counted, "entry").len()), ("4".into(), 0), "{query}");
        assert_eq!(city.ledger.names("access/").len(), accesses, "who counts reads nothing");
    }
    assert_eq!(city.total("/Observation?_total=accurate&_count=1").await, 4);
    let summary = city.get("/Observation?_id=w1&_summary=true").await.is(200);
    assert!(summary.text.contains("SUBSETTED") && summary.text.contains("72.50"));
    let elements = city.get("/Patient?_id=p1&_elements=gender").await.is(200);
    assert!(elements.text.contains("\"gender\"") && !elements.text.contains("birthDate"));
    let one = city.get("/Patient/p1?_summary=text").await.is(200);
    assert!(!one.text.contains("gender") && one.text.contains("SUBSETTED"));
}

#[tokio::test]
async fn what_changes_is_found_anew() {
    let city = ward().await;
    city.hold(r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Li"}]}"#).await;
    assert_eq!(city.ids("/Patient?name=mull").await, ["p2"]);
    assert_eq!(city.ids("/Patient?name=li").await, ["p1"]);
    city.delete("/Patient/p1").await.is(204);
    assert_eq!(city.total("/Patient?name=li").await, 0);
    assert_eq!(city.total("/Patient").await, 2);
    // References to what is gone stay what they are.
    assert_eq!(city.ids("/Observation?patient=p1&_include=Observation:patient").await, ["w1", "w2"]);
}
