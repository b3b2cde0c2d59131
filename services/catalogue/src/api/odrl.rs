//! A sharing agreement in the words of ODRL 2.2, as JSON-LD. Pure.

use hutong_wire::v1::catalogue as wire;
use serde_json::{Value, json};

use super::{dcat::time, iri::Base};

/// ODRL's own context, then the terms that it has not.
pub(super) fn context(base: &Base) -> Value {
    json!(["http://www.w3.org/ns/odrl.jsonld", {
        "adms": "http://www.w3.org/ns/adms#",
        "dct": "http://purl.org/dc/terms/",
        "dpv": "https://w3id.org/dpv#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "hutong": format!("{}#", base.catalogue()),
    }])
}

/// An agreement by itself.
pub(super) fn agreement(base: &Base, agreement: &wire::Agreement) -> Value {
    let mut node = node(base, agreement);
    node["@context"] = context(base);
    node
}

/// An agreement among others. One that is revoked permits nothing: its permission is gone, and reading is prohibited.
pub(super) fn node(base: &Base, agreement: &wire::Agreement) -> Value {
    let revoked = agreement.revoked_ms > 0;
    let mut node = json!({
        "@type": "Agreement",
        "uid": base.agreement(&agreement.id),
        "dct:identifier": agreement.id,
        "adms:status": if revoked { "revoked" } else { "agreed" },
        "dpv:hasLegalBasis": agreement.legal_basis,
        "dct:issued": time(agreement.agreed_ms),
        "prohibition": [rule(base, agreement, "distribute")],
    });
    if !revoked {
        let mut permission = rule(base, agreement, "read");
        permission["constraint"] = constraints(agreement);
        permission["duty"] = json!([{ "action": "inform" }]);
        node["permission"] = json!([permission]);
        return node;
    }
    node["prohibition"] = json!([rule(base, agreement, "distribute"), rule(base, agreement, "read")]);
    node["dct:modified"] = json!(time(agreement.revoked_ms));
    node["hutong:revokedBy"] = json!({ "@id": base.agency(&agreement.revoked_by) });
    node["hutong:revocationReason"] = agreement.revocation_reason.as_str().into();
    node
}

/// Who may or may not do something with the fields.
fn rule(base: &Base, agreement: &wire::Agreement, action: &str) -> Value {
    json!({
        "target": base.records(&agreement.domain, &agreement.record_type),
        "hutong:field": agreement.fields,
        "assigner": base.agency(&agreement.owner),
        "assignee": base.agency(&agreement.consumer),
        "action": action,
    })
}

fn constraints(agreement: &wire::Agreement) -> Value {
    let purpose = match &agreement.purposes[..] {
        [only] => json!({ "leftOperand": "purpose", "operator": "eq", "rightOperand": only }),
        several => json!({ "leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": several }),
    };
    let mut constraints = vec![purpose];
    for (operator, bound) in [("gteq", agreement.from_ms), ("lt", agreement.until_ms)] {
        constraints
            .push(json!({ "leftOperand": "dateTime", "operator": operator, "rightOperand": time(bound) }));
    }
    if agreement.count_limit > 0 {
        let limit = agreement.count_limit;
        constraints.push(json!({ "leftOperand": "count", "operator": "lteq", "rightOperand": limit }));
    }
    constraints.into()
}
