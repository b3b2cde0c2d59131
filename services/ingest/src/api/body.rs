//! Reads what is submitted: JSON or protobuf, one transaction or a batch. A transaction of a batch that does not decode
//! spoils only itself.

use std::fmt;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_ledger::transaction::Transaction;
use hutong_peer::ingest::{Code, Rejected, SUBMISSION_TRANSACTIONS_MAX};
use hutong_runtime::http::{Json, Problem, RawBody};
use hutong_wire::{
    transaction::{decode_group, decode_transaction},
    v1,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

/// Whether the answer is for one transaction or for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Single,
    Batch,
}

/// What was submitted.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) form: Form,
    pub(super) transactions: Vec<Result<Transaction, Rejected>>,
}

/// A transaction as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransactionForm {
    /// The encoded TransactionBody that was signed, in base64.
    body: String,
    signatures: Vec<SignatureForm>,
}

/// One agency's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureForm {
    #[schema(example = "natural-resources")]
    agency: String,
    /// 16 hex digits.
    #[schema(example = "b62e867fa2f33afe")]
    key_id: String,
    /// 64 bytes, in base64.
    bytes: String,
}

/// Reads a request's body by its media type.
pub(super) async fn read(request: Request) -> Result<Submission, Problem> {
    let submission = match media_type(request.headers()) {
        MediaType::Json => {
            let Json(forms) = Json::<Forms>::from_request(request, &()).await?;
            let transactions = forms.transactions.into_iter().map(transaction).collect();
            Submission { form: forms.form, transactions }
        }
        MediaType::Transaction => {
            let decoded = decode_transaction(body(request).await?).map_err(Rejected::from);
            Submission { form: Form::Single, transactions: vec![decoded] }
        }
        MediaType::Group => {
            let group = decode_group(body(request).await?).map_err(|error| malformed(error.to_string()))?;
            let transactions = group.into_iter().map(|tx| tx.map_err(Rejected::from)).collect();
            Submission { form: Form::Batch, transactions }
        }
        MediaType::Other => {
            return Err(Problem::new(
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send application/json, or application/x-protobuf with messageType=\"hutong.v1.Transaction\" \
                 (the default) or \"hutong.v1.TransactionGroup\".",
            ));
        }
    };
    match submission.transactions.len() {
        0 => Err(malformed("the batch is empty")),
        1..=SUBMISSION_TRANSACTIONS_MAX => Ok(submission),
        count => Err(Problem::new(
            "too_large",
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("A batch has at most {SUBMISSION_TRANSACTIONS_MAX} transactions; this one has {count}."),
        )),
    }
}

async fn body(request: Request) -> Result<Bytes, Problem> {
    Ok(RawBody::from_request(request, &()).await?.0)
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new("malformed", StatusCode::BAD_REQUEST, detail)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MediaType {
    Json,
    Transaction,
    Group,
    Other,
}

fn media_type(headers: &HeaderMap) -> MediaType {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let message = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("messageType").then(|| value.trim().trim_matches('"'))
    });
    match (essence.as_str(), message) {
        ("application/json", _) => MediaType::Json,
        ("application/x-protobuf" | "application/protobuf", None | Some("hutong.v1.Transaction")) => {
            MediaType::Transaction
        }
        ("application/x-protobuf" | "application/protobuf", Some("hutong.v1.TransactionGroup")) => {
            MediaType::Group
        }
        _ => MediaType::Other,
    }
}

fn transaction(form: TransactionForm) -> Result<Transaction, Rejected> {
    let bad =
        |field: &str, reason: &dyn fmt::Display| Rejected::new(Code::Malformed, format!("{field}: {reason}"));
    let signatures = form.signatures.into_iter().map(|signature| {
        let key_id = hex::decode(&signature.key_id).map_err(|error| bad("signatures.key_id", &error))?;
        let bytes = STANDARD.decode(&signature.bytes).map_err(|error| bad("signatures.bytes", &error))?;
        Ok(v1::Signature { agency: signature.agency, key_id: key_id.into(), bytes: bytes.into() })
    });
    let message = v1::Transaction {
        body: STANDARD.decode(&form.body).map_err(|error| bad("body", &error))?.into(),
        signatures: signatures.collect::<Result<_, Rejected>>()?,
    };
    Ok(Transaction::try_from(message)?)
}

/// The JSON forms: a transaction, a list of them, or an object that holds the list.
#[derive(Debug)]
struct Forms {
    form: Form,
    transactions: Vec<TransactionForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    body: Option<String>,
    signatures: Option<Vec<SignatureForm>>,
    transactions: Option<Vec<TransactionForm>>,
}

impl<'de> Deserialize<'de> for Forms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormsVisitor)
    }
}

struct FormsVisitor;

impl<'de> Visitor<'de> for FormsVisitor {
    type Value = Forms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a transaction, a list of transactions, or an object with transactions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Forms, A::Error> {
        let mut transactions = Vec::new();
        while let Some(transaction) = list.next_element()? {
            transactions.push(transaction);
        }
        Ok(Forms { form: Form::Batch, transactions })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Forms, A::Error> {
        use serde::de::Error;
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        match (fields.body, fields.signatures, fields.transactions) {
            (Some(body), Some(signatures), None) => {
                Ok(Forms { form: Form::Single, transactions: vec![TransactionForm { body, signatures }] })
            }
            (None, None, Some(transactions)) => Ok(Forms { form: Form::Batch, transactions }),
            (Some(_), None, None) => Err(A::Error::missing_field("signatures")),
            (None, _, None) => Err(A::Error::missing_field("body")),
            _ => Err(A::Error::custom("either body and signatures, or transactions")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_says_what_is_sent() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            media_type(&headers)
        };
        assert_eq!(of("application/json; charset=utf-8"), MediaType::Json);
        assert_eq!(of("application/x-protobuf"), MediaType::Transaction);
        let group = "Application/X-Protobuf; messageType=\"hutong.v1.TransactionGroup\"";
        assert_eq!(of(group), MediaType::Group);
        assert_eq!(of("application/x-protobuf; messageType=hutong.v1.Segment"), MediaType::Other);
        assert_eq!(of("text/plain"), MediaType::Other);
    }

    #[test]
    fn json_comes_in_three_forms() {
        let one = r#"{"body":"","signatures":[]}"#;
        let forms = |text: &str| serde_json::from_str::<Forms>(text);
        assert_eq!(forms(one).unwrap().form, Form::Single);
        for batch in [format!("[{one},{one}]"), format!(r#"{{"transactions":[{one},{one}]}}"#)] {
            let forms = forms(&batch).unwrap();
            assert_eq!((forms.form, forms.transactions.len()), (Form::Batch, 2));
        }
        for wrong in
            ["7", "{}", r#"{"body":""}"#, r#"{"body":"","signatures":[],"transactions":[]}"#, r#"{"x":1}"#]
        {
            assert!(forms(wrong).is_err(), "{wrong}");
        }
        assert!(forms(&"[".repeat(1_000_000)).is_err());
    }
}
