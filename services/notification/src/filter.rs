//! What of the final changes a subscriber wants. The same for streams and webhooks.
//!
//! It says what is wanted, never what may be seen: that is membership's, in `grant`.

use hutong_ledger::{
    contract::Versioned,
    id::{AgencyId, Domain, RecordId},
};
use hutong_peer::FinalTransaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Records or agencies that one filter may name.
pub(crate) const NAMES_MAX: usize = 64;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Its first version.
    Created,
    /// A later version; also of a record that was deleted before.
    Changed,
    Deleted,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Created, Self::Changed, Self::Deleted];

    pub(crate) fn of(change: &Versioned) -> Self {
        match (&change.value, change.version) {
            (None, _) => Self::Deleted,
            (Some(_), 1) => Self::Created,
            (Some(_), _) => Self::Changed,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which changes; each list that is empty lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only changes in these domains. Empty: all that the agency hosts, now and later.
    #[schema(value_type = Vec<String>)]
    pub(crate) domains: Vec<Domain>,
    /// Only changes of records with these ids.
    #[schema(value_type = Vec<String>)]
    pub(crate) records: Vec<RecordId>,
    /// Only these types of change.
    pub(crate) changes: Vec<Kind>,
    /// Only changes by transactions of these agencies.
    #[schema(value_type = Vec<String>)]
    pub(crate) agencies: Vec<AgencyId>,
}

impl Filter {
    /// Whether a change is wanted; its domain is looked at elsewhere, where it also says what is fetched.
    pub(crate) fn wants(&self, tx: &FinalTransaction, change: &Versioned) -> bool {
        fn lets<T: PartialEq>(list: &[T], value: &T) -> bool {
            list.is_empty() || list.contains(value)
        }
        lets(&self.agencies, &tx.agency)
            && lets(&self.records, &change.record)
            && lets(&self.changes, &Kind::of(change))
    }

    /// The field that names too much, if one does.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let lists = [
            ("domains", self.domains.len()),
            ("records", self.records.len()),
            ("changes", self.changes.len()),
            ("agencies", self.agencies.len()),
        ];
        lists.into_iter().find(|(_, length)| *length > NAMES_MAX).map(|(name, _)| name)
    }
}
