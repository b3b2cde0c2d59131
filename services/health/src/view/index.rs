//! Sorted sets by which candidates of a search are found without looking at every resource.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

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
            Value::Quantity(_) => {}
        }
    }

    /// Resources among which all that have a wanted value are, unless they are more than `most`, or no set helps.
    pub(super) fn candidates(
        &self,
        kind: Kind,
        place: u16,
        wanted: &[Wanted],
        most: usize,
    ) -> Option<Vec<u32>> {
        let mut found = Vec::new();
        for one in wanted {
            self.of(kind, place, one, most, &mut found)?;
            if found.len() > most {
                return None;
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
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
            Wanted::Date(prefix, interval) => self.dated(kind, place, *prefix, interval, most, found)?,
            Wanted::Reference(_) | Wanted::Words(_) | Wanted::Quantity(_) | Wanted::Text(_) => return None,
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
            Prefix::Gt => (&self.until, wanted.until, greatest),
            Prefix::Ge => (&self.until, wanted.from, greatest),
            Prefix::Sa => (&self.from, wanted.until, greatest),
            Prefix::Lt => (&self.from, least, wanted.from),
            Prefix::Le => (&self.from, least, wanted.until),
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
