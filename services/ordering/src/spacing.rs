//! How closely fresh blocks follow each other. A block costs every agency the same signatures, messages and writes
//! whether it holds one transaction or a thousand: on a busy machine, blocks that follow too closely eat what the
//! transactions need. How busy it is shows in what blocks take to their certificate, so that is what spaces them. On
//! an idle machine that is next to nothing.

use std::{collections::VecDeque, time::Duration};

/// What blocks took lately, and when the last one was cut.
#[derive(Debug)]
pub(crate) struct Spacing {
    most: Duration,
    /// Smoothed over about eight blocks.
    taken: Duration,
    last: Option<Duration>,
    /// Heights that await their certificate, with when they were cut.
    open: VecDeque<(u64, Duration)>,
}

impl Spacing {
    pub(crate) fn new(most: Duration) -> Self {
        Self { most, taken: Duration::ZERO, last: None, open: VecDeque::new() }
    }

    pub(crate) fn cut(&mut self, height: u64, now: Duration) {
        // A block in place of another is no sign of how busy the machine is.
        self.open.retain(|(open, _)| *open < height);
        self.open.push_back((height, now));
        self.last = Some(now);
    }

    /// Every height up to this one has a certificate.
    pub(crate) fn certified(&mut self, height: u64, now: Duration) {
        while let Some((_, at)) = self.open.pop_front_if(|(open, _)| *open <= height) {
            self.taken = (self.taken * 7 + now.saturating_sub(at)) / 8;
        }
    }

    /// How long until the next block may be cut: twice what recent ones took, after the last.
    pub(crate) fn until_next(&self, now: Duration) -> Duration {
        let space = (self.taken * 2).min(self.most);
        self.last.map_or(Duration::ZERO, |last| (last + space).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_block_waits_for_nothing() {
        assert_eq!(Spacing::new(20 * MS).until_next(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn blocks_are_spaced_by_what_they_take_up_to_a_bound() {
        let mut spacing = Spacing::new(20 * MS);
        let mut now = Duration::ZERO;
        let mut run = |spacing: &mut Spacing, from: u64, takes: Duration| {
            for height in from..from + 64 {
                spacing.cut(height, now);
                spacing.certified(height, now + takes);
                now += 50 * MS;
            }
            spacing.cut(from + 64, now);
            let next = spacing.until_next(now);
            spacing.certified(from + 64, now);
            next
        };
        let quick = run(&mut spacing, 1, MS);
        assert!(quick > MS && quick <= 2 * MS, "{quick:?}");
        let slow = run(&mut spacing, 101, 40 * MS);
        assert_eq!(slow, 20 * MS);
        let quick = run(&mut spacing, 201, MS);
        assert!(quick <= 3 * MS, "it forgets: {quick:?}");
    }

    #[test]
    fn a_replaced_block_counts_from_its_last_cut() {
        let mut spacing = Spacing::new(20 * MS);
        spacing.cut(1, Duration::ZERO);
        spacing.cut(2, MS);
        spacing.cut(1, 2000 * MS);
        spacing.certified(2, 2001 * MS);
        assert!(spacing.until_next(2000 * MS) <= MS);
    }
}
