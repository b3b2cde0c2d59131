//! `hutong accesses`: who looked at a person's data; with `--output`, as the document that can be checked offline.

use serde_json::Value;

use super::{CommandError, Context, consent};
use crate::cli::Accesses;

pub(super) async fn run(context: Context, args: Accesses) -> Result<(), CommandError> {
    let client = context.person(&args.person)?;
    if let Some(path) = &args.output {
        let document = client.get_bytes("/v1/subjects/me/accesses/document").await?;
        std::fs::write(path, &document).map_err(|source| CommandError::Io { path: path.clone(), source })?;
        context
            .output
            .note(format!("the list is in {}; check it with hutong verify --accesses", path.display()));
    }
    let seen = client.get("/v1/subjects/me/accesses").await?;
    context.output.result(&seen, shown);
    Ok(())
}

/// The list for people, a few lines for each access.
fn shown(seen: &Value) -> String {
    let accesses = seen["accesses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = match accesses.len() {
        0 => "nobody looked".to_owned(),
        1 => "1 access".to_owned(),
        count => format!("{count} accesses"),
    };
    for access in accesses {
        text.push_str("\n\n");
        text.push_str(&one(access));
    }
    if !seen["next"].is_null() {
        text.push_str("\n\nthere are more: --output writes all of them");
    }
    text + &consent::unreachable(seen)
}

fn one(access: &Value) -> String {
    let told = |name: &str| access[name].as_str().unwrap_or_default();
    if access["sealed"] == true {
        let until = consent::time(&access["sealed_until_ms"]);
        return format!(
            "access   number {} in {}, sealed by a court until {until}",
            access["number"],
            told("domain")
        );
    }
    let basis = access["basis"].as_object().into_iter().flatten();
    let basis = basis.map(|(kind, what)| format!("{kind} {}", what.as_str().unwrap_or_default()));
    let flag = if access["emergency"] == true { ", an emergency" } else { "" };
    format!(
        "access   {}\nwhen     {}{flag}\nwho      {}, official {}\nwhy      {}\nbasis    {}\nwhat     {} of {}/{}",
        told("access"),
        consent::time(&access["time_ms"]),
        told("agency"),
        told("official"),
        told("purpose"),
        basis.collect::<Vec<_>>().join(", "),
        consent::list(&access["fields"]),
        told("domain"),
        told("record"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_what_matters() {
        assert_eq!(shown(&json!({ "accesses": [], "next": null, "unreachable": [] })), "nobody looked");
        let access = json!({
            "access": "01ab", "time_ms": 1_795_424_388_315_u64, "agency": "health-commission", "official": "nurse-7",
            "purpose": "rescue", "basis": { "emergency": "at the river" }, "emergency": true, "fields": ["contact", "name"],
            "domain": "property", "record": "person/0f", "sealed": false, "number": 1,
        });
        let sealed = json!({
            "number": 2, "domain": "property", "sealed": true, "sealed_until_ms": 1_795_424_388_315_u64,
        });
        let seen = json!({ "accesses": [access, sealed], "next": "x", "unreachable": ["market-regulation"] });
        let expected = "2 accesses\n\n\
                        access   01ab\nwhen     2026-11-23 08:59:48 UTC, an emergency\nwho      health-commission, official nurse-7\n\
                        why      rescue\nbasis    emergency at the river\nwhat     contact, name of property/person/0f\n\n\
                        access   number 2 in property, sealed by a court until 2026-11-23 08:59:48 UTC\n\n\
                        there are more: --output writes all of them\n\n\
                        not answering now, so what is there is not shown: market-regulation";
        assert_eq!(shown(&seen), expected);
    }
}
