//! Building and signing transactions. The bytes that the first signer signs are the transaction from then on.

use bytes::Bytes;
use hutong_ledger::{
    hash::Tag,
    id::{AgencyId, ChainId, Domain},
    transaction::{Body, Signature, Transaction},
};

use crate::{Error, Signer};

/// A transaction in the making.
#[derive(Clone, Debug)]
pub struct TransactionBuilder {
    body: Body,
}

impl TransactionBuilder {
    /// A transaction that an agency submits and signs, for a domain of a chain, void after a time (Unix milliseconds,
    /// against block time, at most 30 days ahead). Its nonce is random.
    pub fn new(chain: ChainId, domain: Domain, agency: AgencyId, not_after_ms: u64) -> Result<Self, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| Error::Build(format!("no random bytes: {error}")))?;
        let signers = vec![agency];
        let (actor, action) = (String::new(), Bytes::new());
        Ok(Self { body: Body { chain, domain, agency, signers, actor, nonce, not_after_ms, action } })
    }

    /// Another agency that must sign.
    #[must_use]
    pub fn signer(mut self, agency: AgencyId) -> Self {
        if let Err(place) = self.body.signers.binary_search(&agency) {
            self.body.signers.insert(place, agency);
        }
        self
    }

    /// The pseudonym of the official or system that acts.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.body.actor = actor.into();
        self
    }

    /// A nonce of one's own: the same body with the same nonce is the same transaction, whoever submits it how often.
    #[must_use]
    pub fn nonce(mut self, nonce: [u8; 16]) -> Self {
        self.body.nonce = nonce;
        self
    }

    #[must_use]
    pub fn not_after_ms(mut self, not_after_ms: u64) -> Self {
        self.body.not_after_ms = not_after_ms;
        self
    }

    /// The domain's action, encoded.
    #[must_use]
    pub fn action(mut self, action: impl Into<Bytes>) -> Self {
        self.body.action = action.into();
        self
    }

    /// The transaction, signed by those whose keys are at hand. Others add theirs with [`cosign`].
    pub fn sign(self, signers: &[&Signer]) -> Result<Transaction, Error> {
        let bytes = hutong_wire::transaction::encode_body(&self.body);
        let mut transaction = Transaction::new(bytes, self.body, Vec::new());
        let Body { chain, domain, .. } = transaction.body;
        transaction.check_form(chain, domain).map_err(|void| Error::Build(void.to_string()))?;
        for signer in signers {
            cosign(&mut transaction, signer)?;
        }
        Ok(transaction)
    }
}

/// Adds an agency's signature, or replaces the one it has.
pub fn cosign(transaction: &mut Transaction, signer: &Signer) -> Result<(), Error> {
    let agency = signer.agency;
    if transaction.body.signers.binary_search(&agency).is_err() {
        return Err(Error::NotASigner { agency });
    }
    let bytes = signer.key().sign(&Tag::Transaction.message(&transaction.body_bytes));
    transaction.signatures.retain(|signature| signature.agency != agency);
    transaction.signatures.push(Signature { agency, key: signer.key_id(), bytes });
    Ok(())
}

#[cfg(test)]
mod tests {
    use hutong_keys::SigningKey;
    use hutong_ledger::hash::verify_ed25519;

    use super::*;

    fn signer(agency: &str, seed: u8) -> Signer {
        Signer::new(agency.parse().unwrap(), SigningKey::from_seed(&[seed; 32]))
    }

    fn builder() -> TransactionBuilder {
        let chain = "city-0011223344556677".parse().unwrap();
        let beta = "beta".parse().unwrap();
        TransactionBuilder::new(chain, "property".parse().unwrap(), beta, 1_000).unwrap()
    }

    #[test]
    fn several_agencies_sign_the_same_bytes() {
        let (alpha, beta) = (signer("alpha", 1), signer("beta", 2));
        let mut tx =
            builder().signer(alpha.agency).signer(alpha.agency).actor("clerk").sign(&[&beta]).unwrap();
        let id = tx.id;
        cosign(&mut tx, &alpha).unwrap();
        cosign(&mut tx, &alpha).unwrap();
        assert_eq!((tx.id, tx.signatures.len()), (id, 2));
        for (signature, signer) in tx.signatures.iter().zip([&beta, &alpha]) {
            assert_eq!((signature.agency, signature.key), (signer.agency, signer.key_id()));
            assert!(verify_ed25519(&signer.key().public().0, &tx.message(), &signature.bytes));
        }
        let sent = hutong_wire::transaction::encode_group([&tx]);
        let read = hutong_wire::transaction::decode_group(sent).unwrap().remove(0).unwrap();
        assert_eq!(read, tx);
    }

    #[test]
    fn what_no_city_would_take_is_not_made() {
        assert!(matches!(builder().sign(&[&signer("zeta", 3)]), Err(Error::NotASigner { .. })));
        assert!(matches!(builder().actor("a".repeat(129)).sign(&[]), Err(Error::Build(_))));
        assert!(matches!(builder().action(vec![0; 70_000]).sign(&[]), Err(Error::Build(_))));
    }

    #[test]
    fn two_are_never_the_same_unless_their_nonce_is() {
        let id = |builder: TransactionBuilder| builder.sign(&[]).unwrap().id;
        assert_ne!(id(builder()), id(builder()));
        assert_eq!(id(builder().nonce([1; 16])), id(builder().nonce([1; 16])));
    }
}
