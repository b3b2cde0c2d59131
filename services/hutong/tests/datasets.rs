//! What the catalogue says of sealed fields, held against what the record types declare.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use hutong::city::domains::{RECORD_TYPES, sealed};

/// Sealed fields by domain and record type.
type Sealed = BTreeMap<(String, String), Vec<String>>;

fn declared() -> Sealed {
    let types = sealed(RECORD_TYPES).into_iter().flat_map(|contract| {
        let domain = contract.domain().to_string();
        contract.sealed_types().into_iter().map(move |sealed| {
            let fields = sealed.fields.iter().map(|&field| field.to_owned()).collect();
            ((domain.clone(), sealed.name.to_owned()), fields)
        })
    });
    types.collect()
}

fn published() -> Sealed {
    let datasets = hutong_catalogue::default_datasets().into_iter().map(|(domain, dataset)| {
        let fields = dataset.fields.into_iter().filter(|field| field.sealed).map(|field| field.name);
        ((domain.to_string(), dataset.record_type), fields.collect::<Vec<_>>())
    });
    datasets.filter(|(_, fields)| !fields.is_empty()).collect()
}

#[test]
fn the_catalogue_names_the_sealed_fields_that_the_record_types_have() {
    assert_eq!(published(), declared());
}

#[test]
fn every_domain_with_persons_declares_what_it_seals() {
    let declared = declared();
    for domain in ["epidemic", "health", "licensing", "parking", "property", "requests"] {
        assert!(declared.keys().any(|(of, _)| of == domain), "{domain}");
    }
    for ((domain, record_type), fields) in &declared {
        assert!(!fields.is_empty() && fields.is_sorted(), "{domain}/{record_type}: {fields:?}");
        assert!(fields.iter().all(|name| hutong_disclosure::is_field_name(name)), "{domain}/{record_type}");
    }
}
