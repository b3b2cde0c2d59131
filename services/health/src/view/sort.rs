//! The order of what is found: by the parameters asked for, then by when a resource was first held.

use std::{cmp::Ordering, sync::Arc};

use rust_decimal::Decimal;

use super::{Doc, View};
use crate::search::{query::SortBy, value::Value};

/// By what a resource is sorted; the least of its values, or the greatest when it descends.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum SortKey {
    Number(i128),
    Decimal(Decimal),
    Text(Arc<str>),
}

/// A resource with its first key; the others are looked up where the first are the same.
type Keyed = (Option<SortKey>, u32);

/// Sorts what was found; behind the first `needed` the order is none.
pub(super) fn sort(view: &View, found: &mut [u32], by: &[(SortBy, bool)], needed: usize) {
    let Some(((first, descends), rest)) = by.split_first() else { return };
    let mut keyed: Vec<Keyed> = found.iter().map(|at| (of(view.doc(*at), *first, *descends), *at)).collect();
    let order = |(a, x): &Keyed, (b, y): &Keyed| {
        let others = || {
            let order = rest.iter().map(|(by, descends)| {
                let key = |at: u32| of(view.doc(at), *by, *descends);
                compare(&key(*x), &key(*y), *descends)
            });
            order.fold(Ordering::Equal, Ordering::then).then(x.cmp(y))
        };
        compare(a, b, *descends).then_with(others)
    };
    if needed > 0 && needed < keyed.len() {
        keyed.select_nth_unstable_by(needed - 1, order);
        keyed[..needed].sort_unstable_by(order);
    } else {
        keyed.sort_unstable_by(order);
    }
    for (slot, (_, at)) in found.iter_mut().zip(keyed) {
        *slot = at;
    }
}

/// What has no value comes last, whichever way it goes.
fn compare(a: &Option<SortKey>, b: &Option<SortKey>, descends: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => {
            let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
            if descends { order.reverse() } else { order }
        }
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

fn of(doc: &Doc, by: SortBy, descends: bool) -> Option<SortKey> {
    match by {
        SortBy::Id => Some(SortKey::Text(doc.key.id.as_str().into())),
        SortBy::Updated => doc.last().map(|last| SortKey::Number(last.time_ms.into())),
        SortBy::Param(place) => {
            let values = doc.values.iter().filter(|(found, _)| *found == place);
            let mut best = None;
            for key in values.filter_map(|(_, value)| key(value, descends)) {
                let key = Some(key);
                if compare(&key, &best, descends) == Ordering::Less {
                    best = key;
                }
            }
            best
        }
    }
}

fn key(value: &Value, descends: bool) -> Option<SortKey> {
    Some(match value {
        Value::Token(token) => SortKey::Text(token.code.clone().or_else(|| token.words.clone())?),
        Value::Date(interval) if descends => SortKey::Number(interval.until.into()),
        Value::Date(interval) => SortKey::Number(interval.from.into()),
        Value::Text(text) => SortKey::Text(text.folded.clone()),
        Value::Reference(reference) => SortKey::Text(reference.target.clone()?),
        Value::Quantity(quantity) => SortKey::Decimal(quantity.order()),
        Value::Uri(uri) => SortKey::Text(uri.clone()),
    })
}
