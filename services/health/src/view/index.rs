//! Sorted sets by which candidates of a search are found without looking at every resource.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use rust_decimal::Decimal;

use crate::{
    kind::Kind,
    search::{
        criteria::Wanted,
        date::Interval,
        prefix::Prefix,
        reference, text,
        token::System,
        value::{Value, Values},
    },
};

/// Resources that a criterion may find.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Ascending, each once; live ones alone, for what is gone has no values.
    pub(super) found: Vec<u32>,
    /// Whether it finds all of them.
    pub(super) exact: bool,
}

/// A type, a parameter, what stands there, and the resource.
type Named = (Kind, u16, Arc<str>, u32);
type Timed = (Kind, u16, i64, u32);

#[derive(Debug, Default)]
pub(super) struct Index {
    /// Codes, folded strings, targets of references, addresses.
    names: BTreeSet<Named>,
    systems: BTreeSet<Named>,
    from: BTreeSet<Timed>,
    until: BTreeSet<Timed>,
    numbers: BTreeSet<(Kind, u16, Decimal, u32)>,
    /// Quantities that are open to a side: few, and always looked at.
    open: BTreeSet<(Kind, u16, u32)>,
}

impl Index {
    pub(super) fn insert(&mut self, kind: Kind, at: u32, values: &Values) {
        for (place, value) in values {
            self.entries(kind, *place, at, value, true);
        }
    }

    pub(super) fn remove(&mut self, kind: Kind, at: u32, values: &Values) {
        for (place, value) in values {
            self.entries(kind, *place, at, value, false);
        }
    }

    fn entries(&mut self, kind: Kind, place: u16, at: u32, value: &Value, insert: bool) {
        let mut name = |set: fn(&mut Self) -> &mut BTreeSet<Named>, text: &Arc<str>| {
            let entry = (kind, place, text.clone(), at);
            if insert {
                set(self).insert(entry)
            } else {
                set(self).remove(&entry)
            };
        };
        match value {
            Value::Token(token) => {
                token.code.iter().for_each(|code| name(|index| &mut index.names, code));
                token.system.iter().for_each(|system| name(|index| &mut index.systems, system));
            }
            Value::Text(text) => name(|index| &mut index.names, &text.folded),
            Value::Uri(uri) => name(|index| &mut index.names, uri),
            Value::Reference(reference) => {
                reference.target.iter().for_each(|target| name(|index| &mut index.names, target));
            }
            Value::Date(interval) => {
                let (from, until) = ((kind, place, interval.from, at), (kind, place, interval.until, at));
                if insert {
                    self.from.insert(from);
                    self.until.insert(until);
                } else {
                    self.from.remove(&from);
                    self.until.remove(&until);
                }
            }
            Value::Quantity(quantity) => {
                let (number, open) = (quantity.number().map(|it| (kind, place, it, at)), (kind, place, at));
                match (number, insert) {
                    (Some(number), true) => self.numbers.insert(number),
                    (Some(number), false) => self.numbers.remove(&number),
                    (None, true) => self.open.insert(open),
                    (None, false) => self.open.remove(&open),
                };
            }
        }
    }

    /// Resources among which all that have a wanted value are, unless they are more than `most`, or no set helps.
    pub(super) fn candidates(
        &self,
        kind: Kind,
        place: u16,
        wanted: &[Wanted],
        most: usize,
    ) -> Option<Candidates> {
        let mut found = Vec::new();
        for one in wanted {
            self.of(kind, place, one, most, &mut found)?;
            if found.len() > most {
                return None;
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(Candidates { found, exact: wanted.iter().all(|one| self.decides(kind, place, one)) })
    }

    /// Whether the sets tell all about a wanted value.
    fn decides(&self, kind: Kind, place: u16, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Token(token) => token.system == System::Any || token.code.is_none(),
            Wanted::Text(text) => matches!(text, text::Wanted::Begins(_)),
            // At the end of the calendar there is nothing later to begin at.
            Wanted::Date(prefix, date) => {
                !matches!(prefix, Prefix::Eq | Prefix::Ne | Prefix::Ap) && date.until < i64::MAX
            }
            Wanted::Uri(_) | Wanted::UriBelow(_) | Wanted::OneOf(_) => true,
            Wanted::Quantity(quantity) => {
                let open = self.open.range((kind, place, 0)..=(kind, place, u32::MAX));
                quantity.is_unitless() && open.count() == 0
            }
            Wanted::Reference(_) | Wanted::Words(_) => false,
        }
    }

    fn of(&self, kind: Kind, place: u16, wanted: &Wanted, most: usize, found: &mut Vec<u32>) -> Option<()> {
        match wanted {
            Wanted::Token(token) => match (&token.code, &token.system) {
                (Some(code), _) => exactly(&self.names, kind, place, code, most, found),
                (None, System::Is(system)) => exactly(&self.systems, kind, place, system, most, found),
                (None, System::Any | System::None) => return None,
            },
            Wanted::Text(text::Wanted::Begins(text)) => begins(&self.names, kind, place, text, most, found),
            Wanted::Text(text::Wanted::Exactly(text)) => {
                exactly(&self.names, kind, place, &text::fold(text), most, found);
            }
            Wanted::Uri(uri) => exactly(&self.names, kind, place, uri, most, found),
            Wanted::UriBelow(uri) => begins(&self.names, kind, place, uri, most, found),
            Wanted::Reference(reference::Wanted::To(target)) => {
                exactly(&self.names, kind, place, target, most, found);
            }
            Wanted::Reference(reference::Wanted::Id(id, kinds)) if !kinds.is_empty() => {
                for target in kinds {
                    exactly(&self.names, kind, place, &format!("{target}/{id}"), most, found);
                }
            }
            Wanted::OneOf(targets) => {
                for target in targets.iter() {
                    exactly(&self.names, kind, place, target, most, found);
                }
            }
            Wanted::Quantity(quantity) => {
                let (low, high) = quantity.range()?;
                let low = match low {
                    Bound::Included(low) => Bound::Included((kind, place, low, 0)),
                    Bound::Excluded(low) => Bound::Excluded((kind, place, low, u32::MAX)),
                    Bound::Unbounded => Bound::Included((kind, place, Decimal::MIN, 0)),
                };
                let high = match high {
                    Bound::Included(high) => Bound::Included((kind, place, high, u32::MAX)),
                    Bound::Excluded(high) => Bound::Excluded((kind, place, high, 0)),
                    Bound::Unbounded => Bound::Included((kind, place, Decimal::MAX, u32::MAX)),
                };
                let within = self.numbers.range((low, high)).map(|(.., at)| *at);
                let open = self.open.range((kind, place, 0)..=(kind, place, u32::MAX)).map(|(.., at)| *at);
                found.extend(within.chain(open).take((most + 1).saturating_sub(found.len())));
            }
            Wanted::Date(prefix, interval) => self.dated(kind, place, *prefix, interval, most, found)?,
            Wanted::Reference(_) | Wanted::Words(_) | Wanted::Text(_) => return None,
        }
        Some(())
    }

    fn dated(
        &self,
        kind: Kind,
        place: u16,
        prefix: Prefix,
        wanted: &Interval,
        most: usize,
        found: &mut Vec<u32>,
    ) -> Option<()> {
        let (least, greatest) = (i64::MIN, i64::MAX);
        let (set, low, high) = match prefix {
            Prefix::Eq => (&self.from, wanted.from, wanted.until),
            // As in the rules of intervals: later than, not from, and so on.
            Prefix::Gt => (&self.until, wanted.until.saturating_add(1), greatest),
            Prefix::Ge => (&self.until, wanted.from.saturating_add(1), greatest),
            Prefix::Sa => (&self.from, wanted.until, greatest),
            Prefix::Lt => (&self.from, least, wanted.from.saturating_sub(1)),
            Prefix::Le => (&self.from, least, wanted.until.saturating_sub(1)),
            Prefix::Eb => (&self.until, least, wanted.from),
            Prefix::Ne | Prefix::Ap => return None,
        };
        let range = set.range((kind, place, low, 0)..=(kind, place, high, u32::MAX));
        found.extend(range.map(|(.., at)| *at).take((most + 1).saturating_sub(found.len())));
        Some(())
    }

    /// The resources of a type whose parameter refers to a target.
    pub(super) fn referring(&self, kind: Kind, place: u16, target: &str) -> Vec<u32> {
        let mut found = Vec::new();
        exactly(&self.names, kind, place, target, usize::MAX - 1, &mut found);
        found
    }
}

fn exactly(set: &BTreeSet<Named>, kind: Kind, place: u16, text: &str, most: usize, found: &mut Vec<u32>) {
    let text: Arc<str> = text.into();
    let range = set.range((kind, place, text.clone(), 0)..=(kind, place, text, u32::MAX));
    found.extend(range.map(|(.., at)| *at).take((most + 1).saturating_sub(found.len())));
}

fn begins(set: &BTreeSet<Named>, kind: Kind, place: u16, text: &str, most: usize, found: &mut Vec<u32>) {
    let start = Bound::Included((kind, place, Arc::from(text), 0));
    let range = set.range((start, Bound::Unbounded));
    let within = range.take_while(|(of, at, name, _)| *of == kind && *at == place && name.starts_with(text));
    found.extend(within.map(|(.., at)| *at).take((most + 1).saturating_sub(found.len())));
}
