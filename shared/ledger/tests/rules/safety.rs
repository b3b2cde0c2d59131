//! Agreement on one height among four agencies of which one lies, under every order of messages that a seed makes.
//!
//! The network here is worse than the stream: an agency may be shown any valid proposal of any view at any time, or
//! never. What must hold all the same: no two different blocks are final. A block is final when a quorum cosigned it
//! with a certificate of one view in hand; that they are of one view matters, as the last test shows.

use std::collections::{BTreeMap, BTreeSet};

use hutong_ledger::{
    block::Proposal,
    hash::Hash,
    id::KeyId,
    vote::{Certificate, Commitments, HostSignature, Status},
};

use crate::support::{FOUR, agency};

const HEIGHT: u64 = 1;
/// Agencies 0, 1 and 2 are honest.
const LIAR: usize = 3;

/// Nobody checks signatures here: the network only passes on what was sent, and the liar signs whatever it likes.
fn unsigned(n: usize) -> HostSignature {
    HostSignature { agency: agency(n), key: KeyId([0; 8]), bytes: [0; 64] }
}

#[derive(Default)]
struct Honest {
    kept: Commitments,
    /// The highest certificate held.
    held: Option<Certificate>,
}

#[derive(Default)]
struct Height {
    honest: [Honest; 3],
    /// Who voted, by view and block.
    votes: BTreeMap<(u32, Hash), BTreeSet<usize>>,
    /// Statuses sent, by view.
    statuses: BTreeMap<u32, BTreeMap<usize, Status>>,
    /// Valid proposals, by view: the orderers lie too.
    proposals: BTreeSet<(u32, Hash)>,
    /// Who cosigned, by view and block.
    cosigned: BTreeMap<(u32, Hash), BTreeSet<usize>>,
}

impl Height {
    /// Anyone may propose anything in view 0, and above it what a quorum of statuses allows.
    fn propose(&mut self, view: u32, block: Hash, from: &[usize]) -> bool {
        if view > 0 {
            let given = self.statuses.entry(view).or_default();
            let statuses: Vec<Status> = from.iter().filter_map(|n| given.get(n)).cloned().collect();
            let obliged = Proposal::obliged(&statuses);
            if statuses.len() < FOUR.epoch.quorum() || obliged.is_some_and(|obliged| obliged != block) {
                return false;
            }
        }
        self.proposals.insert((view, block))
    }

    fn vote(&mut self, n: usize, view: u32, block: Hash) -> bool {
        if n != LIAR {
            let kept = &mut self.honest[n].kept;
            if !self.proposals.contains(&(view, block)) || kept.may_vote(HEIGHT, view, &block).is_err() {
                return false;
            }
            kept.voted(HEIGHT, view, block);
        }
        self.votes.entry((view, block)).or_default().insert(n)
    }

    fn certificate(&self, view: u32, block: Hash) -> Option<Certificate> {
        let votes = self.votes.get(&(view, block))?;
        let suffices = Certificate::suffices(&FOUR.epoch, &[], |id| votes.iter().any(|n| agency(*n) == *id));
        let votes = votes.iter().map(|n| unsigned(*n)).collect();
        suffices.then_some(Certificate { height: HEIGHT, view, block, votes })
    }

    /// Shows an agency the votes for a block; it holds the certificate if there are enough.
    fn show(&mut self, n: usize, view: u32, block: Hash) -> bool {
        let Some(certificate) = self.certificate(view, block) else { return false };
        let held = &mut self.honest[n].held;
        let higher = held.as_ref().is_none_or(|held| held.view < view);
        if higher {
            *held = Some(certificate);
        }
        higher
    }

    /// Asks an agency for a status; the liar gives the one that it is told to.
    fn status(&mut self, n: usize, view: u32, lie: Option<(u32, Hash)>) -> bool {
        let certificate = if n == LIAR {
            lie.and_then(|(view, block)| self.certificate(view, block))
        } else {
            let Honest { kept, held } = &mut self.honest[n];
            if kept.promise(HEIGHT) >= view || held.as_ref().is_some_and(|held| held.view >= view) {
                return false;
            }
            kept.promised(HEIGHT, view);
            held.clone()
        };
        let certificate = certificate.filter(|certificate| certificate.view < view);
        let status =
            Status { chain: FOUR.chain(), height: HEIGHT, view, certificate, signature: unsigned(n) };
        self.statuses.entry(view).or_default().insert(n, status);
        true
    }

    fn cosign(&mut self, n: usize) -> bool {
        let Honest { kept, held } = &self.honest[n];
        let Some(Certificate { view, block, .. }) = held else { return false };
        kept.may_cosign(HEIGHT, *view).is_ok() && self.cosigned.entry((*view, *block)).or_default().insert(n)
    }

    /// The final blocks: a quorum cosigned in one view. The liar cosigns everything.
    fn finals(&self) -> BTreeSet<Hash> {
        let quorum = FOUR.epoch.quorum();
        self.cosigned.iter().filter(|(_, by)| by.len() + 1 >= quorum).map(|((_, block), _)| *block).collect()
    }

    /// The blocks that would be final if it did not matter in which view they were cosigned.
    fn finals_of_any_view(&self) -> BTreeSet<Hash> {
        let mut by_block: BTreeMap<Hash, BTreeSet<usize>> = BTreeMap::new();
        for ((_, block), by) in &self.cosigned {
            by_block.entry(*block).or_default().extend(by);
        }
        by_block.into_iter().filter(|(_, by)| by.len() + 1 >= FOUR.epoch.quorum()).map(|(b, _)| b).collect()
    }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

const BLOCKS: [Hash; 2] = [Hash([1; 32]), Hash([2; 32])];
const VIEWS: usize = 5;

fn step(height: &mut Height, random: &mut Random) {
    // Views are entered one after the other, most of the time.
    let top = height.statuses.keys().last().map_or(0, |view| *view as usize);
    let view = random.below((top + 2).min(VIEWS)) as u32;
    let proposed: Vec<(u32, Hash)> = height.proposals.iter().copied().collect();
    let (at, block) = match proposed.get(random.below(proposed.len().max(1))) {
        Some(some) => *some,
        None => (0, BLOCKS[0]),
    };
    let n = random.below(3);
    match random.below(8) {
        0 => {
            // Three of four, or all.
            let without = random.below(5);
            let from: Vec<usize> = (0..4).filter(|n| *n != without).collect();
            height.propose(view, BLOCKS[random.below(2)], &from);
        }
        1 | 2 => {
            height.vote(n, at, block);
        }
        3 => {
            height.vote(LIAR, at, block);
        }
        4 => {
            height.show(n, at, block);
        }
        5 => {
            height.status(n, view, None);
        }
        6 => {
            let lie = Some((at, block)).filter(|_| random.below(2) == 0);
            height.status(LIAR, view, lie);
        }
        _ => {
            height.cosign(n);
        }
    }
}

#[test]
fn no_two_blocks_are_final_at_a_height() {
    let (mut finals, mut late) = (0, 0);
    for seed in 0..6_000 {
        let (mut height, mut random) = (Height::default(), Random(seed));
        for _ in 0..160 {
            step(&mut height, &mut random);
            assert!(height.finals().len() <= 1, "seed {seed}: two final blocks at one height");
        }
        let certified =
            height.votes.keys().filter(|(view, block)| height.certificate(*view, *block).is_some());
        let views: Vec<u32> = certified.map(|(view, _)| *view).collect();
        assert!(views.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: two certificates in one view");
        finals += usize::from(!height.finals().is_empty());
        late += usize::from(height.cosigned.iter().any(|((view, _), by)| *view > 0 && by.len() > 1));
    }
    // The walk is worth something only if it gets there, and by way of views.
    assert!(finals > 500 && late > 100, "{finals} walks reached a final block, {late} in a later view");
}

/// Why a checkpoint names the view: agency 0 cosigns X in view 0, Y is certified in view 1 where nobody knows of that,
/// X comes back in view 2 since nobody there knows of Y, and Y again in view 3. Were cosignatures of different views
/// added up, both would be final, with one liar and no agency that broke its word.
#[test]
fn cosignatures_of_different_views_do_not_add_up() {
    let [x, y] = BLOCKS;
    let mut height = Height::default();
    assert!(height.propose(0, x, &[]));
    assert!([0, 1, LIAR].into_iter().all(|n| height.vote(n, 0, x)));
    assert!(height.show(0, 0, x) && height.cosign(0));

    assert!([1, 2, LIAR].into_iter().all(|n| height.status(n, 1, None)));
    assert!(height.propose(1, y, &[1, 2, LIAR]));
    assert!([1, 2, LIAR].into_iter().all(|n| height.vote(n, 1, y)));
    assert!(height.show(2, 1, y) && height.cosign(2));

    assert!([0, 1, LIAR].into_iter().all(|n| height.status(n, 2, None)));
    assert!(!height.propose(2, y, &[0, 1, LIAR]));
    assert!(height.propose(2, x, &[0, 1, LIAR]));
    assert!([0, 1, LIAR].into_iter().all(|n| height.vote(n, 2, x)));
    assert!(height.show(1, 2, x) && height.cosign(1));

    assert!([0, 2, LIAR].into_iter().all(|n| height.status(n, 3, None)));
    assert!(height.propose(3, y, &[0, 2, LIAR]));
    assert!([0, 2, LIAR].into_iter().all(|n| height.vote(n, 3, y)));
    assert!(height.show(0, 3, y) && height.cosign(0));

    assert_eq!(height.finals_of_any_view().len(), 2);
    assert!(height.finals().is_empty());
}
