//! Counts of cases by day and kind, kept up with each revision, and what they were as known on an earlier day.
//!
//! A case is known from the day of its report; what a revision says of it, from the day of that revision's block. So a
//! line list that is imported years later still tells what was known when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hutong_wire::v1::epidemic::{self as wire, Origin, Sex, Status};

use super::index::Id;
use crate::{
    contract::AGE_BANDS,
    day::{self, Day},
    tables::Truth,
};

/// By which of its days a case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    Onset,
    Report,
}

/// What a case is, as far as counts tell cases apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) disease: Arc<str>,
    /// Of onset; where that is not known, of specimen, diagnosis or report.
    pub(crate) onset: Day,
    pub(crate) report: Day,
    pub(crate) district: Arc<str>,
    /// Place among the bands; their number if it is not known.
    pub(crate) age: u8,
    pub(crate) sex: u8,
    pub(crate) origin: u8,
    pub(crate) status: u8,
}

impl Kind {
    /// Whether it was not discarded.
    pub(crate) fn counts(&self) -> bool {
        i32::from(self.status) != i32::from(Status::Discarded)
    }

    pub(crate) fn day(&self, basis: Basis) -> Day {
        match basis {
            Basis::Onset => self.onset,
            Basis::Report => self.report,
        }
    }

    pub(crate) fn status(&self) -> Status {
        Status::try_from(i32::from(self.status)).unwrap_or_default()
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::try_from(i32::from(self.origin)).unwrap_or_default()
    }

    pub(crate) fn sex(&self) -> Sex {
        Sex::try_from(i32::from(self.sex)).unwrap_or_default()
    }

    /// Empty: not known.
    pub(crate) fn age_band(&self) -> &'static str {
        AGE_BANDS.get(usize::from(self.age)).copied().unwrap_or_default()
    }

    /// Its columns by age, by sex, by origin.
    fn columns(&self) -> [usize; 3] {
        let sex = match self.sex() {
            Sex::Female => 0,
            Sex::Male => 1,
            Sex::Unspecified => 2,
        };
        [usize::from(self.age), sex, usize::from(self.origin() == Origin::Imported)]
    }
}

/// What was known of a case from a day on.
#[derive(Clone, Debug)]
struct Known {
    from: Day,
    time_ms: u64,
    kind: Kind,
}

/// Days of which counts are asked, both included, and of which disease; none: of all.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) disease: Option<String>,
    pub(crate) basis: Basis,
    pub(crate) from: Day,
    pub(crate) to: Day,
}

impl Span {
    fn holds(&self, kind: &Kind) -> bool {
        self.disease.as_deref().is_none_or(|disease| *kind.disease == *disease)
            && (self.from..=self.to).contains(&kind.day(self.basis))
    }
}

type Days = BTreeMap<Day, BTreeMap<Kind, u64>>;

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Of cases that were not discarded, by disease, basis and day.
    days: BTreeMap<(Arc<str>, Basis), Days>,
    cases: BTreeMap<Id, Vec<Known>>,
    names: BTreeSet<Arc<str>>,
}

impl Counts {
    /// Takes a version of a case in; its kind before, and now.
    pub(crate) fn put(
        &mut self,
        id: &Id,
        facts: &wire::Facts,
        time_ms: u64,
        revision: u32,
    ) -> (Option<Kind>, Kind) {
        let kind = self.kind(facts);
        let today = day::of_ms(time_ms);
        let from = if revision <= 1 { kind.report.min(today) } else { today };
        let versions = self.cases.entry(id.clone()).or_default();
        let before = versions.last().map(|known| known.kind.clone());
        versions.push(Known { from, time_ms, kind: kind.clone() });
        if let Some(before) = &before {
            self.count(before, false);
        }
        self.count(&kind, true);
        (before, kind)
    }

    fn kind(&mut self, facts: &wire::Facts) -> Kind {
        let report = facts.report.unwrap_or_default();
        let onset = facts.onset.or(facts.specimen).or(facts.diagnosis).unwrap_or(report);
        let age = AGE_BANDS.iter().position(|band| *band == facts.age_band).unwrap_or(AGE_BANDS.len());
        let small = |value: i32| u8::try_from(value).unwrap_or_default();
        Kind {
            disease: self.name(&facts.disease),
            onset,
            report,
            district: self.name(&facts.district),
            age: u8::try_from(age).unwrap_or(u8::MAX),
            sex: small(facts.sex),
            origin: small(facts.origin),
            status: small(facts.status),
        }
    }

    /// The text, held once.
    fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(text);
        self.names.insert(name.clone());
        name
    }

    fn count(&mut self, kind: &Kind, up: bool) {
        if !kind.counts() {
            return;
        }
        for basis in [Basis::Onset, Basis::Report] {
            let days = self.days.entry((kind.disease.clone(), basis)).or_default();
            let day = days.entry(kind.day(basis)).or_default();
            if up {
                *day.entry(kind.clone()).or_default() += 1;
                continue;
            }
            if let Some(count) = day.get_mut(kind) {
                *count -= 1;
                if *count == 0 {
                    day.remove(kind);
                }
            }
            if day.is_empty() {
                days.remove(&kind.day(basis));
            }
        }
    }

    /// Shows each kind in the span with its count, by disease and day, until told to stop.
    pub(crate) fn each(&self, span: &Span, mut show: impl FnMut(Day, &Kind, u64)) {
        for ((disease, basis), days) in &self.days {
            if *basis != span.basis || span.disease.as_deref().is_some_and(|wanted| wanted != &**disease) {
                continue;
            }
            if span.from > span.to {
                continue;
            }
            for (day, kinds) in days.range(span.from..=span.to) {
                kinds.iter().for_each(|(kind, count)| show(*day, kind, *count));
            }
        }
    }

    /// The same as it was known at the end of a day.
    pub(crate) fn each_known(&self, span: &Span, on: Day, mut show: impl FnMut(Day, &Kind, u64)) {
        for versions in self.cases.values() {
            let known = versions.iter().rev().find(|known| known.from <= on).map(|known| &known.kind);
            if let Some(kind) = known.filter(|kind| kind.counts() && span.holds(kind)) {
                show(kind.day(span.basis), kind, 1);
            }
        }
    }

    /// Diseases of which there are cases.
    pub(crate) fn diseases(&self) -> BTreeSet<Arc<str>> {
        self.days.keys().map(|(disease, _)| disease.clone()).collect()
    }

    /// The first and the last day on which any case counts.
    pub(crate) fn extent(&self, basis: Basis) -> Option<(Day, Day)> {
        let days = || self.days.iter().filter(|((_, of), _)| *of == basis).map(|(_, days)| days);
        let first = days().filter_map(|days| Some(*days.first_key_value()?.0)).min()?;
        let last = days().filter_map(|days| Some(*days.last_key_value()?.0)).max()?;
        Some((first, last))
    }

    /// The first and the last day on which cases of a disease were reported.
    pub(crate) fn reported(&self, disease: &str) -> Option<(Day, Day)> {
        let days = self.days.get(&(Arc::from(disease), Basis::Report))?;
        Some((*days.first_key_value()?.0, *days.last_key_value()?.0))
    }

    /// Counts by day of report, for each day of the span; of all districts if none is named.
    pub(crate) fn series(&self, disease: &str, district: Option<&str>, from: Day, to: Day) -> Vec<u64> {
        let length = usize::try_from(to - from + 1).unwrap_or(0);
        let mut counts = vec![0; length];
        let span = Span { disease: Some(disease.to_owned()), basis: Basis::Report, from, to };
        self.each(&span, |day, kind, count| {
            let place = usize::try_from(day - from).unwrap_or(usize::MAX);
            if district.is_none_or(|district| *kind.district == *district)
                && let Some(cell) = counts.get_mut(place)
            {
                *cell += count;
            }
        });
        counts
    }

    /// The true counts of a week of report; as of a block time, or now.
    pub(crate) fn week(
        &self,
        disease: &str,
        monday: Day,
        districts: &[String],
        before_ms: Option<u64>,
    ) -> Truth {
        let mut truth = Truth::empty(districts.len());
        let span = Span {
            disease: Some(disease.to_owned()),
            basis: Basis::Report,
            from: monday,
            to: monday + day::WEEK - 1,
        };
        let mut add = |kind: &Kind, count: u64| {
            let row =
                districts.binary_search_by(|code| (**code).cmp(&*kind.district)).unwrap_or(districts.len());
            truth.add(row, kind.columns(), count);
        };
        match before_ms {
            None => self.each(&span, |_, kind, count| add(kind, count)),
            Some(before_ms) => {
                for versions in self.cases.values() {
                    let then = versions
                        .iter()
                        .rev()
                        .find(|known| known.time_ms < before_ms)
                        .map(|known| &known.kind);
                    if let Some(kind) = then.filter(|kind| kind.counts() && span.holds(kind)) {
                        add(kind, 1);
                    }
                }
            }
        }
        truth
    }
}
