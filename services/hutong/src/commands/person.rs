//! Calls in a person's name.

use std::io::Read;

use hutong_client::Client;
use hutong_runtime::{Clock, SystemClock};

use super::{CommandError, Context, token::persona_token};
use crate::{
    city::{self, layout::Layout},
    cli::Person,
};

impl Context {
    /// A client that calls as a person.
    pub(super) fn person(&self, person: &Person) -> Result<Client, CommandError> {
        let city = self.city()?;
        let token = match (&person.persona, &person.token) {
            (Some(name), _) => {
                let layout = Layout::new(&self.global.data);
                let known: city::layout::City = city::found::read_json(&layout.city())?;
                persona_token(&layout, &known, name, SystemClock::new().unix_ms() / 1000)?
            }
            (None, Some(path)) => {
                let failed = |source| CommandError::Io { path: path.clone(), source };
                let mut token = String::new();
                if path.as_os_str() == "-" {
                    std::io::stdin().read_to_string(&mut token).map_err(failed)?;
                } else {
                    token = std::fs::read_to_string(path).map_err(failed)?;
                }
                token.trim().to_owned()
            }
            (None, None) => return Err(CommandError::Usage("whose call is it? --persona or --token".into())),
        };
        Ok(Client::bearing(&city.url, city.chain, token)?)
    }
}
