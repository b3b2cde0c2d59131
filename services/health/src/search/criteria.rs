//! The criteria of a search: one for each parameter, with its modifier and values.

use std::{collections::HashSet, sync::Arc};

use http::StatusCode;

use super::{
    date::Interval,
    params::{self, Param, Type},
    prefix::Prefix,
    quantity,
    query::Reading,
    reference,
    text::{self, fold},
    token,
};
use crate::{kind::Kind, outcome::Fault};

/// The most values and steps of one criterion.
const VALUES_MAX: usize = 500;
const DEPTH_MAX: usize = 4;

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    Token(token::Wanted),
    /// Folded words beside a token.
    Words(String),
    Date(Prefix, Interval),
    Text(text::Wanted),
    Reference(reference::Wanted),
    /// Refers to one of these.
    OneOf(Arc<HashSet<String>>),
    Quantity(quantity::Wanted),
    Uri(String),
    UriBelow(String),
}

/// One condition. All of a search must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Criterion {
    /// One value of the parameter is one of the wanted; with `not`, none is.
    Value {
        place: u16,
        not: bool,
        wanted: Vec<Wanted>,
    },
    Missing {
        place: u16,
        missing: bool,
    },
    Id(Vec<String>),
    Updated(Vec<(Prefix, Interval)>),
    /// It refers to something of one of these types that meets the criteria.
    Chain {
        place: u16,
        of: Vec<(Kind, Vec<Self>)>,
    },
    /// Something of the type that meets the criteria refers to it.
    Has {
        kind: Kind,
        place: u16,
        criteria: Vec<Self>,
    },
}

/// The criterion of one parameter; None if there is no such parameter.
pub(super) fn criterion(
    kind: Kind,
    name: &str,
    value: &str,
    reading: Reading<'_>,
    depth: usize,
) -> Result<Option<Criterion>, Fault> {
    if depth > DEPTH_MAX {
        return Err(Fault::bad(format!("A search goes at most {DEPTH_MAX} steps.")));
    }
    if let Some(rest) = name.strip_prefix("_has:") {
        return has(kind, rest, value, reading, depth);
    }
    let (head, chain) = name.split_once('.').map_or((name, None), |(head, chain)| (head, Some(chain)));
    let (plain, modifier) = head.split_once(':').map_or((head, None), |(plain, rest)| (plain, Some(rest)));
    let parts = split(value);
    if parts.len() > VALUES_MAX {
        return Err(Fault::bad(format!("{name} has at most {VALUES_MAX} values.")));
    }
    match plain {
        "_id" if modifier.is_none() => return Ok(Some(Criterion::Id(parts))),
        "_lastUpdated" if modifier.is_none() => {
            let dates = parts.iter().map(|part| date(name, part)).collect::<Result<_, _>>()?;
            return Ok(Some(Criterion::Updated(dates)));
        }
        _ => {}
    }
    let Some((place, param)) = params::find(kind, plain) else { return Ok(None) };
    if let Some(chain) = chain {
        return chained(param, place, modifier, (name, chain), value, reading, depth);
    }
    if modifier == Some("missing") {
        let missing = match value {
            "true" => true,
            "false" => false,
            _ => return Err(wrong(name, value)),
        };
        return Ok(Some(Criterion::Missing { place, missing }));
    }
    let not = modifier == Some("not");
    let wanted = parts.iter().map(|part| wanted(param, modifier, name, part, reading));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Criterion::Value { place, not, wanted }))
}

/// `patient.identifier`, `subject:Patient.name`.
fn chained(
    param: &Param,
    place: u16,
    modifier: Option<&str>,
    (name, chain): (&str, &str),
    value: &str,
    reading: Reading<'_>,
    depth: usize,
) -> Result<Option<Criterion>, Fault> {
    if param.of != Type::Reference {
        return Err(wrong(name, value));
    }
    let fits = |kind: &Kind| match modifier {
        Some(wanted) => kind.name() == wanted,
        None => param.targets.is_empty() || param.targets.contains(&kind.name()),
    };
    let mut of = Vec::new();
    for kind in Kind::ALL.into_iter().filter(fits) {
        if let Some(inner) = criterion(kind, chain, value, reading, depth + 1)? {
            of.push((kind, vec![inner]));
        }
    }
    Ok((!of.is_empty()).then_some(Criterion::Chain { place, of }))
}

/// `_has:Observation:patient:code`, after its first part.
fn has(
    own: Kind,
    rest: &str,
    value: &str,
    reading: Reading<'_>,
    depth: usize,
) -> Result<Option<Criterion>, Fault> {
    let mut parts = rest.splitn(3, ':');
    let kind = parts.next().and_then(Kind::parse);
    let (Some(kind), Some(by), Some(name)) = (kind, parts.next(), parts.next()) else {
        return Err(unknown(own, &format!("_has:{rest}")));
    };
    let Some((place, _)) = params::find(kind, by).filter(|(_, param)| param.of == Type::Reference) else {
        return Err(unknown(kind, by));
    };
    let inner = criterion(kind, name, value, reading, depth + 1)?.ok_or_else(|| unknown(kind, name))?;
    Ok(Some(Criterion::Has { kind, place, criteria: vec![inner] }))
}

fn date(name: &str, part: &str) -> Result<(Prefix, Interval), Fault> {
    let (prefix, rest) = Prefix::split(part);
    Interval::parse(rest).map(|interval| (prefix, interval)).ok_or_else(|| wrong(name, part))
}

fn wanted(
    param: &Param,
    modifier: Option<&str>,
    name: &str,
    part: &str,
    reading: Reading<'_>,
) -> Result<Wanted, Fault> {
    let bad = || wrong(name, part);
    Ok(match (param.of, modifier) {
        (Type::Token, None | Some("not")) => Wanted::Token(token::Wanted::parse(part).ok_or_else(bad)?),
        (Type::Token, Some("text")) => Wanted::Words(fold(part)),
        (Type::Date, None) => date(name, part).map(|(prefix, interval)| Wanted::Date(prefix, interval))?,
        (Type::Text, None) => Wanted::Text(text::Wanted::Begins(fold(part))),
        (Type::Text, Some("exact")) => Wanted::Text(text::Wanted::Exactly(part.to_owned())),
        (Type::Text, Some("contains")) => Wanted::Text(text::Wanted::Contains(fold(part))),
        (Type::Quantity, None) => Wanted::Quantity(quantity::Wanted::parse(part).ok_or_else(bad)?),
        (Type::Uri, None) => Wanted::Uri(part.to_owned()),
        (Type::Uri, Some("below")) => Wanted::UriBelow(part.to_owned()),
        (Type::Reference, None) => {
            let to = reference::Wanted::parse(part, param.targets, reading.base);
            Wanted::Reference(to.ok_or_else(bad)?)
        }
        (Type::Reference, Some("identifier")) => {
            let token = token::Wanted::parse(part).ok_or_else(bad)?;
            Wanted::Reference(reference::Wanted::Identified(token))
        }
        (Type::Reference, Some(kind)) if kind.starts_with(|c: char| c.is_ascii_uppercase()) => {
            let to = reference::Wanted::parse(part, &[kind], reading.base);
            Wanted::Reference(to.ok_or_else(bad)?)
        }
        (_, modifier) => {
            let told = format!("{} has no modifier {}.", param.name, modifier.unwrap_or_default());
            return Err(Fault::new(StatusCode::BAD_REQUEST, "not-supported", told));
        }
    })
}

/// Values apart at commas; `\,` `\|` `\$` and `\\` are plain.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => parts.push(String::new()),
            '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(chars.next())),
            c => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

pub(super) fn wrong(name: &str, value: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "value", format!("{value:?} is no value of {name}."))
}

pub(super) fn unknown(kind: Kind, name: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "not-supported", format!("{kind} has no search parameter {name}."))
}
