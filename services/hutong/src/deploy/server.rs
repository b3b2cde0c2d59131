//! The configuration of the NATS servers: users with their public keys and permissions, JetStream that syncs before it
//! acknowledges, TLS. No secret is in it.

use std::fmt::Write as _;

use super::broker::{Permissions, Role};

/// The largest message: a segment of a block with its headers.
const MAX_PAYLOAD: &str = "2MB";

/// One server's place among the others, as its configuration names it.
#[derive(Clone, Debug)]
pub struct Server {
    pub name: String,
    /// Where clients connect.
    pub listen: String,
    /// Where its operator asks it how it is; on its own host only, since the answers name consumers.
    pub monitor: String,
    /// Where other servers connect, and all servers as they are reached; empty if it stands alone.
    pub cluster: Option<Cluster>,
    pub store: String,
    /// The folder of `ca.pem`, `server.pem` and `server.key`.
    pub tls: String,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub listen: String,
    pub routes: Vec<String>,
}

/// A user's public nkey with what it may do.
#[derive(Clone, Debug)]
pub struct User {
    pub role: Role,
    pub public: String,
    pub permissions: Permissions,
}

/// The server's configuration file.
pub fn render(server: &Server, users: &[User]) -> String {
    let Server { name, listen, monitor, store, tls, .. } = server;
    let mut out = format!(
        "# Made by `hutong deploy`; made again when membership changes.\n\
         server_name: {name}\nlisten: \"{listen}\"\nhttp: \"{monitor}\"\nmax_payload: {MAX_PAYLOAD}\n\n\
         jetstream {{\n  store_dir: \"{store}\"\n  sync_interval: always\n}}\n\n\
         tls {{\n  cert_file: \"{tls}/server.pem\"\n  key_file: \"{tls}/server.key\"\n  ca_file: \"{tls}/ca.pem\"\n}}\n\n"
    );
    if let Some(Cluster { listen, routes }) = &server.cluster {
        let routes: Vec<String> = routes.iter().map(|route| format!("\"{route}\"")).collect();
        let _ = write!(
            out,
            "cluster {{\n  name: hutong\n  listen: \"{listen}\"\n  routes: [{}]\n  tls {{\n    \
             cert_file: \"{tls}/server.pem\"\n    key_file: \"{tls}/server.key\"\n    ca_file: \"{tls}/ca.pem\"\n    \
             verify: true\n  }}\n}}\n\n",
            routes.join(", ")
        );
    }
    out.push_str("accounts {\n  SYS { users: [] }\n  CITY {\n    jetstream: enabled\n    users: [\n");
    for user in users {
        render_user(&mut out, user);
    }
    out.push_str("    ]\n  }\n}\nsystem_account: SYS\n");
    out
}

fn render_user(out: &mut String, user: &User) {
    let list = |subjects: &[String]| -> String {
        subjects.iter().map(|subject| format!("            \"{subject}\"\n")).collect()
    };
    let Permissions { publish, subscribe, answers } = &user.permissions;
    // One answer for each request, as long as a wait for finality may take.
    let answers = if *answers { "          allow_responses: { max: 1, expires: \"2m\" }\n" } else { "" };
    let _ = write!(
        out,
        "      # {}\n      {{\n        nkey: {}\n        permissions {{\n          publish {{ allow: [\n{}          ] }}\n          \
         subscribe {{ allow: [\n{}          ] }}\n{answers}        }}\n      }}\n",
        user.role.name(),
        user.public,
        list(publish),
        list(subscribe),
    );
}
