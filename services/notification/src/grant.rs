//! Who gets a domain's events from a node: who may read the domain ([`Epoch::may_read`], the rule of all queries), from a
//! node that hosts it, by the membership in force.

use http::StatusCode;
use hutong_ledger::{
    epoch::Epoch,
    id::{AgencyId, Domain},
};
use hutong_runtime::http::Problem;

use crate::service::error_chain;

/// The domains that a caller gets from a node: those asked for, if the caller may read and the node hosts them
/// all; without any asked for, all of which that is so.
pub(crate) fn granted(
    epoch: &Epoch,
    caller: AgencyId,
    node: AgencyId,
    asked: &[Domain],
) -> Result<Vec<Domain>, Problem> {
    if asked.is_empty() {
        let all = epoch.domains.iter().map(|rules| rules.domain);
        let readable: Vec<_> =
            all.filter(|domain| epoch.may_read(&caller, *domain) && epoch.stores(&node, *domain)).collect();
        return if readable.is_empty() { Err(not_a_host(caller, None)) } else { Ok(readable) };
    }
    for domain in asked {
        if epoch.rules(*domain).is_none() {
            return Err(unknown(domain.as_str()));
        }
        if !epoch.may_read(&caller, *domain) {
            return Err(not_a_host(caller, Some(*domain)));
        }
        if !epoch.stores(&node, *domain) {
            let hosts = epoch.hosts(*domain);
            let detail = format!("Agency {node} does not host {domain}; ask one of its hosts.");
            return Err(Problem::new("domain_not_here", StatusCode::NOT_FOUND, detail).with("hosts", hosts));
        }
    }
    Ok(asked.to_vec())
}

pub(crate) fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(80).collect();
    let detail = format!("There is no domain {name:?} in this city.");
    Problem::new("unknown_domain", StatusCode::NOT_FOUND, detail).field("domain")
}

pub(crate) fn not_a_host(caller: AgencyId, domain: Option<Domain>) -> Problem {
    let what = domain.map_or_else(|| "any domain".to_owned(), |domain| domain.to_string());
    let detail = format!("Agency {caller} neither hosts nor owns {what} and gets no events of it.");
    Problem::new("not_a_host", StatusCode::FORBIDDEN, detail).field("domain")
}

pub(crate) fn storage_away(error: hutong_peer::Error) -> Problem {
    tracing::warn!(error = error_chain(&error), "no events without storage");
    let detail = "Storage does not answer now; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}
