//! Messages as contracts read them: actions in exactly their form, since bytes of no meaning could hide a value that must
//! not stand on a ledger, and records as an earlier transaction left them.

use hutong_ledger::{
    contract::{Refusal, View},
    id::RecordId,
};
use hutong_wire::prost::Message;

/// Decodes a message that is written in the one canonical way: fields in ascending order, defaults left out, nothing
/// unknown and nothing twice. Everything else is refused as `malformed_action`.
pub fn decode_strict<M: Message + Default>(bytes: &[u8]) -> Result<M, Refusal> {
    let message = M::decode(bytes).map_err(|error| Refusal::malformed(error.to_string()))?;
    // Equal lengths would not do: a number that grows when it is written again makes room for others' bytes.
    if message.encoded_len() != bytes.len() || message.encode_to_vec() != bytes {
        let told = "it carries fields that its form does not know, or is not written in the canonical way";
        return Err(Refusal::malformed(told));
    }
    Ok(message)
}

/// A record of the own domain as it stands; None if there is none. One that does not decode is a fault of the contract.
pub fn stored<M: Message + Default>(state: &View<'_>, record: &RecordId) -> Result<Option<M>, Refusal> {
    let decode = |value: &bytes::Bytes| {
        M::decode(value.as_ref())
            .map_err(|e| Refusal::fault(format!("the record {record} does not decode: {e}")))
    };
    state.get(record).map(decode).transpose()
}

#[cfg(test)]
mod tests {
    use hutong_wire::v1::disclosure::{Consent, Erasure, GiveConsent};
    use proptest::prelude::*;

    use super::*;

    fn consent() -> GiveConsent {
        GiveConsent {
            handle: vec![1; 16].into(),
            id: "0123456789abcdef".into(),
            fields: vec!["name".into(), "phone".into()],
            until_ms: 9,
            ..GiveConsent::default()
        }
    }

    #[test]
    fn the_canonical_form_alone_passes() {
        let bytes = consent().encode_to_vec();
        assert_eq!(decode_strict::<GiveConsent>(&bytes).unwrap(), consent());
        let with = |more: &[u8]| [&bytes, more].concat();
        let hiding: [&[u8]; 5] = [
            b"\x7a\x06secret", // field 15, which nobody knows
            b"\x98\x3f\x07",   // field 1011
            b"\x40\x09",       // field 8 again
            b"\x12\x01a",      // field 2 again: the last one counts
            b"\x38\x00",       // a default
        ];
        for more in hiding {
            let refusal = decode_strict::<GiveConsent>(&with(more)).unwrap_err();
            assert_eq!(refusal.code, "malformed_action", "{more:?}");
        }
        assert_eq!(decode_strict::<GiveConsent>(b"\x40\x89\x00").unwrap_err().code, "malformed_action");
        assert_eq!(decode_strict::<GiveConsent>(b"\xff").unwrap_err().code, "malformed_action");
    }

    /// A status of 32 bits is written in five bytes and again in ten: there would be room for five others.
    #[test]
    fn growing_numbers_make_no_room() {
        let grown = [b"\x28\xff\xff\xff\xff\x0f".as_slice(), b"\x7a\x03abc"].concat();
        assert_eq!(Erasure::decode(&grown[..]).unwrap().encoded_len(), grown.len());
        assert!(decode_strict::<Erasure>(&grown).is_err());
    }

    proptest! {
        #[test]
        fn what_passes_is_written_the_same_again(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(consent) = decode_strict::<Consent>(&bytes) {
                prop_assert_eq!(consent.encode_to_vec(), bytes);
            }
        }
    }
}
