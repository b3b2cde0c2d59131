//! Typed configuration: defaults < file (TOML) < environment (`HUTONG_...`) < flags.
//!
//! All faults are reported at once, each with its key and where the value came from, because an operator who
//! fixes one at a time restarts ten times. Values of [`Secret`] never appear in what is printed.

use std::{fmt, fs, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::Serialized,
    util::nest,
    value::{Dict, Map, Value},
};
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};

use crate::Error;

/// What the names of environment variables start with; `__` goes one level down: `HUTONG_HTTP__LISTEN`.
pub const ENV_PREFIX: &str = "HUTONG_";
/// A configuration with more faults than this is another file.
const FAULTS_MAX: usize = 100;

/// The settings of a service. Its `Default` names every key that has a default, and serde refuses unknown ones
/// (`deny_unknown_fields`).
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// What types alone can't say; each fault as `key: what is wrong and what to write instead`.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|fault| format!("  - {fault}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Loads settings. Flags are any serializable struct whose unset options are skipped.
pub fn load<S: Settings>(file: Option<&Path>, flags: &impl Serialize) -> Result<S, Error> {
    let vars = std::env::vars_os();
    let utf8 = vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    load_from(file, utf8, flags)
}

/// As [`load`], with the environment given: a test can't set the process's.
pub fn load_from<S: Settings>(
    file: Option<&Path>,
    vars: impl IntoIterator<Item = (String, String)>,
    flags: &impl Serialize,
) -> Result<S, Error> {
    let defaults = Figment::from(Serialized::defaults(S::default()));
    let known: Dict = defaults.extract().map_err(all)?;
    let mut figment = defaults;
    if let Some(path) = file {
        // Read here, since a file that was asked for and is missing must not be passed over.
        let text =
            fs::read_to_string(path).map_err(|source| Error::ConfigFile { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        let dict = dict(&parse(&name, &text)?)?;
        figment = figment.merge(Layer { name, dict });
    }
    for (name, value) in vars {
        let Some(key) = name.strip_prefix(ENV_PREFIX) else { continue };
        let key = key.to_ascii_lowercase().replace("__", ".");
        // Other programs' variables share the prefix (HUTONG_URL): what is no setting is left alone.
        if key.split('.').next().is_some_and(|first| known.contains_key(first)) {
            let Ok(value) = value.parse::<Value>();
            if let Some(dict) = nest(&key, value).into_dict() {
                figment = figment.merge(Layer { name, dict });
            }
        }
    }
    figment = figment.merge(Layer { name: "the command line".to_owned(), dict: dict(flags)? });
    let values: Dict = figment.extract().map_err(all)?;
    extract(&figment, values)
}

fn all(error: figment::Error) -> Error {
    Error::Config(Faults(error.into_iter().map(|error| error.to_string()).collect()))
}

/// The file as a table. The parser's own report would quote the line, and with it perhaps a secret.
fn parse(name: &str, text: &str) -> Result<toml::Table, Error> {
    text.parse::<toml::Table>().map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count();
        Error::Config(Faults(vec![format!("{name}, line {line}: {}", error.message())]))
    })
}

fn dict(values: &impl Serialize) -> Result<Dict, Error> {
    let mut profiles = Serialized::defaults(values).data().map_err(all)?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// Takes the settings out; at each fault notes it, takes the value away, and goes on to find the next.
fn extract<S: Settings>(figment: &Figment, mut values: Dict) -> Result<S, Error> {
    let mut faults = Vec::new();
    loop {
        match Value::from(values.clone()).deserialize::<S>() {
            Ok(settings) => {
                faults.extend(settings.faults());
                return if faults.is_empty() { Ok(settings) } else { Err(Error::Config(Faults(faults))) };
            }
            Err(errors) => {
                let mut repaired = false;
                for error in errors {
                    let path = path_of(&error);
                    faults.push(describe(figment, &path, &error.kind));
                    repaired |= repair::<S>(&mut values, &path);
                }
                if !repaired || faults.len() > FAULTS_MAX {
                    return Err(Error::Config(Faults(faults)));
                }
            }
        }
    }
}

/// Where the value that is wrong lies; for an unknown or missing field, where that field would.
fn path_of(error: &figment::Error) -> Vec<String> {
    let mut path = error.path.clone();
    let name = match &error.kind {
        Kind::UnknownField(name, _) => name.as_str(),
        Kind::MissingField(name) => name,
        _ => return path,
    };
    if path.last().is_none_or(|last| last != name) {
        path.push(name.to_owned());
    }
    path
}

fn describe(figment: &Figment, path: &[String], kind: &Kind) -> String {
    let key = path.join(".");
    let Some(Metadata { name, .. }) = figment.find_metadata(&key) else { return format!("{key}: {kind}") };
    // What stands in a value may be a secret, so a type error says which type was found, not what.
    let what = match kind {
        Kind::InvalidType(found, expected) => format!("expected {expected}, found {}", type_name(found)),
        Kind::UnknownField(_, known) => format!("no such setting; known are {}", known.join(", ")),
        Kind::UnknownVariant(_, known) => format!("must be one of {}", known.join(", ")),
        Kind::InvalidValue(_, expected) => format!("expected {expected}"),
        other => other.to_string(),
    };
    format!("{key}: {what} (from {name})")
}

fn type_name(found: &figment::error::Actual) -> String {
    found.to_string().split([' ', '`']).find(|word| !word.is_empty()).unwrap_or("something else").to_owned()
}

/// Puts the default in the place of a wrong value, or takes the value away. Says whether that changed anything.
fn repair<S: Settings>(values: &mut Dict, path: &[String]) -> bool {
    let Some((last, folders)) = path.split_last() else { return false };
    let default = Figment::from(Serialized::defaults(S::default())).find_value(&path.join(".")).ok();
    let mut dict = values;
    for folder in folders {
        match dict.get_mut(folder) {
            Some(Value::Dict(_, inner)) => dict = inner,
            _ => return false,
        }
    }
    match default {
        Some(default) if dict.get(last) != Some(&default) => dict.insert(last.clone(), default).is_some(),
        _ => dict.remove(last).is_some(),
    }
}

/// Values under the name of where they came from.
struct Layer {
    name: String,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

/// The settings as a TOML file that would give them, secrets aside.
pub fn print_config(settings: &impl Serialize) -> Result<String, Error> {
    toml::to_string(settings).map_err(|error| Error::Config(Faults(vec![error.to_string()])))
}

/// A value that is used but never shown: not in `Debug`, not in `--print-config`. Have no default for one, or
/// an `Option` that is none.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value. Take it only where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(secret)")
    }
}

#[cfg(test)]
mod tests;
