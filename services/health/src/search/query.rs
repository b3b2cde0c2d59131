//! Reading a search: which criteria, in which order, how much of what is found.

use super::{
    criteria::{Criterion, criterion, unknown, wrong},
    params::{self, Type},
    summary::Part,
};
use crate::{kind::Kind, outcome::Fault};

/// The most criteria of one search.
const CRITERIA_MAX: usize = 64;
/// The cursor of a next page.
pub(crate) const AFTER: &str = "_after";

/// Resources to send along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Include {
    /// The type that has the reference.
    pub(crate) kind: Kind,
    /// None: every reference.
    pub(crate) place: Option<u16>,
    pub(crate) target: Option<String>,
    pub(crate) iterate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortBy {
    Id,
    Updated,
    Param(u16),
}

#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) kind: Kind,
    pub(crate) criteria: Vec<Criterion>,
    /// With whether it descends.
    pub(crate) sort: Vec<(SortBy, bool)>,
    pub(crate) count: usize,
    /// The last resource of the page before.
    pub(crate) after: Option<u32>,
    pub(crate) include: Vec<Include>,
    pub(crate) revinclude: Vec<Include>,
    pub(crate) part: Part,
    /// The parameters that were used, for the links; without the cursor.
    pub(crate) used: Vec<(String, String)>,
}

/// What reading a search needs to know besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) base: &'a str,
    pub(crate) count: usize,
    pub(crate) count_max: usize,
    /// Whether what is not known is refused.
    pub(crate) strict: bool,
}

impl Query {
    pub(crate) fn parse(kind: Kind, given: &[(String, String)], reading: Reading<'_>) -> Result<Self, Fault> {
        let mut query = Self {
            kind,
            criteria: Vec::new(),
            sort: Vec::new(),
            count: reading.count,
            after: None,
            include: Vec::new(),
            revinclude: Vec::new(),
            part: Part::Whole,
            used: Vec::new(),
        };
        for (name, value) in given.iter().filter(|(_, value)| !value.is_empty()) {
            let known = query.read(name, value, reading)?;
            if known && name != AFTER {
                query.used.push((name.clone(), value.clone()));
            } else if !known && reading.strict {
                return Err(unknown(kind, name));
            }
        }
        if query.criteria.len() > CRITERIA_MAX {
            return Err(Fault::bad(format!("A search has at most {CRITERIA_MAX} criteria.")));
        }
        Ok(query)
    }

    /// Whether no resource itself is asked for.
    pub(crate) fn counts_only(&self) -> bool {
        self.count == 0 || self.part == Part::Count
    }

    fn read(&mut self, name: &str, value: &str, reading: Reading<'_>) -> Result<bool, Fault> {
        let (plain, modifier) =
            name.split_once(':').map_or((name, None), |(plain, rest)| (plain, Some(rest)));
        match plain {
            "_count" => {
                let count: usize = value.parse().map_err(|_| wrong(name, value))?;
                self.count = count.min(reading.count_max);
            }
            AFTER => self.after = Some(value.parse().map_err(|_| wrong(name, value))?),
            "_summary" => self.part = Part::parse(value).ok_or_else(|| wrong(name, value))?,
            "_elements" => {
                self.part = Part::Elements(value.split(',').map(|name| name.trim().to_owned()).collect());
            }
            "_sort" => return self.read_sort(value, reading),
            "_include" => return self.read_include(value, modifier, reading),
            "_revinclude" => return self.read_revinclude(value, modifier, reading),
            "_total" if matches!(value, "none" | "estimate" | "accurate") => {}
            "_total" => return Err(wrong(name, value)),
            "_totalMethod" | "_format" | "_pretty" => {}
            _ => match criterion(self.kind, name, value, reading, 0)? {
                Some(criterion) => self.criteria.push(criterion),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn read_sort(&mut self, value: &str, reading: Reading<'_>) -> Result<bool, Fault> {
        for key in value.split(',').map(str::trim) {
            let (name, descends) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
            let by = match name {
                "_id" => Some(SortBy::Id),
                "_lastUpdated" => Some(SortBy::Updated),
                _ => params::find(self.kind, name).map(|(place, _)| SortBy::Param(place)),
            };
            match by {
                Some(by) => self.sort.push((by, descends)),
                None if reading.strict => return Err(unknown(self.kind, name)),
                None => {}
            }
        }
        Ok(!self.sort.is_empty())
    }

    fn read_include(
        &mut self,
        value: &str,
        modifier: Option<&str>,
        reading: Reading<'_>,
    ) -> Result<bool, Fault> {
        let iterate = matches!(modifier, Some("iterate" | "recurse"));
        if value == "*" {
            self.include.push(Include { kind: self.kind, place: None, target: None, iterate });
            return Ok(true);
        }
        let found = include(value, iterate);
        if found.is_none() && reading.strict {
            return Err(wrong("_include", value));
        }
        Ok(found.map(|include| self.include.push(include)).is_some())
    }

    fn read_revinclude(
        &mut self,
        value: &str,
        modifier: Option<&str>,
        reading: Reading<'_>,
    ) -> Result<bool, Fault> {
        let iterate = matches!(modifier, Some("iterate" | "recurse"));
        let found = include(value, iterate);
        if found.is_none() && reading.strict {
            return Err(wrong("_revinclude", value));
        }
        Ok(found.map(|include| self.revinclude.push(include)).is_some())
    }
}

/// `Type:parameter[:target]`; `*` is every reference of the type.
fn include(value: &str, iterate: bool) -> Option<Include> {
    let mut parts = value.split(':');
    let kind = Kind::parse(parts.next()?)?;
    let place = match parts.next()? {
        "*" => None,
        name => {
            let (place, param) = params::find(kind, name)?;
            (param.of == Type::Reference).then_some(place)?.into()
        }
    };
    Some(Include { kind, place, target: parts.next().map(str::to_owned), iterate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, query: &str, strict: bool) -> Result<Query, Fault> {
        let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Query::parse(kind, &given, Reading { base: "http://c/fhir/R4", count: 20, count_max: 100, strict })
    }

    #[test]
    fn what_is_not_known_is_left_out_or_refused() {
        let query =
            parse(Kind::Patient, "name=a&foo=b&_count=7&_sort=-birthdate,x&name:exact=A", false).unwrap();
        let names: Vec<_> = query.used.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["name", "_count", "_sort", "name:exact"]);
        assert_eq!((query.count, query.criteria.len(), query.sort.len()), (7, 2, 1));
        for bad in ["foo=b", "_sort=x", "_include=Patient:x", "_revinclude=Nothing:x", "birthdate.x=1"] {
            assert_eq!(parse(Kind::Patient, bad, true).unwrap_err().status, 400, "{bad}");
        }
        let wrong = [
            "birthdate=x",
            "gender:exact=x",
            "name:missing=1",
            "_count=x",
            "_count=-1",
            "_summary=x",
            "birthdate:y=1",
            "_has:Observation:code:code=1",
            "_total=x",
        ];
        for bad in wrong {
            assert_eq!(parse(Kind::Patient, bad, false).unwrap_err().status, 400, "{bad}");
        }
        assert_eq!(parse(Kind::Patient, "_count=1000", false).unwrap().count, 100);
        assert!(parse(Kind::Patient, "_count=0", false).unwrap().counts_only());
        assert!(parse(Kind::Patient, "name=&gender=", true).unwrap().criteria.is_empty());
    }

    #[test]
    fn criteria_of_every_form() {
        let of = |query| parse(Kind::Observation, query, true).unwrap().criteria;
        assert!(
            matches!(&of("code=a,b\\,c")[..], [Criterion::Value { not: false, wanted, .. }] if wanted.len() == 2)
        );
        assert!(matches!(&of("status:not=final")[..], [Criterion::Value { not: true, .. }]));
        assert!(matches!(&of("date:missing=true")[..], [Criterion::Missing { missing: true, .. }]));
        assert!(matches!(&of("patient.identifier=x")[..], [Criterion::Chain { of, .. }] if of.len() == 1));
        assert!(matches!(&of("subject:Patient.name=x")[..], [Criterion::Chain { of, .. }] if of.len() == 1));
        assert!(matches!(&of("_id=1,2")[..], [Criterion::Id(ids)] if ids.len() == 2));
        assert!(matches!(&of("_lastUpdated=ge2020")[..], [Criterion::Updated(_)]));
        let has = parse(Kind::Patient, "_has:Observation:patient:code=1", true).unwrap().criteria;
        assert!(matches!(&has[..], [Criterion::Has { kind: Kind::Observation, .. }]));
        let long = format!("patient.link{}=1", ".link".repeat(9));
        assert!(parse(Kind::Observation, &long, true).is_err());
    }
}
