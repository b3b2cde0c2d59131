//! Running a search: the criterion with the fewest candidates leads, the others are checked on what it gives.

use std::{collections::BTreeSet, sync::Arc};

use super::{Doc, View, index::Candidates, sort};
use crate::{
    kind::{Key, Kind},
    search::{
        criteria::{Criterion, Wanted},
        date::Interval,
        params::{self, Type},
        prefix::Prefix,
        query::{Include, Query},
        value::Value,
    },
};

/// How many resources may be sent along with a page.
const INCLUDED_MAX: usize = 1000;
/// How often an include follows what it brought.
const ROUNDS_MAX: usize = 5;

/// What a search finds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) total: usize,
    pub(crate) matches: Vec<Key>,
    pub(crate) included: Vec<Key>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<u32>,
}

impl View {
    /// Runs a search. `now` is in microseconds, for what is approximate.
    pub(crate) fn search(&self, query: &Query, now: i64) -> Found {
        let mut all = self.matching(query.kind, &query.criteria, now);
        let total = all.len();
        if query.counts_only() {
            return Found { total, ..Found::default() };
        }
        // Without a cursor only the first page has to be in order.
        let needed = if query.after.is_none() { query.count } else { total };
        sort::sort(self, &mut all, &query.sort, needed);
        let start = match query.after {
            None => 0,
            // In order of their numbers a page goes on even after a resource that is gone.
            Some(after) if query.sort.is_empty() => all.partition_point(|at| *at <= after),
            Some(after) => all.iter().position(|at| *at == after).map_or(all.len(), |at| at + 1),
        };
        let page: Vec<u32> = all[start..].iter().copied().take(query.count).collect();
        let next = page.last().copied().filter(|_| start + page.len() < total);
        let included = self.included(query, &page);
        let keys = |numbers: Vec<u32>| numbers.into_iter().map(|at| self.doc(at).key.clone()).collect();
        Found { total, matches: keys(page), included: keys(included), next }
    }

    /// The resources of a type that meet all criteria, at most so many.
    pub(crate) fn matching_keys(
        &self,
        kind: Kind,
        criteria: &[Criterion],
        now: i64,
        most: usize,
    ) -> Vec<Key> {
        let found = self.matching(kind, criteria, now);
        found.into_iter().take(most).map(|at| self.doc(at).key.clone()).collect()
    }

    /// Ascending.
    fn matching(&self, kind: Kind, criteria: &[Criterion], now: i64) -> Vec<u32> {
        let live = &self.live[kind as usize];
        let resolved: Vec<Criterion> = criteria.iter().map(|one| self.resolve(kind, one, now)).collect();
        let mut best: Option<(usize, Candidates)> = None;
        for (at, criterion) in resolved.iter().enumerate() {
            let most = best.as_ref().map_or(live.len(), |(_, best)| best.found.len());
            if let Some(found) = self.candidates(kind, criterion, most) {
                best = Some((at, found));
            }
        }
        // What the index decided needs no second look.
        let settled = best.as_ref().filter(|(_, best)| best.exact).map(|(at, _)| *at);
        let open: Vec<&Criterion> =
            resolved.iter().enumerate().filter(|(at, _)| Some(*at) != settled).map(|(_, one)| one).collect();
        let fits = |at: &u32| {
            let doc = self.doc(*at);
            open.iter().all(|criterion| meets(doc, criterion, now))
        };
        match best {
            Some((_, best)) => best.found.into_iter().filter(fits).collect(),
            None => live.iter().copied().filter(fits).collect(),
        }
    }

    /// As [`Self::matching`], by a look at every resource: what the sets are tested against.
    #[cfg(test)]
    pub(super) fn looking(&self, kind: Kind, criteria: &[Criterion], now: i64) -> Vec<u32> {
        let fits = |at: &u32| criteria.iter().all(|criterion| meets(self.doc(*at), criterion, now));
        self.live[kind as usize].iter().copied().filter(fits).collect()
    }

    /// Criteria about other resources become lists of those.
    fn resolve(&self, own: Kind, criterion: &Criterion, now: i64) -> Criterion {
        match criterion {
            Criterion::Chain { place, of } => {
                let targets = of.iter().flat_map(|(kind, inner)| self.matching(*kind, inner, now));
                let targets = targets.map(|at| self.doc(at).key.to_string()).collect();
                Criterion::Value { place: *place, not: false, wanted: vec![Wanted::OneOf(Arc::new(targets))] }
            }
            Criterion::Has { kind, place, criteria } => {
                let mut ids = BTreeSet::new();
                for at in self.matching(*kind, criteria, now) {
                    let targets = self.doc(at).values.iter().filter(|(found, _)| found == place);
                    for (_, value) in targets {
                        if let Value::Reference(found) = value
                            && let Some((to, id)) = found.target.as_deref().and_then(|to| to.split_once('/'))
                            && to == own.name()
                        {
                            ids.insert(id.to_owned());
                        }
                    }
                }
                Criterion::Id(ids.into_iter().collect())
            }
            other => other.clone(),
        }
    }

    fn candidates(&self, kind: Kind, criterion: &Criterion, most: usize) -> Option<Candidates> {
        match criterion {
            Criterion::Id(ids) => {
                let key = |id: &String| self.by_key.get(&Key { kind, id: id.clone() }).copied();
                let found = ids.iter().filter_map(key).filter(|at| self.doc(*at).is_live());
                let found: BTreeSet<u32> = found.collect();
                Some(Candidates { found: found.into_iter().collect(), exact: true })
            }
            Criterion::Value { place, not: false, wanted } => {
                self.index.candidates(kind, *place, wanted, most)
            }
            _ => None,
        }
    }

    /// What is sent along: what the page refers to, and what refers to the page.
    fn included(&self, query: &Query, page: &[u32]) -> Vec<u32> {
        let mut known: BTreeSet<u32> = page.iter().copied().collect();
        let mut included = Vec::new();
        let mut new = page.to_vec();
        for round in 0..ROUNDS_MAX {
            let mut found = Vec::new();
            for include in query.include.iter().filter(|include| round == 0 || include.iterate) {
                new.iter().for_each(|at| self.referred(*at, include, &mut found));
            }
            for include in query.revinclude.iter().filter(|include| round == 0 || include.iterate) {
                new.iter().for_each(|at| self.referring(*at, include, &mut found));
            }
            found.retain(|at| known.insert(*at));
            if found.is_empty() {
                break;
            }
            included.extend_from_slice(&found);
            new = found;
        }
        included.truncate(INCLUDED_MAX);
        included
    }

    fn referred(&self, at: u32, include: &Include, found: &mut Vec<u32>) {
        let doc = self.doc(at);
        if doc.key.kind != include.kind {
            return;
        }
        for (place, value) in &doc.values {
            let Value::Reference(reference) = value else { continue };
            let wanted = include.place.is_none_or(|wanted| wanted == *place)
                && include.target.as_deref().is_none_or(|kind| reference.kind() == Some(kind));
            let target = reference.target.as_deref().filter(|_| wanted);
            let here = target.and_then(|target| self.by_key.get(&target.parse().ok()?));
            found.extend(here.copied().filter(|at| self.doc(*at).is_live()));
        }
    }

    fn referring(&self, at: u32, include: &Include, found: &mut Vec<u32>) {
        let key = &self.doc(at).key;
        if include.target.as_deref().is_some_and(|target| target != key.kind.name()) {
            return;
        }
        let target = key.to_string();
        let references = params::all(include.kind).filter(|(_, param)| param.of == Type::Reference);
        for (place, _) in references.filter(|(place, _)| include.place.is_none_or(|wanted| wanted == *place))
        {
            found.extend(self.index.referring(include.kind, place, &target));
        }
    }
}

fn meets(doc: &Doc, criterion: &Criterion, now: i64) -> bool {
    let values =
        |place: u16| doc.values.iter().filter(move |(found, _)| *found == place).map(|(_, value)| value);
    match criterion {
        Criterion::Id(ids) => ids.contains(&doc.key.id),
        Criterion::Updated(wanted) => {
            let found = Interval::of_ms(doc.last().map_or(0, |last| last.time_ms));
            wanted.iter().any(|(prefix, date)| Interval::matches(&found, *prefix, date, now))
        }
        Criterion::Missing { place, missing } => values(*place).next().is_none() == *missing,
        Criterion::Value { place, not, wanted } => {
            let any = wanted.iter().any(|wanted| any_is(values(*place), wanted, now));
            any != *not
        }
        // These were resolved.
        Criterion::Chain { .. } | Criterion::Has { .. } => false,
    }
}

fn any_is<'a>(mut values: impl Iterator<Item = &'a Value>, wanted: &Wanted, now: i64) -> bool {
    // What has no date at all has not one that is different.
    if let Wanted::Date(Prefix::Ne, date) = wanted {
        let mut some = false;
        let none_equal = values.all(|value| {
            some = true;
            matches!(value, Value::Date(found) if Interval::matches(found, Prefix::Ne, date, now))
        });
        return some && none_equal;
    }
    values.any(|value| is(value, wanted, now))
}

fn is(value: &Value, wanted: &Wanted, now: i64) -> bool {
    match (value, wanted) {
        (Value::Token(found), Wanted::Token(wanted)) => wanted.matches(found),
        (Value::Token(found), Wanted::Words(wanted)) => {
            found.words.as_ref().is_some_and(|words| words.starts_with(wanted.as_str()))
        }
        (Value::Date(found), Wanted::Date(prefix, date)) => Interval::matches(found, *prefix, date, now),
        (Value::Text(found), Wanted::Text(wanted)) => wanted.matches(found),
        (Value::Reference(found), Wanted::Reference(wanted)) => wanted.matches(found),
        (Value::Reference(found), Wanted::OneOf(wanted)) => {
            found.target.as_deref().is_some_and(|target| wanted.contains(target))
        }
        (Value::Quantity(found), Wanted::Quantity(wanted)) => wanted.matches(found),
        (Value::Uri(found), Wanted::Uri(wanted)) => **found == **wanted,
        (Value::Uri(found), Wanted::UriBelow(wanted)) => found.starts_with(wanted.as_str()),
        _ => false,
    }
}
