//! Datasets: what a domain holds of one record type, told by the domain's owner.

use std::collections::BTreeSet;

use hutong_disclosure::stored;
use hutong_ledger::{
    contract::{Change, Refusal, Verified, View},
    id::RecordId,
    sealed::is_field_name,
};
use hutong_wire::{
    prost::Message,
    v1::catalogue::{self as wire, SharingClass},
};

use super::{by_owner, form};

/// Before the id, in a record's name.
pub const DATASETS: &str = "dataset/";

const FIELDS_MAX: usize = 64;
const KEYWORDS_MAX: usize = 32;

const INVALID: form::Form = form::Form { code: "dataset_invalid" };

/// The record of a dataset.
pub fn dataset_record(id: &str) -> Result<RecordId, Refusal> {
    form::record(DATASETS, id, INVALID.code)
}

pub(super) fn named(publish: &wire::PublishDataset) -> Result<&wire::Dataset, Refusal> {
    publish.dataset.as_ref().ok_or_else(|| INVALID.no("dataset", "the dataset is missing"))
}

/// Whether a dataset is well formed, whoever publishes it.
pub fn check_dataset(dataset: &wire::Dataset) -> Result<(), Refusal> {
    dataset_record(&dataset.id)?;
    INVALID.name(&dataset.record_type, "record_type")?;
    INVALID.line(&dataset.title, 256, "title")?;
    INVALID.lines(&dataset.description, 4096, "description")?;
    check_fields(&dataset.fields)?;
    if matches!(SharingClass::try_from(dataset.sharing), Err(_) | Ok(SharingClass::Unspecified)) {
        return Err(INVALID.no("sharing", "unconditional, conditional or not shared"));
    }
    INVALID.count(dataset.keywords.len(), 0, KEYWORDS_MAX, "keywords")?;
    dataset.keywords.iter().try_for_each(|keyword| INVALID.line(keyword, 64, "keywords"))?;
    if dataset.keywords.iter().collect::<BTreeSet<_>>().len() < dataset.keywords.len() {
        return Err(INVALID.no("keywords", "each once"));
    }
    if !dataset.theme.is_empty() {
        INVALID.iri(&dataset.theme, "theme")?;
    }
    INVALID.path(&dataset.endpoint, "endpoint")?;
    if !dataset.media_type.is_empty() {
        INVALID.media_type(&dataset.media_type, "media_type")?;
    }
    let times = [dataset.issued_ms, dataset.modified_ms, dataset.withdrawn_ms];
    if times.into_iter().any(|time| time > 0) {
        return Err(INVALID.no("modified_ms", "the times are set when it is decided"));
    }
    Ok(())
}

fn check_fields(fields: &[wire::Field]) -> Result<(), Refusal> {
    INVALID.count(fields.len(), 1, FIELDS_MAX, "fields")?;
    let mut names = BTreeSet::new();
    for field in fields {
        INVALID.name(&field.name, "fields")?;
        if field.sealed && !is_field_name(&field.name) {
            return Err(INVALID.no("fields", "a sealed field's name is of a-z, 0-9, _, - and ."));
        }
        if !field.description.is_empty() {
            INVALID.line(&field.description, 256, "fields")?;
        }
        if !names.insert(&field.name) {
            return Err(INVALID.no("fields", format!("the field {} is there twice", field.name)));
        }
    }
    Ok(())
}

pub(super) fn publish(
    action: &wire::PublishDataset,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Change, Refusal> {
    let dataset = named(action)?;
    check_dataset(dataset)?;
    by_owner(&dataset.domain, tx, state)?;
    let record = dataset_record(&dataset.id)?;
    let before = stored::<wire::Dataset>(state, &record)?;
    if before.as_ref().is_some_and(|before| before.domain != dataset.domain) {
        let message = "a dataset of another domain has this id";
        return Err(Refusal::new("dataset_taken", message).at("id"));
    }
    let mut dataset = dataset.clone();
    dataset.issued_ms = before.map_or(state.time_ms, |before| before.issued_ms);
    dataset.modified_ms = state.time_ms;
    Ok(Change::put(record, dataset.encode_to_vec()))
}

pub(super) fn withdraw(
    action: &wire::WithdrawDataset,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Change, Refusal> {
    let record = dataset_record(&action.id)?;
    let unknown = || Refusal::new("dataset_unknown", format!("{record} was never published")).at("id");
    let mut dataset = stored::<wire::Dataset>(state, &record)?.ok_or_else(unknown)?;
    by_owner(&dataset.domain, tx, state)?;
    if dataset.withdrawn_ms > 0 {
        return Err(Refusal::new("dataset_withdrawn", format!("{record} is withdrawn already")).at("id"));
    }
    dataset.withdrawn_ms = state.time_ms;
    dataset.modified_ms = state.time_ms;
    Ok(Change::put(record, dataset.encode_to_vec()))
}
