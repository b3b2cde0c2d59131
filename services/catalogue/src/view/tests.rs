//! The index against a model that keeps whole records and looks at every one of them.

use hutong_ledger::hash::Hash;
use hutong_wire::v1::catalogue::SharingClass;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const IDS: [&str; 5] = ["-", "0", "a", "a-b", "b"];
const WORDS: [&str; 5] = ["Land", "landing", "tax", "税务", "data-bureau"];

fn versioned(prefix: &str, id: &str, value: Option<Vec<u8>>) -> Versioned {
    let record = format!("{prefix}{id}").parse().unwrap();
    Versioned { record, version: 1, value: value.map(Into::into), hash: Hash::ZERO }
}

/// All pages of a search.
fn pages(limit: usize, mut search: impl FnMut(Option<String>, usize) -> Page) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let page = search(found.last().cloned(), limit);
        assert!(page.ids.len() <= limit && (!page.more || page.ids.len() == limit));
        found.extend(page.ids.iter().map(ToString::to_string));
        if !page.more {
            return found;
        }
        assert!(!page.ids.is_empty(), "a page that has a next one has items");
    }
}

/// What each word of a search must be the beginning of.
fn speaks_of(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let word = word.to_lowercase();
    // 税 and 务 stand for themselves.
    if !word.is_ascii() {
        return word.chars().all(|letter| text.contains(letter));
    }
    word.split('-').all(|part| {
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(|candidate| candidate.starts_with(part))
    })
}

#[derive(Clone, Debug)]
struct Published {
    id: &'static str,
    domain: &'static str,
    class: SharingClass,
    title: String,
    /// 0 deleted, 1 withdrawn, 2 bytes that are no dataset, else published.
    fate: u8,
}

fn published() -> impl Strategy<Value = Published> {
    let classes = vec![SharingClass::Unconditional, SharingClass::Conditional];
    let title = vec(select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "));
    (select(&IDS[..]), select(&["property", "health"][..]), select(classes), title, 0_u8..10)
        .prop_map(|(id, domain, class, title, fate)| Published { id, domain, class, title, fate })
}

impl Published {
    fn change(&self) -> Versioned {
        let dataset = wire::Dataset {
            id: self.id.into(),
            domain: self.domain.into(),
            sharing: self.class.into(),
            title: self.title.clone(),
            withdrawn_ms: u64::from(self.fate == 1),
            ..wire::Dataset::default()
        };
        let value = match self.fate {
            0 => None,
            2 => Some(vec![0xff; 9]),
            _ => Some(dataset.encode_to_vec()),
        };
        versioned(DATASETS, self.id, value)
    }
}

#[derive(Clone, Debug)]
struct Agreed {
    id: &'static str,
    consumer: &'static str,
    from_ms: u64,
    until_ms: u64,
    revoked: bool,
}

fn agreed() -> impl Strategy<Value = Agreed> {
    let times = (0_u64..20, 1_u64..20);
    (select(&IDS[..]), select(&["justice", "housing"][..]), times, prop::bool::weighted(0.2)).prop_map(
        |(id, consumer, (from_ms, lasts), revoked)| Agreed {
            id,
            consumer,
            from_ms,
            until_ms: from_ms + lasts,
            revoked,
        },
    )
}

impl Agreed {
    fn change(&self) -> Versioned {
        let agreement = wire::Agreement {
            id: self.id.into(),
            owner: "land".into(),
            consumer: self.consumer.into(),
            domain: "property".into(),
            from_ms: self.from_ms,
            until_ms: self.until_ms,
            revoked_ms: u64::from(self.revoked),
            ..wire::Agreement::default()
        };
        versioned(AGREEMENTS, self.id, Some(agreement.encode_to_vec()))
    }

    fn is_active(&self, now_ms: u64) -> bool {
        !self.revoked && self.from_ms <= now_ms && now_ms < self.until_ms
    }
}

proptest! {
    #[test]
    fn datasets_are_found_as_a_look_at_everything_finds_them(
        published in vec(published(), 0..30),
        limit in 1_usize..4,
    ) {
        let mut view = View::default();
        let mut last = BTreeMap::new();
        for published in published {
            view.apply(&published.change());
            last.insert(published.id, published);
        }
        let domains = [None, Some("property"), Some("health"), Some("none")];
        let classes = [None, Some(SharingClass::Unconditional), Some(SharingClass::NotShared)];
        let texts = [None, Some("la"), Some("LAND ta"), Some("landing"), Some("务 bur"), Some("data-bureau"), Some("x")];
        for (domain, class, text) in domains.into_iter().flat_map(|domain| {
            classes.into_iter().flat_map(move |class| texts.into_iter().map(move |text| (domain, class, text)))
        }) {
            let fits = |published: &&Published| {
                let text_of = format!("{} {} {}", published.id, published.domain, published.title);
                published.fate > 2
                    && domain.is_none_or(|domain| published.domain == domain)
                    && class.is_none_or(|class| published.class == class)
                    && text.is_none_or(|text| text.split(' ').all(|word| speaks_of(&text_of, word)))
            };
            let expected: Vec<_> = last.values().filter(fits).map(|p| p.id.to_owned()).collect();
            let found = pages(limit, |after, limit| {
                let mut query = Query::new(after, limit);
                query.and(domain.map(|domain| Key::Domain(domain.into())));
                query.and(class.map(|class| Key::Class(class.into())));
                assert!(query.text(text.unwrap_or_default()));
                view.datasets(&query)
            });
            prop_assert_eq!(found, expected, "{:?} {:?} {:?}", domain, class, text);
        }
    }

    #[test]
    fn agreements_are_active_when_their_terms_say_so(
        steps in vec((agreed(), 0_u64..6), 0..30),
        limit in 1_usize..4,
    ) {
        let mut view = View::default();
        let mut last = BTreeMap::new();
        let mut now_ms = 0;
        for (agreed, passes) in steps {
            view.apply(&agreed.change());
            last.insert(agreed.id, agreed);
            now_ms += passes;
            if view.is_due(now_ms) {
                view.settle(now_ms);
            }
            for active in [true, false] {
                for consumer in [None, Some("justice")] {
                    let fits = |agreed: &&Agreed| {
                        agreed.is_active(now_ms) == active && consumer.is_none_or(|name| agreed.consumer == name)
                    };
                    let expected: Vec<_> = last.values().filter(fits).map(|a| a.id.to_owned()).collect();
                    let found = pages(limit, |after, limit| {
                        let mut query = Query::new(after, limit);
                        query.and(Some(Key::Active(active)));
                        query.and(consumer.map(|name| Key::Consumer(name.into())));
                        view.agreements(&query)
                    });
                    prop_assert_eq!(found, expected, "at {}", now_ms);
                }
            }
        }
        // Once all are over, nothing is waited for.
        view.settle(1000);
        prop_assert!(view.terms.is_empty() && view.turns.is_empty());
    }
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let mut view = View::default();
    view.settle(10);
    let agreed = Agreed { id: "a", consumer: "justice", from_ms: 5, until_ms: 8, revoked: false };
    view.apply(&agreed.change());
    view.settle(6);
    let mut query = Query::new(None, 9);
    query.and(Some(Key::Active(false)));
    assert_eq!(view.agreements(&query).ids, ["a".into()]);
}

#[test]
fn a_search_of_too_many_words_is_none() {
    let words = |count: usize| (0..count).map(|n| format!("w{n} ")).collect::<String>();
    assert!(Query::new(None, 1).text(&words(WORDS_MAX)));
    assert!(!Query::new(None, 1).text(&words(WORDS_MAX + 1)));
}
