//! The kinds of registration, as the record and its readers call them.

use hutong_wire::v1::property::{Grounds, RestrictionType, action::Kind};

pub(super) fn registration(kind: &Kind) -> &'static str {
    match kind {
        Kind::Register(_) => "first",
        Kind::Transfer(_) => "transfer",
        Kind::TransferByLaw(action) if action.grounds() == Grounds::Inheritance => "inheritance",
        Kind::TransferByLaw(_) => "judgment",
        Kind::Mortgage(_) => "mortgage",
        Kind::Discharge(_) => "discharge",
        Kind::AssignMortgage(_) => "mortgage_transfer",
        Kind::ChangeMortgage(_) => "mortgage_change",
        Kind::Restrict(restrict) if restrict.r#type() == RestrictionType::Seizure => "seizure",
        Kind::Restrict(_) => "caveat",
        Kind::Lift(_) => "lifting",
        Kind::Change(_) => "change",
        Kind::Correct(_) => "correction",
        Kind::Cancel(_) => "cancellation",
        Kind::Object(_) => "objection",
        Kind::Suit(_) => "suit",
        Kind::WithdrawObjection(_) => "objection_withdrawal",
        Kind::Notice(_) => "advance_notice",
        Kind::WithdrawNotice(_) => "notice_withdrawal",
        Kind::Subdivide(_) => "subdivision",
        Kind::Merge(_) => "merger",
        Kind::Authorities(_) | Kind::Disclosure(_) => "",
    }
}
