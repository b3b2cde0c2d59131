//! What a city's catalogue has to begin with: a dataset for each record type of the domains that come with Hutong. The
//! owner of each domain publishes its own, and changes it when its record types change.

use hutong_ledger::id::Domain;
use hutong_wire::v1::catalogue::{self as wire, SharingClass};

/// A dataset as it is written here.
struct Entry {
    id: &'static str,
    domain: &'static str,
    record_type: &'static str,
    title: &'static str,
    description: &'static str,
    public: &'static [(&'static str, &'static str)],
    sealed: &'static [(&'static str, &'static str)],
    sharing: SharingClass,
    keywords: &'static [&'static str],
    theme: &'static str,
    endpoint: &'static str,
    media_type: &'static str,
}

const JSON: &str = "application/json";

const ENTRIES: [Entry; 10] = [
    Entry {
        id: "property-parcels",
        domain: "property",
        record_type: "parcel",
        title: "Property: parcels and titles",
        description: "The land register after ISO 19152: each parcel with its rights and shares, mortgages, caveats and \
                      seizures, and all its earlier versions. People appear under handles.",
        public: &[
            ("id", "The parcel's id, or its real-estate unit number"),
            ("unit", "Place, use, area and legal description"),
            ("rights", "Type, share, holder's handle, since when"),
            ("mortgages", "Rank, amount, lender's handle"),
            ("restrictions", "Caveats and seizures with the agency that placed them"),
        ],
        sealed: &[("conditions", "Conditions of the deed that are not public")],
        sharing: SharingClass::Conditional,
        keywords: &["property", "land register", "cadastre", "mortgage"],
        theme: "REGI",
        endpoint: "/property/v1/parcels",
        media_type: JSON,
    },
    Entry {
        id: "property-persons",
        domain: "property",
        record_type: "person",
        title: "Property: parties",
        description: "Who stands behind the handles of the land register. Sealed: it is read under an agreement, with the \
                      person's consent, or in an emergency, and every look is on record.",
        public: &[],
        sealed: &[("contact", "Address, phone or mail"), ("name", "Name of the person or organisation")],
        sharing: SharingClass::Conditional,
        keywords: &["property", "owner", "party"],
        theme: "REGI",
        endpoint: "/property/v1/parcels",
        media_type: JSON,
    },
    Entry {
        id: "parking-sites",
        domain: "parking",
        record_type: "site",
        title: "Parking: sites and free places",
        description: "Where cars, bicycles and motorcycles may be parked, with capacity, restrictions, opening hours, and how \
                      many places are free now. Occupancy is live and not part of the ledger; each day is anchored there.",
        public: &[
            ("source_uid", "The site's id at its source"),
            ("name", "As drivers know it"),
            ("lat", "Latitude, WGS 84"),
            ("lon", "Longitude, WGS 84"),
            ("capacity", "Places in all"),
            ("restrictions", "Places for some users only"),
            ("realtime_free_capacity", "Places that are free now"),
        ],
        sealed: &[],
        sharing: SharingClass::Unconditional,
        keywords: &["parking", "mobility", "occupancy", "ParkAPI"],
        theme: "TRAN",
        endpoint: "/parking/v1/sites",
        media_type: JSON,
    },
    Entry {
        id: "parking-permits",
        domain: "parking",
        record_type: "permit",
        title: "Parking: permits",
        description: "Who may park at a site or in a zone, and for how long. The holder is a handle; name and plate are sealed.",
        public: &[
            ("site", "The site that it is for, or"),
            ("zone", "the zone"),
            ("valid_from", "From when on"),
            ("valid_until", "Until when"),
            ("holder", "The holder's handle"),
        ],
        sealed: &[("name", "Name of the holder"), ("plate", "Number plate of the vehicle")],
        sharing: SharingClass::Conditional,
        keywords: &["parking", "mobility", "permit"],
        theme: "TRAN",
        endpoint: "/parking/v1/permits",
        media_type: JSON,
    },
    Entry {
        id: "requests-requests",
        domain: "requests",
        record_type: "request",
        title: "Requests: service requests of citizens",
        description: "What citizens reported through the service line: what, where, when, which agency answers and how far it \
                      is, in Open311 GeoReport v2. Who reported it is sealed.",
        public: &[
            ("service_code", "What kind of request it is"),
            ("status", "open or closed"),
            ("agency_responsible", "Who answers it"),
            ("requested_datetime", "When it was made"),
            ("expected_datetime", "When it is due"),
            ("lat", "Latitude, WGS 84"),
            ("long", "Longitude, WGS 84"),
        ],
        sealed: &[
            ("account_id", "The reporter's account at the service line"),
            ("device_id", "The device it was reported with"),
            ("email", "The reporter's mail address"),
            ("first_name", "The reporter's first name"),
            ("last_name", "The reporter's last name"),
            ("phone", "The reporter's telephone number"),
        ],
        sharing: SharingClass::Unconditional,
        keywords: &["requests", "12345", "Open311", "service line"],
        theme: "GOVE",
        endpoint: "/open311/v2/requests.json",
        media_type: JSON,
    },
    Entry {
        id: "epidemic-cases",
        domain: "epidemic",
        record_type: "case",
        title: "Epidemic: line list of cases",
        description: "Cases of notifiable diseases with their dates, origin, district and status. Who they are is sealed.",
        public: &[
            ("onset", "Day of the first symptoms"),
            ("report", "Day of the report"),
            ("origin", "local or imported"),
            ("district", "Where the person lives"),
            ("status", "suspected, confirmed or discarded"),
            ("facility", "Code of the facility that reported it"),
        ],
        sealed: &[
            ("address", "Where the person can be found"),
            ("contact", "Phone or mail"),
            ("name", "Name of the person"),
            ("resident_id", "Number of the person's identity card (GB 11643)"),
        ],
        sharing: SharingClass::Conditional,
        keywords: &["epidemic", "line list", "surveillance"],
        theme: "HEAL",
        endpoint: "/epidemic/v1/cases",
        media_type: JSON,
    },
    Entry {
        id: "epidemic-counts",
        domain: "epidemic",
        record_type: "count",
        title: "Epidemic: daily counts and alerts",
        description: "Daily counts by district, age band and origin with early-warning statistics (EARS) and reproduction \
                      numbers. Small counts are suppressed, so that nobody can be told from them.",
        public: &[
            ("day", "Of onset"),
            ("district", "Where"),
            ("age_band", "Which ages"),
            ("count", "Cases, where they are at least 5"),
        ],
        sealed: &[],
        sharing: SharingClass::Unconditional,
        keywords: &["epidemic", "statistics", "EARS", "reproduction number"],
        theme: "HEAL",
        endpoint: "/epidemic/v1/counts",
        media_type: JSON,
    },
    Entry {
        id: "licensing-businesses",
        domain: "licensing",
        record_type: "business",
        title: "Licensing: businesses",
        description: "Businesses by unified social credit code, with their names and whether they are open. Who answers for one \
                      is sealed.",
        public: &[
            ("uscc", "Unified social credit code (GB 32100)"),
            ("name", "As it is registered"),
            ("status", "open or closed"),
        ],
        sealed: &[
            ("contact", "Address, phone or mail"),
            ("legal_representative", "The natural person who answers for it"),
        ],
        sharing: SharingClass::Conditional,
        keywords: &["licensing", "business", "register"],
        theme: "ECON",
        endpoint: "/licensing/v1/businesses",
        media_type: JSON,
    },
    Entry {
        id: "licensing-licences",
        domain: "licensing",
        record_type: "licence",
        title: "Licensing: business licences",
        description: "Licences of businesses by unified social credit code: kind, validity and status. Each is issued as a \
                      verifiable credential (SD-JWT VC), and anyone may check one.",
        public: &[
            ("uscc", "Unified social credit code (GB 32100)"),
            ("kind", "What it allows"),
            ("valid_from", "First day"),
            ("valid_until", "Last day"),
            ("status", "valid, suspended or revoked"),
        ],
        sealed: &[("claims", "What the credential says, each claim under a salt of its own")],
        sharing: SharingClass::Unconditional,
        keywords: &["licensing", "business", "licence", "credential"],
        theme: "ECON",
        endpoint: "/licensing/v1/licences",
        media_type: JSON,
    },
    Entry {
        id: "catalogue-agreements",
        domain: "catalogue",
        record_type: "agreement",
        title: "Catalogue: sharing agreements",
        description: "Which agency may read which sealed fields of which domain, for which purposes, on what legal basis and \
                      until when, in ODRL.",
        public: &[
            ("owner", "The agency that shares"),
            ("consumer", "The agency that may read"),
            ("fields", "Sealed fields by name"),
            ("purposes", "What for"),
            ("legal_basis", "On what ground"),
        ],
        sealed: &[],
        sharing: SharingClass::Unconditional,
        keywords: &["catalogue", "agreement", "data sharing"],
        theme: "GOVE",
        endpoint: "/catalogue/agreements",
        media_type: JSON,
    },
];

/// The FHIR resources of health, each a record type and a dataset of its own, and what they tell.
const FHIR: [(&str, &str); 12] = [
    ("AuditEvent", "who read which resource, when and for what"),
    ("Condition", "diagnoses and problems of patients"),
    ("Consent", "what patients agreed to"),
    ("DiagnosticReport", "findings of laboratories and of imaging"),
    ("DocumentReference", "documents about patients, such as discharge letters"),
    ("Encounter", "visits and stays of patients"),
    ("Immunization", "vaccinations that patients were given"),
    ("MedicationRequest", "prescriptions"),
    ("Observation", "measurements and findings"),
    ("Organization", "hospitals and other institutions of health"),
    ("Patient", "who the patients are"),
    ("Practitioner", "those who treat patients"),
];

/// The datasets to publish when a city is founded, each with its domain, whose owner signs it. Leave out those of domains
/// that the city has not.
pub fn default_datasets() -> Vec<(Domain, wire::Dataset)> {
    let resources = FHIR.iter().map(|(resource, tells)| of_fhir(resource, tells));
    let datasets = ENTRIES.iter().map(dataset).chain(resources);
    datasets.filter_map(|dataset| Some((dataset.domain.parse().ok()?, dataset))).collect()
}

fn of_fhir(resource: &str, tells: &str) -> wire::Dataset {
    let lower = resource.to_ascii_lowercase();
    let entry = Entry {
        id: "",
        domain: "health",
        record_type: "",
        title: "",
        description: "",
        public: &[
            ("type", "The FHIR resource type"),
            ("id", "The resource's id"),
            ("subjects", "Handles of those whose data it is"),
            ("custodian", "The agency that keeps it"),
        ],
        sealed: &[("body", "The resource as FHIR JSON")],
        sharing: SharingClass::Conditional,
        keywords: &["health", "FHIR"],
        theme: "HEAL",
        endpoint: "",
        media_type: "application/fhir+json",
    };
    let mut dataset = dataset(&entry);
    dataset.id = format!("health-{lower}");
    dataset.title = format!("Health: {resource} resources");
    dataset.description = format!(
        "HL7 FHIR R4 {resource}: {tells}. What a resource says is sealed; the ledger carries its type, version, custodian \
         and the handles of those whose data it is."
    );
    dataset.keywords.push(resource.to_owned());
    dataset.endpoint = format!("/fhir/R4/{resource}");
    dataset.record_type = lower;
    dataset
}

fn dataset(entry: &Entry) -> wire::Dataset {
    let of = |fields: &[(&str, &str)], sealed| -> Vec<wire::Field> {
        let field = |(name, description): &(&str, &str)| wire::Field {
            name: (*name).to_owned(),
            sealed,
            description: (*description).to_owned(),
        };
        fields.iter().map(field).collect()
    };
    wire::Dataset {
        id: entry.id.into(),
        domain: entry.domain.into(),
        record_type: entry.record_type.into(),
        title: entry.title.into(),
        description: entry.description.into(),
        fields: [of(entry.public, false), of(entry.sealed, true)].concat(),
        sharing: entry.sharing.into(),
        keywords: entry.keywords.iter().map(|&keyword| keyword.into()).collect(),
        theme: format!("http://publications.europa.eu/resource/authority/data-theme/{}", entry.theme),
        endpoint: entry.endpoint.into(),
        media_type: entry.media_type.into(),
        ..wire::Dataset::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::check_dataset;

    #[test]
    fn every_default_is_well_formed_and_every_domain_has_one() {
        let datasets = default_datasets();
        assert_eq!(datasets.len(), ENTRIES.len() + FHIR.len());
        for (_, dataset) in &datasets {
            assert_eq!(check_dataset(dataset), Ok(()), "{}", dataset.id);
            assert!(dataset.keywords.contains(&dataset.domain), "{} names its domain", dataset.id);
        }
        let ids: BTreeSet<_> = datasets.iter().map(|(_, dataset)| &dataset.id).collect();
        assert_eq!(ids.len(), datasets.len());
        let domains: BTreeSet<_> = datasets.iter().map(|(domain, _)| domain.as_str()).collect();
        for city in ["epidemic", "health", "licensing", "parking", "property", "requests"] {
            assert!(domains.contains(city), "{city}");
        }
    }
}
