//! The duplicate window: the message ids a stream has lately taken.
//!
//! It is bounded by their number, not by time, so it needs no clock and is the same after a restart.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Where a message with an id landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) sequence: u64,
    /// The journal's position of its batch.
    pub(crate) position: u64,
}

#[derive(Debug)]
pub(crate) struct Window {
    ids_max: usize,
    landed: HashMap<Arc<str>, Landed>,
    order: VecDeque<Arc<str>>,
}

impl Window {
    pub(crate) fn new(ids_max: usize) -> Self {
        Self { ids_max, landed: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn find(&self, id: &str) -> Option<Landed> {
        self.landed.get(id).copied()
    }

    pub(crate) fn insert(&mut self, id: &str, landed: Landed) {
        let id: Arc<str> = id.into();
        if self.landed.insert(id.clone(), landed).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > self.ids_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.landed.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_are_forgotten() {
        let mut window = Window::new(2);
        for (sequence, id) in ["a", "b", "c"].into_iter().enumerate() {
            window.insert(id, Landed { sequence: sequence as u64, position: 0 });
        }
        assert_eq!(window.find("a"), None);
        assert_eq!(window.find("c"), Some(Landed { sequence: 2, position: 0 }));
        assert_eq!((window.landed.len(), window.order.len()), (2, 2));
    }
}
