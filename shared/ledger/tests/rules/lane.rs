//! The lane: each reason to skip, what superseding takes away and a repeat leaves, and that readers agree.

use std::collections::BTreeMap;

use hutong_ledger::{
    block::{Cursor, Header, Proposal},
    chain::{Base, Lane, Placed, Skip, Slot},
    epoch::Purpose,
    hash::Hash,
    vote::{Certificate, Status},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{FOUR, agency, certificate, domain, key_id, next, propose, sign, status, statuses};

fn lane() -> Lane {
    Lane::new(Base::new(FOUR.header()))
}

/// A lane of `n` blocks in view 0, and their headers from height 1 on.
fn filled(n: u64) -> (Lane, Vec<Header>) {
    let (mut lane, mut headers) = (lane(), Vec::new());
    for height in 1..=n {
        let header = next(lane.tip().0, height);
        headers.push(header.clone());
        assert_eq!(offer(&mut lane, header, 0, Vec::new()), Ok(Placed::Extends));
    }
    (lane, headers)
}

fn offer(lane: &mut Lane, header: Header, view: u32, statuses: Vec<Status>) -> Result<Placed, Skip> {
    lane.offer(propose(header, view, statuses, &agency(0)), 1, &FOUR.epoch)
}

fn hashes(lane: &Lane) -> Vec<(u32, Hash)> {
    lane.slots().map(|Slot { proposal, hash, .. }| (proposal.view, *hash)).collect()
}

#[test]
fn what_extends_the_tip_counts() {
    let (lane, headers) = filled(3);
    assert_eq!((lane.height(), lane.base().header.height), (3, 0));
    assert_eq!(lane.tip(), (&headers[2], headers[2].hash()));
    assert_eq!(lane.slot(2).unwrap().hash, headers[1].hash());
    assert_eq!(lane.below(1), (&FOUR.header(), FOUR.header().hash()));
    assert!(lane.slot(0).is_none() && lane.slot(4).is_none());
}

#[test]
fn everything_else_is_skipped_with_its_reason() {
    let (mut lane, headers) = filled(3);
    lane.settle(1);
    let tip = headers[2].clone();
    let mut skip = |change: &dyn Fn(&mut Header)| {
        let mut header = next(&tip, 9);
        change(&mut header);
        offer(&mut lane, header, 0, Vec::new()).unwrap_err()
    };
    assert_eq!(skip(&|h| h.chain = "other-0123456789abcdef".parse().unwrap()), Skip::Chain);
    assert_eq!(skip(&|h| h.rules = 2), Skip::Rules(2));
    assert_eq!(skip(&|h| h.epoch = 1), Skip::Epoch { named: 1, current: 0 });
    assert_eq!(skip(&|h| h.height = 1), Skip::Settled { height: 1, settled: 1 });
    assert_eq!(skip(&|h| h.height = 0), Skip::Settled { height: 0, settled: 1 });
    assert_eq!(skip(&|h| h.height = 5), Skip::Ahead { height: 5, tip: 3 });
    assert_eq!(skip(&|h| h.height = u64::MAX), Skip::Ahead { height: u64::MAX, tip: 3 });
    assert_eq!(skip(&|h| h.segments[0].domain = domain("health")), Skip::Domain(domain("health")));
    let stray = Cursor { domain: domain("zoo"), incarnation: 0, sequence: 0 };
    assert_eq!(skip(&|h| h.cursors.push(stray)), Skip::Domain(domain("zoo")));
    assert_eq!(skip(&|h| h.prev = Hash::ZERO), Skip::Link);
    assert_eq!(skip(&|h| h.time_ms = tip.time_ms - 1), Skip::Time);
    let rival = next(&headers[1], 9);
    assert_eq!(offer(&mut lane, rival, 0, Vec::new()), Err(Skip::View { height: 3, current: 0 }));
    assert_eq!(
        offer(&mut lane, headers[2].clone(), 0, Vec::new()),
        Err(Skip::View { height: 3, current: 0 })
    );
    assert_eq!(lane.height(), 3, "what is skipped changes nothing");
}

#[test]
fn only_an_orderer_of_the_epoch_proposes() {
    let header = next(&FOUR.header(), 1);
    let refused = |proposal: Proposal| lane().offer(proposal, 1, &FOUR.epoch) == Err(Skip::Signature);
    let good = propose(header.clone(), 0, Vec::new(), &agency(1));
    assert!(lane().offer(good.clone(), 1, &FOUR.epoch).is_ok());
    // Agency 2 holds an orderer key, but the epoch does not list it.
    assert!(refused(propose(header.clone(), 0, Vec::new(), &agency(2))));
    assert!(refused(Proposal { signature: [0; 64], ..good.clone() }));
    assert!(refused(Proposal { orderer: agency(0), ..good.clone() }));
    assert!(refused(Proposal { key: key_id(&agency(0), Purpose::Orderer), ..good.clone() }));
    let host = sign(&agency(1), Purpose::Host, &Proposal::message(&header, 0, agency(1), &[]));
    assert!(refused(Proposal { key: key_id(&agency(1), Purpose::Host), signature: host, ..good.clone() }));
    assert!(refused(Proposal { header: next(&FOUR.header(), 2), ..good.clone() }));
    let later = Proposal { view: 1, statuses: statuses(FOUR.chain(), 3, 1, 1, None), ..good };
    assert!(refused(later), "view and statuses are in what is signed");
}

#[test]
fn a_higher_view_needs_a_quorum_of_statuses_for_it() {
    let chain = FOUR.chain();
    let (lane, headers) = filled(2);
    let rival = next(&headers[0], 9);
    let try_with = |statuses: Vec<Status>| offer(&mut lane.clone(), rival.clone(), 1, statuses);
    assert_eq!(try_with(statuses(chain, 3, 2, 1, None)), Ok(Placed::Supersedes));
    assert_eq!(try_with(statuses(chain, 4, 2, 1, None)), Ok(Placed::Supersedes));
    assert_eq!(try_with(Vec::new()), Err(Skip::Statuses));
    assert_eq!(try_with(statuses(chain, 2, 2, 1, None)), Err(Skip::Statuses));
    assert_eq!(try_with(statuses(chain, 3, 2, 2, None)), Err(Skip::Statuses), "of another view");
    assert_eq!(try_with(statuses(chain, 3, 1, 1, None)), Err(Skip::Statuses), "of another height");
    let mut unsorted = statuses(chain, 3, 2, 1, None);
    unsorted.swap(0, 1);
    assert_eq!(try_with(unsorted), Err(Skip::Statuses));
    let mut repeated = statuses(chain, 2, 2, 1, None);
    repeated.push(repeated[1].clone());
    assert_eq!(try_with(repeated), Err(Skip::Statuses));
    let mut forged = statuses(chain, 3, 2, 1, None);
    forged[2].signature.bytes[0] ^= 1;
    assert_eq!(try_with(forged), Err(Skip::Statuses));
    let weak = certificate(chain, 0..2, 2, 0, headers[1].hash());
    assert_eq!(try_with(statuses(chain, 3, 2, 1, Some(&weak))), Err(Skip::Statuses), "no quorum voted");
    assert_eq!(
        offer(&mut lane.clone(), rival, 0, statuses(chain, 3, 2, 0, None)),
        Err(Skip::View { height: 2, current: 0 })
    );
}

#[test]
fn statuses_oblige_to_repeat_the_highest_certificate() {
    let chain = FOUR.chain();
    let (mut lane, headers) = filled(3);
    let held = certificate(chain, 0..3, 2, 0, headers[1].hash());
    let rival = next(&headers[0], 9);
    let with = |held: &Certificate, view| statuses(chain, 3, 2, view, Some(held));
    assert_eq!(offer(&mut lane, rival.clone(), 1, with(&held, 1)), Err(Skip::Obliged(headers[1].hash())));
    assert_eq!(offer(&mut lane, headers[1].clone(), 1, with(&held, 1)), Ok(Placed::Repeats));
    // Of two certificates the one of the higher view binds.
    let newer = certificate(chain, 1..4, 2, 1, rival.hash());
    let mut both = with(&held, 2);
    both[1] = status(chain, &agency(1), 2, 2, Some(newer));
    assert_eq!(offer(&mut lane, headers[1].clone(), 2, both.clone()), Err(Skip::Obliged(rival.hash())));
    assert_eq!(offer(&mut lane, rival.clone(), 2, both), Ok(Placed::Supersedes));
    assert_eq!(hashes(&lane), [(0, headers[0].hash()), (2, rival.hash())]);
}

#[test]
fn superseding_takes_what_is_above_and_a_repeat_leaves_it() {
    let chain = FOUR.chain();
    let (mut lane, headers) = filled(4);
    let held = certificate(chain, 0..3, 2, 0, headers[1].hash());
    let repeat = statuses(chain, 3, 2, 1, Some(&held));
    assert_eq!(offer(&mut lane, headers[1].clone(), 1, repeat), Ok(Placed::Repeats));
    let views: Vec<u32> = lane.slots().map(|slot| slot.proposal.view).collect();
    assert_eq!((views, lane.tip().1), (vec![0, 1, 0, 0], headers[3].hash()));
    let rival = next(&headers[0], 9);
    assert_eq!(offer(&mut lane, rival.clone(), 2, statuses(chain, 3, 2, 2, None)), Ok(Placed::Supersedes));
    assert_eq!((lane.height(), lane.tip().1), (2, rival.hash()));
    assert_eq!(offer(&mut lane, headers[2].clone(), 0, Vec::new()), Err(Skip::Link));
    assert_eq!(offer(&mut lane, next(&rival, 3), 0, Vec::new()), Ok(Placed::Extends));
}

#[test]
fn settling_moves_the_base_and_dropping_clears_the_top() {
    let (mut lane, headers) = filled(4);
    lane.settle(2);
    assert_eq!((lane.base().hash, lane.height()), (headers[1].hash(), 4));
    lane.settle(1);
    assert_eq!(lane.base().header.height, 2, "what is final stays so");
    lane.drop_from(2);
    assert_eq!(lane.height(), 4, "and is not dropped");
    lane.drop_from(4);
    assert_eq!(lane.tip().1, headers[2].hash());
    lane.settle(9);
    assert_eq!((lane.base().header.height, lane.height()), (3, 3));
}

/// What may happen to a stream that two orderers write, one of them as it likes.
#[derive(Clone, Debug)]
enum Event {
    /// A block on the tip, or on what is this many blocks below it, by one of the orderers.
    Extend { below: u64, orderer: usize },
    /// Agency 0 holds a certificate of the block this far from the lane's bottom.
    Certify(u64),
    /// The lowest block that is not final becomes so, if it is certified.
    Finalize,
    /// Another view at a height this far from genesis; whether agency 0 is among those who gave statuses, and what to
    /// propose when nothing obliges.
    Change { at: u64, view: u32, heard: bool, repeat: bool },
    /// A reader hears what is final by now.
    Settle(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (prop_oneof![4 => Just(0_u64), 1 => 1..3_u64], 0..2_usize)
            .prop_map(|(below, orderer)| Event::Extend { below, orderer }),
        4 => (0..3_u64).prop_map(Event::Certify),
        3 => Just(Event::Finalize),
        4 => (0..6_u64, 1..4_u32, any::<bool>(), any::<bool>())
            .prop_map(|(at, view, heard, repeat)| Event::Change { at, view, heard, repeat }),
        3 => (0..2_usize).prop_map(Event::Settle),
    ]
}

/// The stream's writers, with a reader of their own that never settles.
struct World {
    lane: Lane,
    certificates: BTreeMap<u64, Certificate>,
    settled: u64,
    mark: u64,
}

impl World {
    fn certified(&self, height: u64) -> Option<&Certificate> {
        let slot = self.lane.slot(height)?;
        let held = |c: &&Certificate| c.block == slot.hash && c.view == slot.proposal.view;
        self.certificates.get(&height).filter(held)
    }

    /// A proposal for the stream, if the event is one.
    fn write(&mut self, event: &Event) -> Option<Proposal> {
        let chain = FOUR.chain();
        self.mark += 1;
        match *event {
            Event::Extend { below, orderer } => {
                let (header, _) = self.lane.below((self.lane.height() + 1).saturating_sub(below).max(1));
                Some(propose(next(header, self.mark), 0, Vec::new(), &agency(orderer)))
            }
            Event::Certify(at) => {
                let height = self.settled + 1 + at;
                let slot = self.lane.slot(height)?;
                let certificate = certificate(chain, 0..3, height, slot.proposal.view, slot.hash);
                self.certificates.insert(height, certificate);
                None
            }
            Event::Finalize => {
                self.settled += u64::from(self.certified(self.settled + 1).is_some());
                None
            }
            Event::Change { at, view, heard, repeat } => {
                let height = 1 + at;
                let slot = self.lane.slot(height)?;
                let view = slot.proposal.view + view;
                // A quorum holds the certificate of what is final; of what is not, only agency 0.
                let heard = heard || height <= self.settled;
                let held = self.certificates.get(&height).filter(|_| heard);
                let first = usize::from(!heard);
                let give =
                    |n: usize| status(chain, &agency(n), height, view, held.filter(|_| n == first).cloned());
                let statuses: Vec<Status> = (first..first + 3).map(give).collect();
                let header = match Proposal::obliged(&statuses) {
                    Some(block) if block == slot.hash => slot.proposal.header.clone(),
                    // Superseded meanwhile by those who did not hear of it: nobody here has the block to repeat it.
                    Some(_) => return None,
                    None if repeat => slot.proposal.header.clone(),
                    None => next(self.lane.below(height).0, self.mark),
                };
                Some(propose(header, view, statuses, &agency(usize::from(repeat))))
            }
            Event::Settle(_) => None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Readers of one stream see the same tip at every step, and the same lane in the end, whenever each of them hears
    /// what is final.
    #[test]
    fn readers_agree_whatever_they_settle(events in vec(event(), 1..60)) {
        let mut world = World { lane: lane(), certificates: BTreeMap::new(), settled: 0, mark: 0 };
        let mut readers = [lane(), lane()];
        for (event, sequence) in events.iter().zip(1..) {
            if let Event::Settle(reader) = event {
                readers[*reader].settle(world.settled);
            }
            if let Some(proposal) = world.write(event) {
                for lane in readers.iter_mut().chain([&mut world.lane]) {
                    let _ = lane.offer(proposal.clone(), sequence, &FOUR.epoch);
                }
            }
            for reader in &readers {
                prop_assert_eq!(reader.tip(), world.lane.tip());
                let linked = |pair: &[Slot]| pair[1].proposal.header.prev == pair[0].hash;
                let slots: Vec<Slot> = reader.slots().cloned().collect();
                prop_assert!(slots.windows(2).all(linked));
            }
        }
        for lane in readers.iter_mut().chain([&mut world.lane]) {
            lane.settle(world.settled);
        }
        let [one, other] = &readers;
        prop_assert_eq!(one.base(), other.base());
        prop_assert_eq!(hashes(one), hashes(other));
        prop_assert_eq!(hashes(one), hashes(&world.lane));
    }
}
