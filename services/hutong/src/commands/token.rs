//! `hutong token`: prints a bearer token of an agency, of an official of it, or of a development persona, as the last
//! word of its output.

use hutong_keys::{KeyFile, mint_token_for};
use hutong_ledger::epoch::Purpose;
use hutong_runtime::{Clock, SystemClock};
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{
        CityError, found,
        layout::{City, Layout},
        personas::{Personas, TOKEN_TTL_S},
    },
    cli::Token,
};

pub(super) fn run(context: &Context, args: &Token) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    let city: City = found::read_json(&layout.city())?;
    let now_s = SystemClock::new().unix_ms() / 1000;
    let (result, token) = match (&args.agency, &args.persona) {
        (Some(agency), _) => {
            let key = KeyFile::load(&layout.key(agency, Purpose::Signing)).map_err(CityError::from)?;
            let key = key.signing_key().map_err(CityError::from)?;
            let (chain, official) = (city.chain.as_str(), args.official.as_deref());
            let token = mint_token_for(&key, agency.as_str(), chain, official, now_s, args.ttl);
            let token = token.map_err(CityError::from)?;
            let result = json!({
                "agency": agency, "official": official, "expires_in_s": args.ttl, "token": token,
            });
            (result, token)
        }
        (None, Some(name)) => {
            let token = persona_token(&layout, &city, name, now_s)?;
            let result = json!({ "persona": name, "expires_in_s": TOKEN_TTL_S, "token": token });
            (result, token)
        }
        (None, None) => return Err(CommandError::Usage("whose token? --agency or --persona".into())),
    };
    context.output.result(&result, |_| token.clone());
    Ok(())
}

/// The token of a development persona of a city.
pub(super) fn persona_token(
    layout: &Layout,
    city: &City,
    name: &str,
    now_s: u64,
) -> Result<String, CommandError> {
    let personas = Personas::load(layout, city.chain, &city.url)?;
    personas.token(name, now_s).ok_or_else(|| {
        let names = personas.citizens().join(", ");
        let told = match names.as_str() {
            "" => "this city has no personas: it listens on a network address".to_owned(),
            names => format!("there is no persona {name}; citizens are {names}"),
        };
        CommandError::Usage(told)
    })
}
