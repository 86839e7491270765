//! The edge's configuration for `workerd`, made of `edge-issuer/wrangler.toml`.
//!
//! Each environment of that file is one party: here it becomes a worker on a loopback port of its
//! own, with a secret seed and databases of its own, and bindings to the other parties.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bundle;
use crate::command::root;

/// The parties, in the order of their ports.
pub(crate) const ROLES: [&str; 8] =
    ["wallet", "shop", "issuer", "bank-a", "bank-b", "payment", "register", "originator"];

/// Where each party answers: its name and its loopback port.
#[derive(Clone)]
pub(crate) struct Ports(pub(crate) [u16; ROLES.len()]);

impl Ports {
    /// The names with their ports.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, u16)> + '_ {
        ROLES.into_iter().zip(self.0)
    }

    /// The parties' origins as a JSON object.
    pub(crate) fn origins(&self) -> String {
        let origins: BTreeMap<_, _> = self.each().map(|(r, port)| (r, origin(port))).collect();
        serde_json::json!(origins).to_string()
    }
}

/// The origin of a loopback port.
pub(crate) fn origin(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// The environment variable that carries a party's seed to the edge, so that no configuration
/// file holds it.
pub(crate) fn seed_variable(role: &str) -> String {
    format!("KOBAN_SEED_{}", role.to_uppercase().replace('-', "_"))
}

#[derive(Deserialize)]
struct Wrangler {
    name: String,
    compatibility_date: String,
    env: BTreeMap<String, Party>,
}

#[derive(Deserialize)]
struct Party {
    services: Vec<Service>,
    vars: BTreeMap<String, String>,
    assets: Option<Assets>,
    #[serde(default)]
    durable_objects: DurableObjects,
}

#[derive(Deserialize)]
struct Service {
    binding: String,
    service: String,
}

#[derive(Deserialize)]
struct Assets {
    binding: String,
}

#[derive(Default, Deserialize)]
struct DurableObjects {
    bindings: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    class_name: String,
}

/// Writes `config.capnp` into the state folder; databases will lie in its `databases/`.
///
/// # Errors
/// The description of the parties cannot be read, or the file not be written.
pub(crate) fn write(state: &Path, ports: &Ports) -> Result<()> {
    let text = fs::read_to_string(root().join("edge-issuer/wrangler.toml"))?;
    let wrangler = toml::from_str(&text).context("edge-issuer/wrangler.toml")?;
    let databases = state.join("databases");
    fs::create_dir_all(&databases)?;
    fs::write(state.join("config.capnp"), render(&wrangler, &databases, ports)?)?;
    Ok(())
}

fn render(wrangler: &Wrangler, databases: &Path, ports: &Ports) -> Result<String> {
    let mut services = String::new();
    let mut sockets = String::new();
    for (role, port) in ports.each() {
        let party = wrangler.env.get(role).with_context(|| format!("no [env.{role}]"))?;
        let name = text(&format!("{}-{role}", wrangler.name));
        let worker = worker(wrangler, role, party, ports, port);
        writeln!(services, "    (name = {name}, worker = (\n{worker}    )),")?;
        let address = text(&format!("127.0.0.1:{port}"));
        writeln!(
            sockets,
            "    (name = {}, address = {address}, http = (), service = {name}),",
            text(role)
        )?;
    }
    let module = |name: &str| text(&bundle::worker_folder().join(name).to_string_lossy());
    Ok(format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         \n\
         const modules :List(Workerd.Worker.Module) = [\n    \
             (name = \"index.js\", esModule = embed {index}),\n    \
             (name = \"./index_bg.wasm\", wasm = embed {wasm}),\n\
         ];\n\
         \n\
         const config :Workerd.Config = (\n  services = [\n    \
             (name = \"databases\", disk = (path = {databases}, writable = true)),\n    \
             (name = \"files\", disk = (path = {files})),\n{services}  ],\n  \
             sockets = [\n{sockets}  ],\n);\n",
        index = module("index.js"),
        wasm = module("index_bg.wasm"),
        databases = text(&databases.to_string_lossy()),
        files = text(&bundle::wallet_folder().to_string_lossy()),
    ))
}

fn worker(wrangler: &Wrangler, role: &str, party: &Party, ports: &Ports, port: u16) -> String {
    let mut vars = party.vars.clone();
    vars.insert("SELF".into(), origin(port));
    vars.insert("PEERS".into(), ports.origins());
    vars.insert("DEMO".into(), "1".into());

    let mut bindings = Vec::new();
    let mut bind = |name: &str, kind: &str, value: &str| {
        bindings.push(format!("        (name = {}, {kind} = {}),\n", text(name), text(value)));
    };
    for (name, value) in &vars {
        bind(name, "text", value);
    }
    bind("SEED", "fromEnvironment", &seed_variable(role));
    for service in &party.services {
        bind(&service.binding, "service", &service.service);
    }
    if let Some(assets) = &party.assets {
        bind(&assets.binding, "service", "files");
    }
    let mut namespaces = String::new();
    for object in &party.durable_objects.bindings {
        let class = text(&object.class_name);
        bind(&object.name, "durableObjectNamespace", &object.class_name);
        let key = text(&format!("{}-{role}-{}", wrangler.name, object.class_name));
        namespaces += "        (className = ";
        namespaces += &format!("{class}, uniqueKey = {key}, enableSql = true),\n");
    }
    let mut worker = format!(
        "      modules = .modules,\n      compatibilityDate = {},\n      \
         bindings = [\n{}      ],\n",
        text(&wrangler.compatibility_date),
        bindings.concat(),
    );
    if !namespaces.is_empty() {
        worker += &format!("      durableObjectNamespaces = [\n{namespaces}      ],\n");
        worker += "      durableObjectStorage = (localDisk = \"databases\"),\n";
    }
    worker
}

/// A text literal of Cap'n Proto's schema language.
fn text(value: &str) -> String {
    let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_party_is_described_and_knows_all_others() {
        let file = fs::read_to_string(root().join("edge-issuer/wrangler.toml")).unwrap();
        let wrangler: Wrangler = toml::from_str(&file).unwrap();
        let described: Vec<_> = wrangler.env.keys().map(String::as_str).collect();
        let mut expected = ROLES.to_vec();
        expected.sort_unstable();
        assert_eq!(described, expected);
        for (role, party) in &wrangler.env {
            let others: Vec<_> = party.services.iter().map(|s| s.service.as_str()).collect();
            assert_eq!(party.vars["ROLE"], *role);
            for other in ROLES.iter().filter(|other| *other != role) {
                assert!(others.contains(&format!("koban-{other}").as_str()), "{role} {other}");
            }
        }
    }

    #[test]
    fn literals_are_escaped() {
        assert_eq!(text("{\"a\": \"b\\c\"}\n"), r#""{\"a\": \"b\\c\"}\n""#);
    }
}
