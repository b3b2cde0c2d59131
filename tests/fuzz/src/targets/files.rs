//! Files that are loaded: tables and documents of other systems.

use hutong_property::{geojson, sales};
use hutong_table::{Quotes, Table};

use crate::{Form, Target};

pub(super) fn targets() -> Vec<Target> {
    let text = |name, check| Target { name, check, form: Form::Text };
    vec![
        text("table", |bytes| {
            for quotes in [Quotes::OneLine, Quotes::Lines] {
                if let Ok(table) = Table::read(bytes, quotes, &["a", "b"]) {
                    table.rows(|row| Ok((row.text("a")?.len(), row.filled("b")?.len(), row.content())));
                }
            }
        }),
        text("property_sales", |bytes| {
            let _ = sales::read(
                bytes,
                sales::Agents { sellers: "land".parse().unwrap(), buyers: "sea".parse().unwrap() },
            );
        }),
        text("epidemic_cases", |bytes| {
            let _ = hutong_epidemic::import::actions(bytes);
        }),
        text("epidemic_districts", |bytes| drop(hutong_epidemic::import::districts(bytes))),
        text("requests_table", |bytes| {
            let _ = hutong_requests::import::actions(bytes);
        }),
        text("parking_facilities", |bytes| {
            if let Ok(import) = hutong_parking::import(bytes, 1_700_000_000_000) {
                hutong_parking::actions(&import);
            }
        }),
        text("licences", |bytes| drop(hutong_licensing::import::import(bytes))),
        text("fhir_bundle", |bytes| {
            let _ = hutong_health::import::import(bytes);
        }),
        text("geojson", |bytes| {
            if let Ok(value) = serde_json::from_slice(bytes) {
                let _ = geojson::parse(&value);
            }
        }),
    ]
}
