//! What a vault's calls travel in: whoever runs the bus carries tokens, resident ids, values and handles, and reads none.
//!
//! A call is sealed to the vault's agency's registered sealing key, its answer under a key that is in the call. So an
//! answer that opens is also one of whoever could open the call.

use bytes::Bytes;
use hutong_keys::{SealingKey, aead::AeadKey, random_bytes, seal};
use hutong_ledger::id::AgencyId;
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, reply},
};

use super::convert::Bad;

const CALL_INFO: &[u8] = b"hutong/v1/vault-call\0";

/// Opens the answer to one call, or seals it.
pub(super) struct AnswerKey(AeadKey);

/// A call as it travels, and what opens its answer.
pub(super) fn close(
    agency: &AgencyId,
    public: &[u8; 32],
    token: &str,
    call: v1::request::Call,
) -> Result<(Bytes, AnswerKey), hutong_keys::Error> {
    let secret: [u8; 32] = random_bytes()?;
    let request = v1::Request {
        token: token.to_owned(),
        call: Some(call),
        answer_key: Bytes::copy_from_slice(&secret),
    };
    let (encapsulated, ciphertext) =
        seal(public, CALL_INFO, agency.as_str().as_bytes(), &request.encode_to_vec())?;
    let call = v1::Call { encapsulated: encapsulated.to_vec().into(), ciphertext: ciphertext.into() };
    Ok((call.encode_to_vec().into(), AnswerKey(AeadKey::new(&secret))))
}

/// The call in what came, with the key for its answer.
pub(super) fn open(
    agency: &AgencyId,
    key: &SealingKey,
    payload: Bytes,
) -> Result<(String, v1::request::Call, AnswerKey), Bad> {
    let call = v1::Call::decode(payload).map_err(|_| "the call")?;
    let opened = key.open(&call.encapsulated, CALL_INFO, agency.as_str().as_bytes(), &call.ciphertext);
    let opened = opened.map_err(|_| "the key that the call is sealed to")?;
    let request = v1::Request::decode(&opened[..]).map_err(|_| "the request")?;
    let secret: [u8; 32] = request.answer_key[..].try_into().map_err(|_| "the answer key")?;
    Ok((request.token, request.call.ok_or("the request")?, AnswerKey(AeadKey::new(&secret))))
}

impl AnswerKey {
    pub(super) fn close(
        &self,
        agency: &AgencyId,
        answer: v1::response::Answer,
    ) -> Result<Bytes, hutong_keys::Error> {
        let response = v1::Response { answer: Some(answer) }.encode_to_vec();
        let sealed = self.0.seal(agency.as_str().as_bytes(), &response)?;
        Ok(v1::Reply { reply: Some(reply::Reply::Sealed(sealed.into())) }.encode_to_vec().into())
    }

    pub(super) fn open(&self, agency: &AgencyId, sealed: &[u8]) -> Result<v1::response::Answer, Bad> {
        let opened = self.0.open(agency.as_str().as_bytes(), sealed).map_err(|_| "the answer's seal")?;
        v1::Response::decode(&opened[..]).ok().and_then(|response| response.answer).ok_or("the answer")
    }
}

/// An answer to what was not opened, or not looked at.
pub(super) fn refusal(refused: v1::Refused) -> Bytes {
    v1::Reply { reply: Some(reply::Reply::Refused(refused)) }.encode_to_vec().into()
}
